"""One reading for all who ask: counted, joined, kept, and given up."""

from __future__ import annotations

import asyncio

import pytest

from inference_operator.core.failure import HttpFailure, TransportFailure
from inference_operator.elasticsearch.shared_read import SharedRead
from tests.virtual_clock import VirtualClock

REFUSED = HttpFailure(500, "status_exception")


class Source:
    """Counts readings; each answers what stands in `value` when it began, once `gate` is open."""

    def __init__(self) -> None:
        self.value: str | HttpFailure = "first"
        self.reads = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> str | HttpFailure:
        self.reads += 1
        value = self.value
        await self.gate.wait()
        return value


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def shared(source: Source, clock: VirtualClock) -> SharedRead[str]:
    return SharedRead(source.read, clock, "https://es:9200")


async def test_all_who_ask_at_once_share_one_reading(shared: SharedRead[str], source: Source) -> None:
    source.gate.clear()
    waiting = [asyncio.create_task(shared.get()) for _ in range(500)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"first"}
    assert source.reads == 1


async def test_an_answer_is_kept_until_it_is_too_old_for_the_one_who_asks(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    await shared.get()
    await clock.advance(10)
    source.value = "second"
    assert await shared.get() == "first"
    assert await shared.get(max_age=11) == "first"
    assert await shared.get(max_age=10) == "second"
    assert source.reads == 2


async def test_an_age_of_nothing_asks_anew_but_once_for_all_of_one_moment(shared: SharedRead[str], source: Source) -> None:
    await shared.get()
    source.value = "second"
    source.gate.clear()
    waiting = [asyncio.create_task(shared.get(max_age=0)) for _ in range(10)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*waiting)) == {"second"}
    assert source.reads == 2


async def test_an_answer_is_as_old_as_its_question(shared: SharedRead[str], source: Source, clock: VirtualClock) -> None:
    source.gate.clear()
    first = asyncio.create_task(shared.get())
    await clock.advance(60)
    source.value = "second"
    fresh = asyncio.create_task(shared.get(max_age=5))  # the question under way is a minute old
    await clock.settle()
    source.gate.set()
    assert (await first, await fresh) == ("first", "second")


async def test_who_gives_up_takes_nothing_from_the_others(shared: SharedRead[str], source: Source) -> None:
    source.gate.clear()
    first = asyncio.create_task(shared.get())
    second = asyncio.create_task(shared.get())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert first.cancelled()
    source.gate.set()
    assert await second == "first"
    assert source.reads == 1


async def test_a_reading_that_all_gave_up_is_of_use_to_who_comes_next(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    source.gate.clear()
    only = asyncio.create_task(shared.get())
    await clock.settle()
    only.cancel()
    source.gate.set()
    await clock.settle()
    assert await shared.get() == "first"
    assert source.reads == 1


async def test_a_failure_serves_all_who_wait_and_nobody_after(shared: SharedRead[str], source: Source) -> None:
    source.gate.clear()
    source.value = REFUSED
    waiting = [asyncio.create_task(shared.get()) for _ in range(50)]
    await asyncio.sleep(0)
    source.gate.set()
    assert set(await asyncio.gather(*waiting)) == {REFUSED}
    source.value = "healed"
    assert await shared.get() == "healed"
    assert source.reads == 2


async def test_a_failed_refresh_leaves_what_was_known(shared: SharedRead[str], source: Source, clock: VirtualClock) -> None:
    await shared.get()
    await clock.advance(10)
    source.value = REFUSED
    assert await shared.get(max_age=1) is REFUSED
    assert await shared.get() == "first"


async def test_invalidate_makes_the_next_reading_a_new_one_for_all(shared: SharedRead[str], source: Source) -> None:
    await shared.get()
    source.value = "second"
    shared.invalidate()
    shared.invalidate()
    assert {await shared.get() for _ in range(10)} == {"second"}
    assert source.reads == 2


async def test_a_reading_begun_before_invalidate_serves_those_who_wait_but_is_not_kept(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    source.gate.clear()
    before = asyncio.create_task(shared.get())
    await clock.settle()
    shared.invalidate()
    source.value = "second"
    after = asyncio.create_task(shared.get())
    await clock.settle()
    source.gate.set()
    assert (await before, await after) == ("first", "second")
    assert await shared.get() == "second"
    assert source.reads == 2


async def test_closing_answers_who_waits(shared: SharedRead[str], source: Source, clock: VirtualClock) -> None:
    source.gate.clear()
    waiting = asyncio.create_task(shared.get())
    await clock.settle()
    await shared.aclose()
    result = await waiting
    assert isinstance(result, TransportFailure)
    assert not result.sent


async def test_a_new_reading_begins_after_the_question_and_serves_all_who_came_meanwhile(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    source.gate.clear()
    early = asyncio.create_task(shared.get())
    await clock.advance(1)
    source.value = "second"
    late = [asyncio.create_task(shared.get_new()) for _ in range(20)]
    await clock.advance(1)
    source.gate.set()
    assert await early == "first"
    assert set(await asyncio.gather(*late)) == {"second"}
    assert source.reads == 2
    source.value = "third"
    assert await shared.get_new() == "third"
    assert await shared.get() == "third"
    assert source.reads == 3


async def test_a_failed_reading_before_it_does_not_spoil_a_new_one(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    source.gate.clear()
    source.value = REFUSED
    early = asyncio.create_task(shared.get())
    await clock.advance(1)
    late = asyncio.create_task(shared.get_new())
    await clock.advance(1)
    source.value = "well again"
    source.gate.set()
    assert await early == REFUSED
    assert await late == "well again"


async def test_since_a_moment_what_was_asked_after_it_is_kept_for_all(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    moment = clock.monotonic()
    await clock.advance(1)
    assert [await shared.get_since(moment) for _ in range(10)] == ["first"] * 10
    assert source.reads == 1


async def test_since_a_moment_what_was_asked_before_it_or_in_the_same_instant_counts_for_nothing(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    assert await shared.get() == "first"
    source.value = "second"
    assert await shared.get_since(clock.monotonic()) == "second"
    await clock.advance(1)
    source.value = "third"
    assert await shared.get_since(clock.monotonic()) == "third"
    assert source.reads == 3


async def test_since_a_moment_a_reading_under_way_is_joined_only_if_it_began_after_it(
    shared: SharedRead[str], source: Source, clock: VirtualClock
) -> None:
    source.gate.clear()
    under_way = asyncio.create_task(shared.get())
    await clock.advance(1)
    moment = clock.monotonic()
    source.value = "second"
    early = [asyncio.create_task(shared.get_since(moment)) for _ in range(10)]
    later = asyncio.create_task(shared.get_since(moment - 2))
    await clock.advance(1)
    source.gate.set()
    assert await under_way == await later == "first"
    assert set(await asyncio.gather(*early)) == {"second"}
    assert source.reads == 2
