"""Time as a port, so that tests run hours in milliseconds. The machine's own is `shell.clock.SystemClock`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Timer(Protocol):
    """A call that was put off and can be taken back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """All that anybody may know of time. Durations are seconds."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, `delay` seconds from now, in the event loop."""
        ...
