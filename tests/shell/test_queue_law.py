"""The work queue against one that anybody can follow: whatever happens, both start the same keys in the same order."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from inference_operator.shell.queue import Backoff, Load, Priority
from tests.elasticsearch.laws import LAW
from tests.shell.bench import Bench

KEYS = ("x1", "x2", "x3", "x4", "y1", "y2")


@dataclass(slots=True)
class Wish:
    priority: Priority
    due: float
    number: int


class Naive:
    """Looks at everything each time. Pauses of retries double from 1 to 4 seconds, without dice."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.now = 0.0
        self.is_open = False
        self.groups = {key: key[0] for key in KEYS}
        self.wishes: dict[str, Wish] = {}
        self.working: dict[str, str] = {}
        self.started: list[str] = []
        self.failures: dict[str, int] = {}
        self.looks: dict[str, int] = {}
        self.retries = 0
        self.made = 0

    def add(self, key: str, priority: Priority, delay: float) -> None:
        self.made += 1
        wish, known = Wish(priority, self.now + delay, self.made), self.wishes.get(key)
        if known is not None and known.due <= wish.due and known.priority <= wish.priority:
            wish = known
        elif known is not None:
            wish = Wish(min(known.priority, wish.priority), min(known.due, wish.due), wish.number)
        self.wishes[key] = wish
        self.start()

    def retry(self, key: str, priority: Priority) -> None:
        failures = self.failures[key] = self.failures.get(key, 0) + 1
        self.retries += 1
        self.add(key, priority, min(4.0, 2.0 ** (failures - 1)))

    def poll(self, key: str, priority: Priority) -> None:
        self.failures.pop(key, None)
        looks = self.looks[key] = self.looks.get(key, 0) + 1
        self.add(key, priority, min(3.0, 2.0 ** (looks - 1)))

    def succeeded(self, key: str) -> None:
        self.failures.pop(key, None)
        self.looks.pop(key, None)

    def drop(self, key: str) -> None:
        self.wishes.pop(key, None)
        self.succeeded(key)

    def finish(self, key: str) -> None:
        del self.working[key]
        self.start()

    def pass_by(self, seconds: float) -> None:
        end = self.now + seconds
        while moments := [wish.due for wish in self.wishes.values() if self.now < wish.due <= end]:
            self.now = min(moments)
            self.start()
        self.now = end

    def start(self) -> None:
        while self.is_open and (able := [key for key in self.wishes if self.may_start(key)]):
            key = min(able, key=lambda key: (self.wishes[key].priority, self.wishes[key].number))
            del self.wishes[key]
            self.working[key] = self.groups[key]
            self.started.append(key)

    def may_start(self, key: str) -> bool:
        has_place = list(self.working.values()).count(self.groups[key]) < self.limit
        return key not in self.working and self.wishes[key].due <= self.now and has_place

    def load(self) -> Load:
        ages = [self.now - wish.due for wish in self.wishes.values() if wish.due <= self.now]
        later = len(self.wishes) - len(ages)
        return Load(len(ages), later, len(self.working), len(self.failures), max(ages, default=0.0), self.retries)


class Pair:
    """Both queues, and whatever happens, to both of them. Work takes until it is told to end."""

    def __init__(self, limit: int) -> None:
        self.naive = Naive(limit)
        self.bench = Bench(limit=limit, backoff=Backoff(1.0, 4.0))
        self.bench.groups = self.naive.groups
        self.bench.hang(*KEYS)

    async def open(self) -> None:
        await self.bench.open()
        self.naive.is_open = True
        self.naive.start()
        await self.agree()

    async def happens(self, verb: str, key: str, priority: Priority, seconds: float) -> None:
        queue, naive = self.bench.queue, self.naive
        match verb:
            case "add":
                queue.add(key, priority, seconds)
                naive.add(key, priority, seconds)
            case "retry":
                queue.retry(key, priority)
                naive.retry(key, priority)
            case "poll":
                queue.poll(key, priority, at_most=3.0)
                naive.poll(key, priority)
            case "move":
                naive.groups[key] = "xy"[int(seconds) % 2]
                queue.add(key, priority)
                naive.add(key, priority, 0.0)
            case "drop":
                queue.drop(key)
                naive.drop(key)
            case "succeeded":
                queue.succeeded(key)
                naive.succeeded(key)
            case "finish":
                await self.finish(KEYS.index(key))
            case _:
                await self.bench.clock.advance(seconds)
                naive.pass_by(seconds)
        await self.agree()

    async def finish(self, number: int) -> None:
        """Let one of those in work end."""
        if not self.naive.working:
            return
        key = list(self.naive.working)[number % len(self.naive.working)]
        ended = self.bench.hanging[key]
        self.bench.hang(key)
        ended.set()
        await self.bench.clock.settle()
        self.naive.finish(key)

    async def agree(self) -> None:
        await self.bench.clock.settle()
        assert self.bench.started == self.naive.started
        assert self.bench.queue.load() == self.naive.load()

    async def end(self) -> None:
        """Let time pass and all work end."""
        await self.happens("wait", "", Priority.EDIT, 10.0)
        while self.naive.working:
            await self.finish(0)
            await self.agree()
        for key in KEYS:
            self.bench.queue.succeeded(key)
        self.bench.assert_nothing_left()


EVENT = st.tuples(
    st.sampled_from(["add", "add", "add", "retry", "poll", "move", "drop", "succeeded", "finish", "finish", "wait"]),
    st.sampled_from(KEYS),
    st.sampled_from(list(Priority)),
    st.sampled_from([0.0, 0.0, 1.0, 2.0, 5.0]),
)
Events = list[tuple[str, str, Priority, float]]


@LAW
@given(st.sampled_from([1, 2]), st.lists(EVENT), st.lists(EVENT, min_size=30, max_size=80))
def test_it_starts_what_a_naive_queue_starts(limit: int, before: Events, after: Events) -> None:
    async def run() -> None:
        pair = Pair(limit)
        for event in before:
            await pair.happens(*event)
        await pair.open()
        for event in after:
            await pair.happens(*event)
        await pair.end()

    asyncio.run(run())
