"""What this package needs of time. Structurally the shell's `Clock`, which it must not import: dependencies point down."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime


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


@asynccontextmanager
async def deadline(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Raise TimeoutError inside the block once so many seconds of that clock went by."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as scope:
        timer = clock.call_later(seconds, lambda: scope.reschedule(loop.time()))
        try:
            yield
        finally:
            timer.cancel()
