"""What it costs: requests on both sides, counted."""

from __future__ import annotations

from collections import Counter

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import Verb
from tests.machine.world import World, openai

READ_IN_A_ROUND = ("/", "/_inference/_all", "/_ingest/pipeline", "/_index_template")


async def ready_world(world: World, count: int) -> list[ObjectKey]:
    world.put_key()
    await world.start()
    keys = [world.apply(f"endpoint-{number}") for number in range(count)]
    await world.rest()
    assert {world.condition(key) for key in keys} == {("True", "Available")}
    return keys


async def test_from_apply_to_ready_two_kubernetes_writes_one_elasticsearch_write_and_no_event() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        world.forget_requests()
        key = world.apply("a")
        await world.rest()
        assert world.condition(key) == ("True", "Available")
        assert world.kubernetes.counts[Verb.PATCH] == 1
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert world.writes == (2, 1)
        assert world.kubernetes.events == []


async def test_the_connection_and_the_key_are_read_once_for_a_new_endpoint() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        world.forget_requests()
        world.apply("a")
        await world.rest()
        reads = Counter(request.target for request in world.kubernetes.requests if request.verb is Verb.GET)
        assert reads == {"secrets/operators/default": 1, "secrets/search/openai": 1}


async def test_endpoints_that_use_one_secret_read_it_once_when_they_are_new_and_once_when_it_rotates() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        world.forget_requests()
        keys = [world.apply(f"endpoint-{number}") for number in range(50)]
        await world.clock.settle()
        assert reads_of_the_key(world) == 1
        world.forget_requests()
        world.put_key("rotated")
        await world.clock.settle()
        assert reads_of_the_key(world) == 1
        assert {world.condition(key) for key in keys} == {("True", "Available")}
        assert {found.secrets["api_key"] for found in world.standin.endpoints.values() if found.secrets} == {"rotated"}


def reads_of_the_key(world: World) -> int:
    return sum(request.target == "secrets/search/openai" for request in world.kubernetes.requests)


async def reads_of_idle_rounds(count: int) -> list[tuple[str, str]]:
    async with World() as world:
        await ready_world(world, count)
        await world.resync()
        world.forget_requests()
        await world.resync(3)
        assert world.writes == (0, 0)
        return sorted((entry.method, entry.path) for entry in world.standin.log)


async def test_comparisons_that_are_asked_for_do_not_multiply() -> None:
    async with World() as world:
        await ready_world(world, 1)
        for _ in range(3):
            world.operator.resync_now()
        await world.rest()
        await world.resync()
        world.forget_requests()
        await world.resync(3)
        rounds = [entry for entry in world.standin.log if entry.path == "/_inference/_all"]
        assert 3 <= len(rounds) <= 4


async def test_an_unchanged_world_costs_no_write_and_reads_that_do_not_grow_with_the_objects() -> None:
    few, many = await reads_of_idle_rounds(2), await reads_of_idle_rounds(40)
    assert few == many
    assert Counter(few) == {("GET", path): 3 for path in READ_IN_A_ROUND}


async def test_an_unchanged_world_reads_no_secret_but_the_connection() -> None:
    async with World() as world:
        await ready_world(world, 10)
        await world.resync()
        world.forget_requests()
        await world.resync(3)
        reads = Counter(request.target for request in world.kubernetes.requests)
        assert reads == {"secrets/operators/default": 3, "inferenceendpoints": 3, "ingestpipelines": 3}


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.full)])  # 200 before a real API server: tests/cluster
async def test_restart_with_unchanged_endpoints_writes_nothing(count: int) -> None:
    async with World() as world:
        keys = await ready_world(world, count)
        world.forget_requests()
        await world.restart()
        await world.rest()
        assert world.writes == (0, 0)
        assert len(world.standin.log) <= 5
        assert {world.condition(key) for key in keys} == {("True", "Available")}


async def test_a_rotation_costs_one_update_and_one_status() -> None:
    async with World() as world:
        [key] = await ready_world(world, 1)
        world.forget_requests()
        world.put_key("rotated")
        await world.rest()
        assert world.standin.endpoints["endpoint-0"].secrets == {"api_key": "rotated"}
        assert [entry.path for entry in world.standin.log.writes] == ["/_inference/text_embedding/endpoint-0/_update"]
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert world.condition(key) == ("True", "Available")


async def test_the_same_value_under_a_new_version_costs_no_call_to_elasticsearch() -> None:
    async with World() as world:
        await ready_world(world, 1)
        world.forget_requests()
        world.kubernetes.put_secret("search", "openai", {"api-key": "canary-5f3a9-secret", "unrelated": "x"})
        await world.rest()
        assert world.writes == (1, 0), "only the noted version"
        assert len(world.standin.log) == 0


async def test_one_secret_used_by_many_is_pushed_to_each_once() -> None:
    async with World() as world:
        await ready_world(world, 20)
        world.forget_requests()
        world.put_key("rotated")
        await world.rest()
        assert len(world.standin.log.writes) == 20
        assert {e.secrets["api_key"] for i, e in world.standin.endpoints.items() if not i.startswith(".")} == {"rotated"}


async def change_rate_limit(world: World, inference_id: str, limit: int) -> None:
    settings = {"api_key": "canary-5f3a9-secret", "rate_limit": {"requests_per_minute": limit}}
    answer = await world.ask("PUT", f"/_inference/text_embedding/{inference_id}/_update", {"service_settings": settings})
    assert answer.status_code == 200, answer.text


async def test_what_others_change_and_the_spec_does_not_name_is_shown_and_left_alone() -> None:
    async with World() as world:
        keys = await ready_world(world, 5)
        await change_rate_limit(world, "endpoint-3", 9)
        world.forget_requests()
        await world.resync()
        assert world.writes == (1, 0), "one status, nothing to repair"
        observed = world.found(keys[3]).status.observed
        assert observed is not None
        assert observed["service_settings"]["rate_limit"] == {"requests_per_minute": 9}


async def test_drift_of_one_endpoint_costs_one_look_and_one_update() -> None:
    async with World() as world:
        keys = await ready_world(world, 5)
        world.kubernetes.edit_spec(
            keys[3], {"serviceSettings": openai(rate_limit={"requests_per_minute": 50})["serviceSettings"]}
        )
        await world.rest()
        await change_rate_limit(world, "endpoint-3", 9)
        world.forget_requests()
        await world.resync()
        asked = Counter((entry.method, entry.path) for entry in world.standin.log)
        update = "/_inference/text_embedding/endpoint-3/_update"
        in_bulk = {("GET", path): 1 for path in READ_IN_A_ROUND}
        assert asked == in_bulk | {("GET", "/_inference/endpoint-3"): 1, ("PUT", update): 1}
        assert world.standin.endpoints["endpoint-3"].service_settings["rate_limit"] == {"requests_per_minute": 50}
        assert world.condition(keys[3]) == ("True", "Available")


async def test_an_endpoint_deleted_behind_our_back_is_put_back_with_the_next_round() -> None:
    async with World() as world:
        [key] = await ready_world(world, 1)
        assert (await world.ask("DELETE", "/_inference/endpoint-0")).status_code == 200
        world.forget_requests()
        await world.resync()
        await world.rest()
        assert "endpoint-0" in world.standin.endpoints
        assert len(world.standin.log.writes) == 1
        assert world.condition(key) == ("True", "Available")
