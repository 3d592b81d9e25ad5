"""Time as the stand-in sees it: the machine's, or one that only a test moves.

Deployments, latencies and waits all ask a clock, so that a test can run minutes in no time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Protocol

EPOCH = 1_750_000_000.0


class Clock(Protocol):
    """Wall time in seconds since 1970, and a way to wait for it.

    `sleep` counts from the moment it is called, not from the moment it is awaited.
    """

    def now(self) -> float: ...

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]: ...

    def advance(self, seconds: float) -> None: ...


@dataclass(eq=False)
class _Sleepers:
    """Sleeping coroutines, of any event loop, that `wake` calls back to look at the time again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float | None) -> None:
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self.lock:
            self.waiting.add(entry)
        self.arrived.set()
        try:
            await asyncio.wait_for(entry[1].wait(), seconds)
        except TimeoutError:
            return
        finally:
            with self.lock:
                self.waiting.discard(entry)

    def wake(self) -> None:
        with self.lock:
            waiting = tuple(self.waiting)
        for loop, event in waiting:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)


class SystemClock:
    """The machine's time; `advance` jumps ahead of it."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._sleepers = _Sleepers()

    def now(self) -> float:
        return time.time() + self._ahead

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        return self._sleep_until(self.now() + seconds)

    async def _sleep_until(self, until: float) -> None:
        while (left := until - self.now()) > 0:
            await self._sleepers.wait(left)

    def advance(self, seconds: float) -> None:
        self._ahead += seconds
        self._sleepers.wake()


class ManualClock:
    """A clock that stands still until `advance` is called; sleepers wake when their time has come."""

    def __init__(self, start: float = EPOCH) -> None:
        self._now = start
        self._sleepers = _Sleepers()

    def now(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> Coroutine[Any, Any, None]:
        return self._sleep_until(self._now + seconds)

    async def _sleep_until(self, until: float) -> None:
        while self._now < until:
            await self._sleepers.wait(None)

    async def until_sleeping(self, count: int) -> None:
        """Wait until so many coroutines of this event loop wait for the clock; give it a time-out."""
        while len(self._sleepers.waiting) < count:
            self._sleepers.arrived.clear()
            await self._sleepers.arrived.wait()

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._sleepers.wake()
