"""Time that passes only when a test says so.

Implements `inference_operator.core.clock.Clock`. `advance` moves the clock to every due call in turn and lets the
event loop come to rest after each, so an hour of retries runs in milliseconds and always in the same order. What waits
for a socket or a thread is not waited for: drive such a server with real time, or wait on a condition.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)
"""What `now()` reads on a new clock."""

_EPSILON = 1e-9  # ten steps of 0.1 s are 1 s, whatever floating point thinks
_TURNS_WITHOUT_REST = 100_000  # a loop that is still busy after so many turns is spinning
_TURNS_ON_OTHER_LOOPS = 200


class VirtualTimer:
    """A call that was put off; `cancel` takes it back."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    @property
    def waiting(self) -> bool:
        """True until it was called or cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        """Call back, unless that was done or cancelled."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class VirtualClock:
    """A clock whose hands the test moves."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[tuple[float, int, VirtualTimer]] = []

    def monotonic(self) -> float:
        return self._elapsed

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        """A call without delay happens in the next turn of the loop, as on a real clock; others wait for `advance`."""
        timer = VirtualTimer(callback)
        if delay <= 0:
            asyncio.get_running_loop().call_soon(timer.fire)
        else:
            heapq.heappush(self._timers, (self._elapsed + delay, next(self._order), timer))
        return timer

    @property
    def next_call(self) -> float | None:
        """Seconds until the next call that is waiting, None when there is none."""
        while self._timers and not self._timers[0][2].waiting:
            heapq.heappop(self._timers)
        return max(0.0, self._timers[0][0] - self._elapsed) if self._timers else None

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass: every call that falls due is made at its own moment, and the loop settles after each."""
        await self.settle()
        target = self._elapsed + seconds
        while (wait := self.next_call) is not None and self._elapsed + wait <= target + _EPSILON:
            self._elapsed = max(self._elapsed, self._timers[0][0])
            heapq.heappop(self._timers)[2].fire()
            await self.settle()
        self._elapsed = max(self._elapsed, target)
        await self.settle()

    def jump(self, seconds: float) -> None:
        """Let `seconds` pass in one turn of the loop: due calls are made, but no task runs in between. For races."""
        target = self._elapsed + seconds
        while (wait := self.next_call) is not None and self._elapsed + wait <= target + _EPSILON:
            self._elapsed = max(self._elapsed, self._timers[0][0])
            heapq.heappop(self._timers)[2].fire()
        self._elapsed = max(self._elapsed, target)

    async def settle(self) -> None:
        """Return when no task can go on without time, a socket or a thread. No time passes."""
        # asyncio keeps what may run now in `_ready`. It is private, but the only way to see the loop at rest; a loop
        # that hides it (uvloop) is given a fixed number of turns.
        ready = getattr(asyncio.get_running_loop(), "_ready", None)
        if ready is None:
            for _ in range(_TURNS_ON_OTHER_LOOPS):
                await asyncio.sleep(0)
            return
        for _ in range(_TURNS_WITHOUT_REST):
            await asyncio.sleep(0)
            if not ready:
                return
        raise AssertionError("the event loop does not come to rest: some task is spinning")
