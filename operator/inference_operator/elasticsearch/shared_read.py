"""One reading for all who ask: however many want to know, one request is under way, and its answer is kept.

Decides when a kept answer may be given, when a reading under way may be joined, and when a new one is needed. A failure
is given to all who wait for it and then forgotten.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from inference_operator.core.failure import Failure, TransportFailure, TransportKind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inference_operator.core.clock import Clock

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_T]):
    value: _T
    asked_at: float


@dataclass(frozen=True, slots=True)
class _UnderWay(Generic[_T]):
    task: asyncio.Task[_T | Failure]
    asked_at: float


class SharedRead(Generic[_T]):
    """A value of the cluster that many want to know.

    Args:
        read: asks the cluster. Returns a failure, never raises.
        clock: tells the age of what is kept. An answer is as old as its question.
        address: names the cluster when a reading is given up.
    """

    def __init__(self, read: Callable[[], Awaitable[_T | Failure]], clock: Clock, address: str) -> None:
        self._read = read
        self._clock = clock
        self._address = address
        self._generation = 0
        self._kept: _Kept[_T] | None = None
        self._under_way: _UnderWay[_T] | None = None
        self._tasks: set[asyncio.Task[_T | Failure]] = set()

    def kept(self, max_age: float | None) -> _T | None:
        """What is known, if younger than `max_age` seconds: 0 takes nothing, None any age since the last `invalidate`."""
        if self._kept is None or (max_age is not None and self._age(self._kept.asked_at) >= max_age):
            return None
        return self._kept.value

    async def get(self, max_age: float | None = None) -> _T | Failure:
        """What is known, else what a reading tells. A caller that gives up takes nothing from the others."""
        known = self.kept(max_age)
        if known is not None:
            return known
        return await self._outcome(self._joinable(max_age) or self._start())

    async def get_new(self) -> _T | Failure:
        """What a reading tells that begins after now. Those who come while one is under way share the next."""
        asked_at = self._clock.monotonic()
        under_way = self._joinable(None)
        if under_way is not None:
            await self._outcome(under_way)
        return await self.get(self._age(asked_at))

    async def get_since(self, moment: float) -> _T | Failure:
        """What a reading tells, or told, that began after a moment on the clock. One under way from before is not joined."""
        if self._kept is not None and self._kept.asked_at > moment:
            return self._kept.value
        under_way = self._joinable(None)
        if under_way is not None and self._under_way is not None and self._under_way.asked_at > moment:
            return await self._outcome(under_way)
        return await self.get_new()

    async def _outcome(self, task: asyncio.Task[_T | Failure]) -> _T | Failure:
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if not task.cancelled() or (current is not None and current.cancelling()):
                raise
            return TransportFailure(TransportKind.CONNECT, self._address, "the reading was given up: connection closed")

    def invalidate(self) -> None:
        """Forget what is known. A reading under way still serves those who wait for it, but nobody who comes later."""
        self._generation += 1
        self._kept = None
        self._under_way = None

    async def aclose(self) -> None:
        """Give up every reading under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _joinable(self, max_age: float | None) -> asyncio.Task[_T | Failure] | None:
        current = self._under_way
        if current is None or current.task.done():
            return None
        if max_age is not None and self._age(current.asked_at) > max_age:
            return None
        return current.task

    def _start(self) -> asyncio.Task[_T | Failure]:
        asked_at = self._clock.monotonic()
        task = asyncio.create_task(self._fetch(asked_at, self._generation))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._under_way = _UnderWay(task, asked_at)
        return task

    async def _fetch(self, asked_at: float, generation: int) -> _T | Failure:
        result = await self._read()
        if not isinstance(result, Failure) and generation == self._generation:
            self._kept = _Kept(result, asked_at)
        return result

    def _age(self, asked_at: float) -> float:
        return self._clock.monotonic() - asked_at
