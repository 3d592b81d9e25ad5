"""What this package needs of time. Structurally the shell's `Clock`, which it must not import: dependencies point down."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Protocol


class Timer(Protocol):
    """A call that was put off and can be taken back."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Time as a port; all durations are seconds."""

    def monotonic(self) -> float:
        """Seconds since some moment; never goes back."""
        ...

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call back once, `delay` seconds from now, in the event loop."""
        ...


async def pause(clock: Clock, seconds: float, cut_short: asyncio.Event | None = None) -> None:
    """Wait `seconds`, or until `cut_short` is set (it is left set either way: clear it)."""
    over = cut_short or asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


def backoff(failures: int, chance: float, first: float = 1.0, longest: float = 30.0) -> float:
    """How long to wait after so many failures in a row (1, 2, …). `chance` in [0, 1) spreads it over its upper half."""
    ceiling = min(longest, first * 2.0 ** min(failures - 1, 16))
    return ceiling * (0.5 + 0.5 * chance)
