"""Time as the stand-in sees it: the machine's, or one that only a test moves.

Deployments, latencies and waits all ask a clock, so that a test can run minutes in no time.
"""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import Protocol

EPOCH = 1_750_000_000.0


class Clock(Protocol):
    """Wall time in seconds since 1970, and a way to wait for it."""

    def now(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...

    def advance(self, seconds: float) -> None: ...


@dataclass(eq=False)
class _Sleepers:
    """Sleeping coroutines, of any event loop, that `wake` calls back to look at the time again."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = field(default_factory=set)

    async def wait(self, seconds: float | None) -> None:
        entry = (asyncio.get_running_loop(), asyncio.Event())
        with self.lock:
            self.waiting.add(entry)
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

    async def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
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

    async def sleep(self, seconds: float) -> None:
        until = self._now + seconds
        while self._now < until:
            await self._sleepers.wait(None)

    def advance(self, seconds: float) -> None:
        self._now += seconds
        self._sleepers.wake()
