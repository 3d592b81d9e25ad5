"""How the operator treats a cluster: within its budget, patient when asked, quiet while it is away, and no storm when it is back.

Requests are counted by the virtual clock, where the stand-in saw them; nothing is measured in real time.
"""

from __future__ import annotations

from collections import Counter

import pytest

from inference_operator.elasticsearch.limits import Limits
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import Verb
from tests.machine.traffic import Traffic
from tests.machine.world import CANARY, World, openai
from tests.standin import Answer, Fault, StandIn
from tests.standin.fault_kinds import reset_before
from tests.standin.faults import too_many_requests

PER_SECOND, BURST = 20.0, 30
LIMITS = Limits(requests_per_second=PER_SECOND, burst=BURST)
AVAILABLE = ("True", "Available")
OUTAGE = 600.0
MANY = [60, pytest.param(1000, marks=pytest.mark.full)]


def measured(limits: Limits = LIMITS) -> tuple[World, Traffic]:
    world = World()
    world.limits = limits
    traffic = Traffic(world.clock)
    world.intercept = traffic.tap
    return world, traffic


async def with_ready(world: World, count: int) -> list[ObjectKey]:
    world.put_key()
    await world.start()
    keys = [world.apply(f"endpoint-{number:04}") for number in range(count)]
    await converge(world, keys)
    return keys


async def converge(world: World, keys: list[ObjectKey], within: float = 3600.0) -> None:
    """Let time pass until all are as they should be, but not longer than `within` seconds."""
    until = world.clock.monotonic() + within
    while world.clock.monotonic() < until:
        if all(world.condition(key) == AVAILABLE for key in keys):
            return
        await world.clock.advance(1.0)
    assert Counter(world.condition(key) for key in keys) == {AVAILABLE: len(keys)}


@pytest.mark.parametrize("count", MANY)
async def test_many_objects_at_once_stay_within_the_budget(count: int) -> None:
    world, traffic = measured()
    async with world:
        keys = await with_ready(world, count)
        assert traffic.excess(PER_SECOND, BURST) == 0
        assert len([e for e in world.standin.log.writes if e.method == "PUT"]) == len(keys)


@pytest.mark.parametrize("count", MANY)
async def test_one_key_that_all_use_is_pushed_to_each_once_within_the_budget(count: int) -> None:
    world, traffic = measured()
    async with world:
        keys = await with_ready(world, count)
        world.forget_requests()
        world.put_key("rotated")
        await world.rest()
        await converge(world, keys)
        updates = Counter(entry.path for entry in world.standin.log.writes)
        assert len(updates) == count
        assert set(updates.values()) == {1}
        assert traffic.excess(PER_SECOND, BURST) == 0


@pytest.mark.parametrize("count", MANY)
async def test_an_outage_costs_few_requests_and_causes_no_storm_at_its_end(count: int) -> None:
    """Ten minutes away, with every object edited meanwhile."""
    world, traffic = measured()
    async with world:
        keys = await with_ready(world, count)
        world.standin.faults.add(reset_before())
        began = world.clock.monotonic()
        world.forget_requests()
        for key in keys:
            world.kubernetes.edit_spec(key, {"serviceSettings": openai(rate_limit={"requests_per_minute": 9})["serviceSettings"]})
        await world.clock.advance(OUTAGE)
        assert {world.condition(key) for key in keys} == {("Unknown", "Unreachable")}
        probes = len(traffic.since(began))
        assert probes <= LIMITS.failures_to_open + LIMITS.concurrency + OUTAGE / LIMITS.longest_pause + 10
        assert world.kubernetes.counts[Verb.APPLY] == count, "each says once that the cluster can't be reached"
        assert world.kubernetes.counts[Verb.EVENT] == count
        world.standin.faults.clear()
        healed = world.clock.monotonic()
        await converge(world, keys)
        assert max(traffic.per_second(healed)) <= PER_SECOND + BURST
        assert traffic.excess(PER_SECOND, BURST) == 0


async def test_while_a_cluster_is_away_one_request_at_a_time_asks_whether_it_is_back() -> None:
    world, traffic = measured()
    async with world:
        await with_ready(world, 20)
        world.standin.faults.add(Fault(delay=4.0, lose="before"))
        world.put_key("rotated")
        await world.clock.advance(60.0)
        traffic.most_under_way = 0
        await world.clock.advance(OUTAGE)
        assert traffic.most_under_way == 1


async def test_retry_after_is_obeyed_by_all_objects_together() -> None:
    world, traffic = measured()
    async with world:
        keys = await with_ready(world, 20)
        world.standin.faults.add(too_many_requests(retry_after=120, times=1))
        asked_at = world.clock.monotonic()
        world.put_key("rotated")
        await world.clock.advance(119.0)
        assert len(traffic.since(asked_at)) <= LIMITS.concurrency, "those that were under way when the answer came"
        assert {world.condition(key) for key in keys} <= {AVAILABLE, ("False", "RateLimited"), ("Unknown", "RateLimited")}
        assert ("Unknown", "RateLimited") in {world.condition(key) for key in keys}, "nothing of these was looked at"
        await converge(world, keys)
        assert {e.secrets["api_key"] for name, e in world.standin.endpoints.items() if name.startswith("endpoint")} == {"rotated"}


async def test_while_a_proxy_asks_for_patience_nobody_is_told_anything_else() -> None:
    world, traffic = measured()
    async with world:
        keys = await with_ready(world, 20)
        page = Answer(503, "<html>maintenance</html>", (("Content-Type", "text/html"), ("Retry-After", "60")))
        world.standin.faults.add(Fault(answer=page))
        asked_at = world.clock.monotonic()
        world.put_key("rotated")
        await world.clock.advance(59.0)
        assert len(traffic.since(asked_at)) <= LIMITS.concurrency, "those that were under way when the answer came"
        assert {world.condition(key) for key in keys} == {("Unknown", "Unreachable")}
        assert {world.message(key).partition("gave an answer")[2] for key in keys} == {
            " that is not Elasticsearch's; is there a proxy in between? (HTTP 503 with text/html, not an error of Elasticsearch)"
        }
        world.standin.faults.clear()
        await converge(world, keys)


async def test_requests_under_way_are_bounded() -> None:
    world, traffic = measured(Limits(concurrency=3))
    async with world:
        world.standin.faults.add(Fault(delay=0.5))
        await with_ready(world, 30)
        assert traffic.most_under_way == 3


async def test_a_cluster_that_hangs_delays_no_object_of_another() -> None:
    async with World() as world:
        there = StandIn(version="9.5.0")
        world.elsewhere["http://there:9200"] = there
        world.kubernetes.put_secret("search", "there", {"url": "http://there:9200"})
        world.put_key()
        await world.start()
        world.standin.faults.add(Fault(delay=86_400.0))
        stuck = [world.apply(f"stuck-{number}") for number in range(30)]
        await world.clock.settle()
        free = [world.apply(f"free-{number}", {"elasticsearchRef": {"secretName": "there"}}) for number in range(30)]
        await world.clock.settle()
        assert {world.condition(key) for key in free} == {AVAILABLE}, "no second has passed"
        assert {world.condition(key) for key in stuck} == {None}
        for key in free:
            world.kubernetes.delete(key)
        await world.clock.settle()
        assert all(world.is_gone(key) for key in free)
        assert CANARY not in repr(there.log)


async def test_a_resync_is_spread_and_an_edit_and_a_deletion_overtake_it() -> None:
    """Every endpoint was changed by somebody else, so that each pass of the resync can be seen: it looks, and repairs."""
    async with World() as world:
        keys = await with_ready(world, 100)
        for key in keys:
            world.kubernetes.edit_spec(
                key, {"serviceSettings": openai(rate_limit={"requests_per_minute": 50})["serviceSettings"]}
            )
        await world.rest()
        for key in keys:
            changed = {"service_settings": {"api_key": CANARY, "rate_limit": {"requests_per_minute": 9}}}
            await world.ask("PUT", f"/_inference/text_embedding/{key.name}/_update", changed)
        world.forget_requests()
        while not world.standin.log.writes:  # until the resync begins
            assert world.clock.next_call is not None
            await world.clock.advance(world.clock.next_call)
        await world.clock.advance(1.0)
        repaired = len(world.standin.log.writes)
        assert 40 <= repaired <= 60, "fifty in a second, as the budget allows"
        world.forget_requests()
        world.kubernetes.edit_spec(keys[-1], {"taskSettings": {"user": "search-team"}})
        world.kubernetes.delete(keys[-2])
        await world.clock.settle()
        paths = [entry.path for entry in world.standin.log.writes]
        assert {path.split("/")[-2 if path.endswith("_update") else -1] for path in paths} == {keys[-1].name, keys[-2].name}
        await world.rest()
        await converge(world, keys[:-2])


async def test_a_resync_of_more_than_fit_takes_half_the_interval() -> None:
    async with World(resync=1.0) as world:
        keys = await with_ready(world, 100)
        for _ in range(2):
            for key in keys:
                await world.ask("DELETE", f"/_inference/{key.name}")
            world.forget_requests()
            await world.clock.advance(1.6)
            assert len(world.standin.log.writes) == len(keys)
