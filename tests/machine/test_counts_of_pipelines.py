"""What pipelines cost: requests on both sides, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import Verb
from tests.machine.world import World
from tests.standin import Security, User

READY = ("True", "Available")
TRIALS: list[Any] = [{"name": "t", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"seen": True}}]}]


def asking(model_id: str) -> dict[str, Any]:
    fields = {"input_output": [{"input_field": "text", "output_field": "vector"}]}
    return {"processors": [{"inference": {"model_id": model_id, **fields}}]}


def simulations(world: World) -> int:
    return sum(entry.path.endswith("/_simulate") for entry in world.standin.log)


def writes_to_elasticsearch(world: World) -> list[str]:
    return [f"{entry.method} {entry.path}" for entry in world.standin.log.writes]


async def ready_world(world: World, count: int, *, endpoints: int = 0, **spec: Any) -> list[ObjectKey]:
    """So many pipelines, and endpoints that the first ones name."""
    world.put_key()
    await world.start()
    keys = [world.apply(f"endpoint-{number}") for number in range(endpoints)]
    for number in range(count):
        named = asking(f"endpoint-{number}") if number < endpoints else {}
        keys.append(world.apply_pipeline(f"pipeline-{number}", named | spec))
    await world.rest()
    await world.resync()  # by whom an endpoint is used is known after a round
    assert {world.condition(key) for key in keys} == {READY}
    return keys


async def test_from_apply_to_ready_two_kubernetes_writes_one_elasticsearch_write_and_no_event() -> None:
    async with World() as world:
        await world.start()
        world.forget_requests()
        key = world.apply_pipeline("a", {})
        await world.rest()
        assert world.condition(key) == READY
        assert world.kubernetes.counts[Verb.PATCH] == 1
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert world.writes == (2, 1)
        assert world.kubernetes.events == []
        assert simulations(world) == 0


async def test_tests_cost_one_simulation_more() -> None:
    async with World() as world:
        await world.start()
        world.forget_requests()
        key = world.apply_pipeline("a", {"tests": TRIALS})
        await world.rest()
        assert world.condition(key) == READY
        assert simulations(world) == 1
        assert writes_to_elasticsearch(world) == ["PUT /_ingest/pipeline/a"]
        assert world.kubernetes.writes == 2
        assert world.kubernetes.events == []


async def test_tests_run_again_only_when_the_pipeline_or_the_tests_changed() -> None:
    async with World() as world:
        await world.start()
        key = world.apply_pipeline("a", {"tests": TRIALS})
        await world.rest()
        world.forget_requests()
        await world.resync(2)
        await world.restart()
        await world.rest()
        world.kubernetes.edit_spec(key, {"driftPolicy": "Detect"})
        await world.rest()
        assert simulations(world) == 0
        world.kubernetes.edit_spec(key, {"description": "another"})
        await world.rest()
        assert simulations(world) == 1
        assert world.condition(key) == READY


async def test_a_failing_test_is_not_run_again_until_something_changes() -> None:
    failing = [TRIALS[0] | {"expect": [{"_source": {"seen": False}}]}]
    async with World() as world:
        await world.start()
        key = world.apply_pipeline("a", {"tests": failing})
        await world.rest()
        assert world.condition(key) == ("False", "TestsFailed")
        world.forget_requests()
        await world.resync(3)
        await world.restart()
        await world.rest()
        assert world.writes == (0, 0)
        assert simulations(world) == 0


async def reads_of_idle_rounds(pipelines: int, endpoints: int) -> list[tuple[str, str]]:
    async with World() as world:
        await ready_world(world, pipelines, endpoints=endpoints, tests=[])
        world.forget_requests()
        await world.resync(3)
        assert world.writes == (0, 0)
        assert world.kubernetes.counts[Verb.APPLY] == 0
        return sorted((entry.method, entry.path) for entry in world.standin.log)


async def test_an_unchanged_world_costs_no_write_and_one_reading_of_all_pipelines_a_round_however_many_there_are() -> None:
    few, many = await reads_of_idle_rounds(2, 1), await reads_of_idle_rounds(40, 20)
    assert few == many
    assert Counter(few) == {("GET", path): 3 for path in ("/", "/_inference/_all", "/_ingest/pipeline", "/_index_template")}


@pytest.mark.parametrize("count", [30, pytest.param(200, marks=pytest.mark.full)])
async def test_restart_with_unchanged_pipelines_writes_nothing(count: int) -> None:
    async with World() as world:
        keys = await ready_world(world, count, endpoints=3)
        world.forget_requests()
        await world.restart()
        await world.rest()
        assert world.writes == (0, 0)
        assert len(world.standin.log) <= 5
        assert {world.condition(key) for key in keys} == {READY}


async def test_a_rotation_of_the_connection_costs_no_write() -> None:
    before, after = (Security(users={name: User("pw")}) for name in ("before", "after"))
    async with World(security=before) as world:
        world.put_connection(username="before", password="pw")
        keys = await ready_world(world, 10, endpoints=2)
        world.forget_requests()
        world.standin.change(lambda state: replace(state, security=after))
        world.put_connection(username="after", password="pw")
        await world.rest()
        await world.resync(2)
        assert world.writes == (0, 0)
        assert {entry.status for entry in world.standin.log} == {200}
        assert {world.condition(key) for key in keys} == {READY}


async def test_a_rotation_of_the_key_of_an_endpoint_costs_its_pipelines_nothing() -> None:
    async with World() as world:
        await ready_world(world, 5, endpoints=1)
        world.forget_requests()
        world.put_key("rotated")
        await world.rest()
        assert writes_to_elasticsearch(world) == ["PUT /_inference/text_embedding/endpoint-0/_update"]
        assert world.kubernetes.writes == 1


async def test_drift_of_one_pipeline_costs_one_write_and_a_look_on_either_side_of_it() -> None:
    async with World() as world:
        keys = await ready_world(world, 5)
        await world.ask("PUT", "/_ingest/pipeline/pipeline-3", {"processors": []})
        world.forget_requests()
        await world.resync()
        asked = Counter((entry.method, entry.path) for entry in world.standin.log if entry.path.endswith("pipeline-3"))
        assert asked == {("GET", "/_ingest/pipeline/pipeline-3"): 2, ("PUT", "/_ingest/pipeline/pipeline-3"): 1}
        assert writes_to_elasticsearch(world) == ["PUT /_ingest/pipeline/pipeline-3"]
        assert world.condition(keys[3]) == READY


async def test_a_deletion_costs_one_delete_and_one_patch() -> None:
    async with World() as world:
        [key] = await ready_world(world, 1)
        world.forget_requests()
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert writes_to_elasticsearch(world) == ["DELETE /_ingest/pipeline/pipeline-0"]
        assert world.kubernetes.counts[Verb.PATCH] == 1
        assert world.kubernetes.writes == 1
