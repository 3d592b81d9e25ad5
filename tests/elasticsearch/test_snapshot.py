"""Which knowledge of an endpoint is the newer one, and how many requests it takes to have it."""

from __future__ import annotations

import asyncio

import pytest

from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import ABSENT, Absent, ObservedEndpoint
from inference_operator.elasticsearch.shapes import Listing
from inference_operator.elasticsearch.snapshot import Snapshot
from tests.virtual_clock import VirtualClock

BROKEN = HttpFailure(500, "illegal_state_exception")


def endpoint(inference_id: str, model: str = "m") -> ObservedEndpoint:
    return ObservedEndpoint(inference_id, "text_embedding", "openai", {"model_id": model}, {}, None)


class World:
    """The endpoints of a cluster. Readings answer what was there when they began, once `gate` is open."""

    def __init__(self) -> None:
        self.endpoints: dict[str, ObservedEndpoint] = {}
        self.unreadable: frozenset[str] = frozenset()
        self.list_failure: Failure | None = None
        self.lists = 0
        self.singles: list[str] = []
        self.at_once = 0
        self.most_at_once = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def holds(self, *endpoints: ObservedEndpoint) -> None:
        self.endpoints = {each.inference_id: each for each in endpoints}

    async def read_all(self) -> Listing[ObservedEndpoint] | Failure:
        self.lists += 1
        answer = self.list_failure or Listing(dict(self.endpoints), self.unreadable)
        await self.gate.wait()
        return answer

    async def read_one(self, inference_id: str) -> ObservedEndpoint | Absent | Failure:
        self.singles.append(inference_id)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        answer = self.endpoints.get(inference_id, ABSENT)
        await self.gate.wait()
        await asyncio.sleep(0)
        self.at_once -= 1
        return answer


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def snapshot(world: World, clock: VirtualClock) -> Snapshot[ObservedEndpoint]:
    return Snapshot(world.read_all, world.read_one, clock, "https://es:9200", single_reads=4)


async def test_any_number_of_endpoints_costs_one_request(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    world.holds(*(endpoint(f"e{number}") for number in range(0, 500, 2)))
    found = await asyncio.gather(*(snapshot.entry(f"e{number}") for number in range(500)))
    assert [isinstance(each, ObservedEndpoint) for each in found] == [True, False] * 250
    assert (world.lists, world.singles) == (1, [])


async def test_rounds_begin_with_invalidate_and_cost_one_request_each(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    world.holds(endpoint("a"))
    for _ in range(3):
        snapshot.invalidate()
        for _ in range(10):
            assert await snapshot.entry("a") == endpoint("a")
    assert (world.lists, world.singles) == (3, [])


async def test_a_list_asked_before_our_own_write_does_not_override_it(
    snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock
) -> None:
    world.holds(endpoint("changed", "old"), endpoint("deleted"))
    world.gate.clear()
    peeks = [asyncio.create_task(snapshot.entry(each)) for each in ("changed", "deleted", "created")]
    await clock.settle()
    snapshot.record("changed", endpoint("changed", "new"))
    snapshot.record("deleted", ABSENT)
    snapshot.record("created", endpoint("created"))
    world.gate.set()
    expected = [endpoint("changed", "new"), ABSENT, endpoint("created")]
    assert await asyncio.gather(*peeks) == expected
    assert [await snapshot.entry(each) for each in ("changed", "deleted", "created")] == expected
    assert (world.lists, world.singles) == (1, [])


async def test_a_list_asked_after_a_record_overrides_it(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    snapshot.record("a", endpoint("a", "ours"))
    world.holds(endpoint("a", "foreign"))
    snapshot.invalidate()
    assert await snapshot.entry("a") == endpoint("a", "foreign")
    assert snapshot.last_seen("a") == endpoint("a", "foreign")


async def test_a_record_answers_without_a_request_until_the_next_round(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    snapshot.record("a", endpoint("a"))
    assert await snapshot.entry("a") == endpoint("a")
    assert world.lists == 0
    snapshot.invalidate()
    assert await snapshot.entry("a") is ABSENT
    assert world.lists == 1


async def test_a_reading_that_began_before_a_write_does_not_override_it(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    begun = snapshot.stamp()
    snapshot.record("a", endpoint("a", "written"))
    snapshot.record("a", endpoint("a", "read before"), begun)
    assert await snapshot.entry("a") == endpoint("a", "written")


async def test_a_lost_write_makes_its_id_unknown_and_only_its_id(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    world.holds(endpoint("b"))
    assert await snapshot.entry("a") is ABSENT
    snapshot.record("a", None)
    world.holds(endpoint("a", "written after all"), endpoint("b"))
    assert snapshot.last_seen("a") is None
    assert await snapshot.entry("a") == endpoint("a", "written after all")
    assert await snapshot.entry("a") == endpoint("a", "written after all")
    assert await snapshot.entry("b") == endpoint("b")
    assert (world.lists, world.singles) == (1, ["a"])


async def test_an_entry_that_is_not_understood_is_read_alone_and_never_absent(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    world.holds(endpoint("a"))
    world.unreadable = frozenset({"odd"})
    assert await snapshot.entry("a") == endpoint("a")
    world.endpoints["odd"] = endpoint("odd")
    assert await snapshot.entry("odd") == endpoint("odd")
    assert (world.lists, world.singles) == (1, ["odd"])


async def test_who_waits_for_the_list_may_give_up(
    snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock
) -> None:
    world.holds(endpoint("a"))
    world.gate.clear()
    first = asyncio.create_task(snapshot.entry("a"))
    others = [asyncio.create_task(snapshot.entry("a")) for _ in range(5)]
    await clock.settle()
    first.cancel()
    await clock.settle()
    world.gate.set()
    assert await asyncio.gather(*others) == [endpoint("a")] * 5
    assert world.lists == 1


async def test_one_broken_endpoint_makes_it_read_one_by_one_until_the_next_round(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    world.holds(*(endpoint(f"e{number}") for number in range(40)))
    world.list_failure = BROKEN
    found = await asyncio.gather(*(snapshot.entry(f"e{number}") for number in range(40)))
    assert found == [endpoint(f"e{number}") for number in range(40)]
    assert (world.lists, len(world.singles), world.most_at_once) == (1, 40, 4)
    await asyncio.gather(*(snapshot.entry(f"e{number}") for number in range(40)))
    assert (world.lists, len(world.singles)) == (1, 40)
    world.list_failure = None
    snapshot.invalidate()
    await asyncio.gather(*(snapshot.entry(f"e{number}") for number in range(40)))
    assert (world.lists, len(world.singles)) == (2, 40)


@pytest.mark.parametrize(
    "failure",
    [
        HttpFailure(401, "security_exception"),
        HttpFailure(403, "security_exception"),
        HttpFailure(429, "es_rejected_execution_exception"),
        HttpFailure(503, "master_not_discovered_exception"),
        TransportFailure(TransportKind.TIMEOUT, "https://es:9200", ""),
        TransportFailure(TransportKind.GARBLED, "https://es:9200", ""),
    ],
)
async def test_other_failures_concern_the_whole_cluster(
    snapshot: Snapshot[ObservedEndpoint], world: World, failure: Failure
) -> None:
    world.list_failure = failure
    assert set(await asyncio.gather(*(snapshot.entry(f"e{number}") for number in range(20)))) == {failure}
    assert (world.lists, world.singles) == (1, [])
    world.list_failure = None
    assert await snapshot.entry("e1") is ABSENT
    assert world.lists == 2


async def test_max_age(snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock) -> None:
    await snapshot.entry("a")
    snapshot.record("b", endpoint("b"))
    await clock.advance(30)
    world.holds(endpoint("a"), endpoint("b", "foreign"))
    assert await snapshot.entry("a", 31) is ABSENT
    assert await snapshot.entry("b", 31) == endpoint("b")
    assert await snapshot.entry("b", 30) == endpoint("b", "foreign")
    assert await snapshot.entry("a", 30) == endpoint("a")
    assert (world.lists, world.singles) == (2, [])


async def test_a_list_that_breaks_in_a_later_round_hides_nothing(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    await snapshot.entry("a")
    world.list_failure = BROKEN
    snapshot.invalidate()
    world.holds(endpoint("a"))
    assert await snapshot.entry("a") == endpoint("a")
    assert await snapshot.entry("b") is ABSENT
    assert (world.lists, world.singles) == (2, ["a", "b"])


@pytest.mark.parametrize("name", ["_common", "_all", "a,b", "x*", "x" * 2000])
async def test_an_id_that_can_t_be_asked_for_alone_is_looked_for_among_all(
    snapshot: Snapshot[ObservedEndpoint], world: World, name: str
) -> None:
    assert await snapshot.entry(name) is ABSENT
    assert await snapshot.entry_now(name) is ABSENT
    world.holds(endpoint(name))
    assert await snapshot.entry(name) is ABSENT
    assert await snapshot.entry_now(name) == endpoint(name)
    assert (world.lists, world.singles) == (3, [])


async def test_where_the_list_is_broken_nothing_is_known_of_such_an_id(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    world.list_failure = BROKEN
    assert [await snapshot.entry("_common"), await snapshot.entry_now("_common")] == [BROKEN, BROKEN]
    assert world.singles == []


# --- all of them ------------------------------------------------------------------------------------------------------


async def test_all_are_those_of_the_list_and_of_what_was_recorded_since(
    snapshot: Snapshot[ObservedEndpoint], world: World
) -> None:
    world.holds(endpoint("a"), endpoint("b"), endpoint("c"))
    world.unreadable = frozenset({"odd"})
    assert await snapshot.all() == world.endpoints
    snapshot.record("b", endpoint("b", "ours"))
    snapshot.record("c", ABSENT)
    snapshot.record("d", endpoint("d"))
    snapshot.record("a", None)  # a lost write: the list is still the best there is
    assert await snapshot.all() == {"a": endpoint("a"), "b": endpoint("b", "ours"), "d": endpoint("d")}
    assert (world.lists, world.singles) == (1, [])


async def test_all_are_the_same_object_until_something_is_recorded(snapshot: Snapshot[ObservedEndpoint], world: World) -> None:
    first, second = await snapshot.all(), await snapshot.all()
    one, other = snapshot.stamp(), snapshot.stamp()
    snapshot.record("a", endpoint("a"), one)
    third = await snapshot.all()
    snapshot.record("b", endpoint("b"), other)
    assert first is second
    assert (third, await snapshot.all()) == ({"a": endpoint("a")}, {"a": endpoint("a"), "b": endpoint("b")})


async def test_a_reading_of_all_that_failed_is_told_to_all_who_want_all_until_the_next_round(
    snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock
) -> None:
    world.list_failure = HttpFailure(403, "security_exception")
    assert [await snapshot.all() for _ in range(20)] == [world.list_failure] * 20
    assert snapshot.kept_all(10) == world.list_failure
    assert world.lists == 1
    await clock.advance(10)
    assert snapshot.kept_all(10) is None
    snapshot.invalidate()
    world.list_failure = None
    assert await snapshot.all() == {}
    assert world.lists == 2


async def test_all_since_a_moment_is_read_anew_and_once_for_all_who_come_meanwhile(
    snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock
) -> None:
    assert await snapshot.all() == {}
    world.holds(endpoint("a"))
    assert await snapshot.all() == {}
    now = clock.monotonic()
    found = await asyncio.gather(*(snapshot.all_since(now) for _ in range(20)))
    assert found == [{"a": endpoint("a")}] * 20
    assert world.lists <= 3


async def test_all_since_a_moment_may_be_what_was_read_since_then(
    snapshot: Snapshot[ObservedEndpoint], world: World, clock: VirtualClock
) -> None:
    before = clock.monotonic()
    await clock.advance(1)
    assert await snapshot.all_since(before) == {}
    await clock.advance(1)
    assert await snapshot.all_since(before) == {}
    assert world.lists == 1
