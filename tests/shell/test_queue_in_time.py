"""The work queue over time: backoff, drain, and that nothing is forgotten or left behind."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.shell.queue import Backoff, Priority, WorkQueue
from tests.elasticsearch.laws import LAW
from tests.shell.bench import Bench

Queue = WorkQueue[str]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_backoff_doubles_up_to_the_longest_pause(bench: Bench) -> None:
    await bench.open()
    pauses = [bench.queue.retry("a", Priority.EDIT) for _ in range(9)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


async def test_backoff_is_each_keys_own_and_ends_with_a_success(bench: Bench) -> None:
    await bench.open()
    assert [bench.queue.retry("a", Priority.EDIT) for _ in range(3)] == [1, 2, 4]
    assert bench.queue.retry("b", Priority.EDIT) == 1
    bench.queue.succeeded("a")
    assert bench.queue.retry("a", Priority.EDIT) == 1


async def test_jitter_shortens_by_up_to_half() -> None:
    rolls = iter([0.0, 0.5, 0.999])
    bench = Bench(backoff=Backoff(8.0, 8.0), dice=lambda: next(rolls))
    await bench.open()
    assert [bench.queue.retry("a", Priority.EDIT) for _ in range(3)] == pytest.approx([8.0, 6.0, 4.004])


async def test_pause_is_at_least_what_the_server_asked_for(bench: Bench) -> None:
    await bench.open()
    assert bench.queue.retry("a", Priority.EDIT, at_least=30) == 30
    assert bench.queue.retry("a", Priority.EDIT, at_least=1) == 2


async def test_polling_slows_down_to_its_longest_pause_and_is_no_failure(bench: Bench) -> None:
    await bench.open()
    assert [bench.queue.poll("a", Priority.EDIT, at_most=3) for _ in range(4)] == [1, 2, 3, 3]
    assert (bench.queue.load().failing, bench.queue.load().retries) == (0, 0)
    bench.queue.succeeded("a")
    assert bench.queue.poll("a", Priority.EDIT, at_most=3) == 1


async def test_a_failure_in_between_neither_inherits_the_pace_of_polling_nor_changes_it(bench: Bench) -> None:
    await bench.open()
    assert [bench.queue.poll("a", Priority.EDIT, at_most=60) for _ in range(6)] == [1, 2, 4, 8, 16, 32]
    assert [bench.queue.retry("a", Priority.EDIT) for _ in range(2)] == [1, 2]
    assert bench.queue.poll("a", Priority.EDIT, at_most=60) == 60
    assert bench.queue.retry("a", Priority.EDIT) == 1


async def test_failing_for_months_keeps_to_the_longest_pause(bench: Bench) -> None:
    await bench.open()
    pauses = [bench.queue.retry("a", Priority.EDIT) for _ in range(3000)]
    assert pauses[-1] == 60


async def test_retries_happen_at_their_time(bench: Bench) -> None:
    await bench.open()

    def again() -> None:
        bench.queue.retry("a", Priority.EDIT)
        bench.during["a"] = again

    bench.during["a"] = again
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.advance(70)
    assert [moment for moment, _ in bench.done] == [0, 1, 3, 7, 15, 31, 63]


async def test_drain_takes_nothing_new_and_waits_for_the_work_in_hand(bench: Bench) -> None:
    await bench.open()
    bench.hang("a")
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    draining = asyncio.ensure_future(bench.queue.drain(grace=30))
    await bench.clock.settle()
    bench.queue.add("b", Priority.DELETION)
    await bench.clock.advance(29)
    assert not draining.done()
    await bench.let_go("a")
    assert await draining == 0
    assert bench.keys == ["a"]
    await bench.clock.advance(100)
    assert bench.keys == ["a"]


async def test_drain_cuts_off_what_takes_longer_than_the_grace(bench: Bench) -> None:
    await bench.open()
    bench.hang("a", "b")
    for key in "abc":
        bench.queue.add(key, Priority.EDIT)
    await bench.clock.settle()
    draining = asyncio.ensure_future(bench.queue.drain(grace=30))
    await bench.clock.advance(30)
    assert await draining == 2
    assert bench.keys == ["c"]
    assert not bench.queue.busy
    assert bench.clock.next_call is None, "no timer is left behind"


async def test_drain_without_work_or_grace_ends_at_once(bench: Bench) -> None:
    await bench.open()
    bench.queue.add("later", Priority.EDIT, delay=5)
    assert await bench.queue.drain(grace=30) == 0
    assert bench.clock.next_call is None


async def test_drain_without_grace_cuts_everything_off(bench: Bench) -> None:
    await bench.open()
    bench.hang("a")
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    assert await bench.queue.drain(grace=0.0) == 1


async def test_busy_tells_work_and_what_is_due_from_what_waits(bench: Bench) -> None:
    assert not bench.queue.busy
    bench.queue.add("a", Priority.EDIT, delay=5)
    assert not bench.queue.busy
    await bench.clock.advance(5)
    assert bench.queue.busy, "due, but not open"
    await bench.open()
    assert not bench.queue.busy


KEYS = ("x1", "x2", "x3", "y1", "y2")
WISHES = st.lists(
    st.tuples(
        st.sampled_from(["add", "add", "retry", "drop", "succeeded"]),
        st.sampled_from(KEYS),
        st.sampled_from(list(Priority)),
        st.sampled_from([0.0, 0.1, 1.0, 7.0]),
        st.sampled_from([0.0, 0.3, 2.0]),
    ),
    max_size=30,
)
Wishes = list[tuple[str, str, Priority, float, float]]


class Wanted:
    """When each key is to be worked on, by a rule that anybody can follow: the soonest wish since it was last worked on."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.due: dict[str, float] = {}

    def wish(self, verb: str, key: str, priority: Priority, delay: float) -> None:
        queue = self.bench.queue
        match verb:
            case "add":
                queue.add(key, priority, delay)
                self._wants(key, delay)
            case "retry":
                self._wants(key, queue.retry(key, priority))
            case "drop":
                queue.drop(key)
                self.due.pop(key, None)
            case _:
                queue.succeeded(key)

    def _wants(self, key: str, delay: float) -> None:
        moment = self.bench.clock.monotonic() + delay
        self.due[key] = min(moment, self.due.get(key, moment))

    async def pass_by(self, seconds: float) -> None:
        before = len(self.bench.done)
        await self.bench.clock.advance(seconds)
        for moment, key in self.bench.done[before:]:
            assert moment == pytest.approx(self.due.pop(key))


@LAW
@given(WISHES)
def test_whatever_is_wished_is_worked_on_in_time_and_nothing_is_left(wishes: Wishes) -> None:
    async def run() -> None:
        bench = Bench(limit=2, backoff=Backoff(1.0, 4.0))
        await bench.open()
        wanted = Wanted(bench)
        for verb, key, priority, delay, pause in wishes:
            wanted.wish(verb, key, priority, delay)
            await wanted.pass_by(pause)
        await wanted.pass_by(20)
        assert wanted.due == {}
        for key in KEYS:
            bench.queue.succeeded(key)
        bench.assert_nothing_left()

    asyncio.run(run())
