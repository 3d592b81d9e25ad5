"""The work queue on a clock that only the test moves: merging, order, limits of groups."""

from __future__ import annotations

from contextvars import ContextVar

import pytest

from inference_operator.shell.queue import Priority, WorkQueue
from tests.shell.bench import Bench

Queue = WorkQueue[str]


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_keys_are_collected_before_the_opening(bench: Bench) -> None:
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.advance(10)
    assert bench.keys == []
    assert len(bench.queue) == 1
    await bench.open()
    assert bench.keys == ["a"]
    bench.assert_nothing_left()


async def test_key_that_waits_is_merged(bench: Bench) -> None:
    for _ in range(5):
        bench.queue.add("a", Priority.EDIT)
    assert len(bench.queue) == 1
    await bench.open()
    assert bench.keys == ["a"]


@pytest.mark.parametrize("order", [list(Priority), list(reversed(Priority))], ids=["best first", "worst first"])
async def test_better_priority_goes_first(order: list[Priority]) -> None:
    bench = Bench(limit=1)
    for priority in order:
        bench.queue.add(f"x{priority.name}", priority)
    await bench.open()
    assert bench.keys == [f"x{name}" for name in ("DELETION", "EDIT", "SECRET", "DEPENDENCY", "RESYNC")]


async def test_first_come_first_served_among_equals() -> None:
    bench = Bench(limit=1)
    for key in ("x3", "x1", "x2"):
        bench.queue.add(key, Priority.EDIT)
    await bench.open()
    assert bench.keys == ["x3", "x1", "x2"]


async def test_priority_counts_across_groups() -> None:
    bench = Bench(limit=1)
    bench.queue.add("a", Priority.RESYNC)
    bench.queue.add("b", Priority.DELETION)
    await bench.open()
    assert bench.started == ["b", "a"]


async def test_delay_is_kept(bench: Bench) -> None:
    await bench.open()
    bench.queue.add("a", Priority.EDIT, delay=5)
    await bench.clock.advance(4.9)
    assert bench.keys == []
    await bench.clock.advance(0.1)
    assert bench.done == [(5.0, "a")]


async def test_delays_of_several_keys_end_each_at_its_time(bench: Bench) -> None:
    await bench.open()
    for key, delay in (("c", 3.0), ("a", 1.0), ("b", 2.0)):
        bench.queue.add(key, Priority.EDIT, delay=delay)
    await bench.clock.advance(10)
    assert bench.done == [(1.0, "a"), (2.0, "b"), (3.0, "c")]
    bench.assert_nothing_left()


async def test_sooner_wish_brings_a_later_one_forward_and_is_done_once(bench: Bench) -> None:
    await bench.open()
    bench.queue.add("a", Priority.EDIT, delay=100)
    bench.queue.add("a", Priority.EDIT, delay=1)
    await bench.clock.advance(1)
    assert bench.done == [(1.0, "a")]
    await bench.clock.advance(1000)
    assert bench.done == [(1.0, "a")]


async def test_later_wish_does_not_put_a_sooner_one_off(bench: Bench) -> None:
    await bench.open()
    bench.queue.add("a", Priority.EDIT, delay=1)
    bench.queue.add("a", Priority.EDIT, delay=100)
    await bench.clock.advance(1)
    assert bench.done == [(1.0, "a")]
    await bench.clock.advance(1000)
    assert len(bench.done) == 1


async def test_merged_wish_has_the_better_priority_of_both() -> None:
    bench = Bench(limit=1)
    bench.queue.add("x1", Priority.RESYNC)
    bench.queue.add("x2", Priority.SECRET)
    bench.queue.add("x1", Priority.DELETION, delay=50)
    await bench.open()
    assert bench.keys == ["x1", "x2"]


async def test_key_in_work_is_never_worked_on_twice_at_once_and_runs_once_more_afterwards(bench: Bench) -> None:
    await bench.open()
    bench.hang("a")
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    for _ in range(3):
        bench.queue.add("a", Priority.EDIT)
        await bench.clock.settle()
    assert bench.started == ["a"]
    await bench.let_go("a")
    assert bench.keys == ["a", "a"]
    bench.assert_nothing_left()


async def test_wish_made_by_the_work_itself_is_kept(bench: Bench) -> None:
    await bench.open()
    bench.during["a"] = lambda: bench.queue.add("a", Priority.EDIT, delay=5)
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.advance(100)
    assert bench.done == [(0.0, "a"), (5.0, "a")]


async def test_wish_during_the_work_that_is_sooner_than_its_retry_wins(bench: Bench) -> None:
    await bench.open()
    bench.hang("a")
    bench.during["a"] = lambda: bench.queue.retry("a", Priority.EDIT, at_least=50)
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    bench.queue.add("a", Priority.SECRET)
    await bench.let_go("a")
    assert bench.keys == ["a", "a"]


async def test_a_group_has_its_limit() -> None:
    bench = Bench(limit=3)
    keys = [f"x{number}" for number in range(10)]
    bench.hang(*keys)
    for key in keys:
        bench.queue.add(key, Priority.EDIT)
    await bench.open()
    assert bench.started == keys[:3]
    await bench.let_go("x1")
    assert bench.started == keys[:4]
    await bench.let_go(*(key for key in keys if key != "x1"))
    assert sorted(bench.keys) == sorted(keys)
    assert bench.most_at_once == 3
    bench.assert_nothing_left()


async def test_a_group_that_hangs_delays_no_other() -> None:
    bench = Bench(limit=2)
    hanging = [f"x{number}" for number in range(50)]
    bench.hang(*hanging)
    for key in hanging:
        bench.queue.add(key, Priority.DELETION)
    bench.queue.add("y1", Priority.RESYNC)
    await bench.open()
    assert bench.keys == ["y1"]
    bench.queue.add("y2", Priority.RESYNC, delay=5)
    await bench.clock.advance(5)
    assert bench.keys == ["y1", "y2"]
    assert bench.queue.busy


async def test_key_whose_group_changes_while_it_waits_counts_for_the_new_one() -> None:
    bench = Bench(limit=1)
    bench.groups = {"a": "unknown", "b": "unknown", "c": "unknown"}
    bench.hang("a", "b", "c")
    for key in "abc":
        bench.queue.add(key, Priority.EDIT)
    bench.groups = {"a": "cluster", "b": "cluster", "c": "cluster"}
    await bench.open()
    assert bench.started == ["a"], "the cluster's limit holds"
    await bench.let_go("a", "b", "c")
    assert bench.keys == ["a", "b", "c"]
    bench.assert_nothing_left()


@pytest.mark.parametrize("mover", ["b", "c"], ids=["first in line", "behind another"])
async def test_key_that_is_moved_to_a_free_group_does_not_wait_for_the_old_one(mover: str) -> None:
    bench = Bench(limit=1)
    bench.groups = dict.fromkeys("abc", "hanging")
    bench.hang("a")
    await bench.open()
    for key in "abc":
        bench.queue.add(key, Priority.EDIT)
    await bench.clock.settle()
    assert bench.started == ["a"]
    bench.groups[mover] = "free"
    bench.queue.add(mover, Priority.RESYNC)
    await bench.clock.settle()
    assert bench.keys == [mover]
    await bench.let_go("a")
    assert sorted(bench.keys) == ["a", "b", "c"]
    bench.assert_nothing_left()


async def test_key_that_is_moved_to_a_group_without_a_place_waits_for_that_one() -> None:
    bench = Bench(limit=1)
    bench.groups = {"a": "one", "b": "two", "c": "one"}
    bench.hang("a", "b")
    await bench.open()
    for key in "abc":
        bench.queue.add(key, Priority.EDIT)
    bench.groups["c"] = "two"
    bench.queue.add("c", Priority.EDIT)
    await bench.let_go("b")
    assert bench.keys == ["b", "c"]
    await bench.let_go("a")
    bench.assert_nothing_left()


async def test_place_that_the_first_in_line_does_not_want_any_more_goes_to_the_next() -> None:
    bench = Bench(limit=1)
    bench.groups = dict.fromkeys("abcd", "one")
    bench.hang("a", "d")
    await bench.open()
    for key in "abcd":
        bench.queue.add(key, Priority.EDIT)
    await bench.clock.settle()
    bench.queue.drop("b")
    bench.groups["c"] = "two"  # nobody told the queue
    await bench.let_go("a")
    assert bench.keys == ["a", "c"]
    assert bench.started[-1] == "d"
    await bench.let_go("d")
    bench.assert_nothing_left()


async def test_group_that_changes_while_its_key_is_in_work_gives_its_place_back() -> None:
    bench = Bench(limit=1)
    bench.groups["a"] = "one"
    bench.hang("a")
    await bench.open()
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    bench.groups["a"] = "two"
    await bench.let_go("a")
    bench.assert_nothing_left()


async def test_dropped_key_is_not_worked_on_and_leaves_nothing(bench: Bench) -> None:
    bench.queue.add("a", Priority.EDIT)
    bench.queue.add("b", Priority.EDIT, delay=5)
    bench.queue.retry("c", Priority.EDIT)
    for key in "abc":
        bench.queue.drop(key)
    await bench.open()
    await bench.clock.advance(100)
    assert bench.keys == []
    bench.assert_nothing_left()


async def test_dropped_key_in_work_ends_and_does_not_run_again(bench: Bench) -> None:
    await bench.open()
    bench.hang("a")
    bench.queue.add("a", Priority.EDIT)
    await bench.clock.settle()
    bench.queue.add("a", Priority.EDIT)
    bench.queue.drop("a")
    await bench.let_go("a")
    assert bench.keys == ["a"]
    bench.assert_nothing_left()


async def test_dropped_and_added_again_is_worked_on_once(bench: Bench) -> None:
    bench.queue.add("a", Priority.EDIT, delay=1)
    bench.queue.drop("a")
    bench.queue.add("a", Priority.EDIT, delay=2)
    await bench.open()
    await bench.clock.advance(100)
    assert bench.done == [(2.0, "a")]


async def test_work_starts_in_a_context_of_its_own(bench: Bench) -> None:
    whose: ContextVar[str] = ContextVar("whose", default="nobody's")
    seen: list[str] = []
    await bench.open()
    for key in "ab":
        bench.during[key] = lambda: seen.append(whose.get())
    whose.set("the adder's")
    bench.queue.add("a", Priority.EDIT)
    bench.queue.add("b", Priority.EDIT, delay=5)
    await bench.clock.advance(5)
    assert seen == ["nobody's", "nobody's"]
