"""A queue at work on a virtual clock, and notes of what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from inference_operator.shell.queue import Backoff, WorkQueue
from tests.virtual_clock import VirtualClock

Queue = WorkQueue[str]


class Bench:
    """A queue with workers that note what they do; a key that hangs works until it is let go."""

    def __init__(self, *, limit: int = 2, backoff: Backoff | None = None, dice: Callable[[], float] = lambda: 0.0) -> None:
        self.clock = VirtualClock()
        self.done: list[tuple[float, str]] = []
        self.started: list[str] = []
        self.at_once: dict[str, int] = {}
        self.most_at_once = 0
        self.hanging: dict[str, asyncio.Event] = {}
        self.groups: dict[str, str] = {}
        self.during: dict[str, Callable[[], object]] = {}
        self.queue: Queue = WorkQueue(
            self.clock, dice=dice, backoff=backoff or Backoff(1.0, 60.0), group_of=self.group_of, limit=limit
        )

    def group_of(self, key: str) -> str:
        return self.groups.get(key, key[0])

    def hang(self, *keys: str) -> None:
        for key in keys:
            self.hanging[key] = asyncio.Event()

    async def let_go(self, *keys: str) -> None:
        for key in keys:
            self.hanging.pop(key).set()
        await self.clock.settle()

    async def work(self, key: str) -> None:
        self.started.append(key)
        self.at_once[key] = self.at_once.get(key, 0) + 1
        self.most_at_once = max(self.most_at_once, sum(self.at_once.values()))
        assert self.at_once[key] == 1, f"two workers on {key}"
        try:
            if key in self.hanging:
                await self.hanging[key].wait()
            await asyncio.sleep(0)
            self.during.pop(key, lambda: None)()
        finally:
            self.at_once[key] -= 1
        self.done.append((self.clock.monotonic(), key))

    async def open(self) -> None:
        self.queue.open(self.work)
        await self.clock.settle()

    @property
    def keys(self) -> list[str]:
        return [key for _, key in self.done]

    def assert_nothing_left(self) -> None:
        queue = self.queue
        assert len(queue) == 0
        assert not queue.busy
        leftovers = (queue._waiting, queue._again, queue._groups, queue._tasks, queue._attempts)
        assert not any(leftovers), leftovers
