"""Scenarios of in-cluster models that need time of their own: downloads, starts that take long, and what fails in between."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.scenarios import VERSIONS
from tests.machine.world import World
from tests.standin import Cluster, Pace

READY = ("True", "Available")
SETTINGS = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 3}
ADAPTIVE = {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 4}


def elser(**changes: Any) -> dict[str, Any]:
    wanted = {name: value for name, value in (SETTINGS | changes).items() if value is not None}
    return {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": wanted}


def creates(world: World, name: str = "a") -> int:
    return len(world.standin.log.matching("PUT", f"/_inference/sparse_embedding/{name}"))


async def begun(world: World, **changes: Any) -> ObjectKey:
    world.put_key()
    await world.start()
    return world.apply("a", elser(**changes))


@pytest.mark.parametrize("version", [*(pytest.param(v, marks=pytest.mark.full) for v in VERSIONS[:-1]), VERSIONS[-1]])
async def test_a_download_of_minutes_holds_up_no_other_object(version: str) -> None:
    async with World(version=version, pace=Pace(download=900.0, deployment=10.0)) as world:
        await begun(world)
        models = [world.apply(f"model-{number}", elser()) for number in range(20)]
        await world.clock.advance(1)
        others = [world.apply(f"other-{number}") for number in range(20)]
        await world.clock.advance(5)
        assert {world.condition(key) for key in others} == {READY}
        world.kubernetes.delete(others[0])
        await world.clock.advance(5)
        assert world.is_gone(others[0])
        await world.clock.advance(300)
        assert {world.condition(key) for key in models} <= {("False", "ModelDeploying"), None}
        await world.clock.advance(900)
        assert {world.condition(key) for key in models} == {READY}
        assert [creates(world, f"model-{number}") for number in range(20)] == [1] * 20


@pytest.mark.parametrize("version", VERSIONS[1:])  # 8.17 takes no time-out for a create
async def test_a_start_that_times_out_is_looked_after_and_not_begun_again(version: str) -> None:
    async with World(version=version, pace=Pace(deployment=300.0)) as world:
        key = await begun(world)
        world.kubernetes.edit_spec(key, {"timeout": "5s"})
        await world.clock.advance(20)
        assert [entry.status for entry in world.standin.log.matching("PUT", "/_inference/sparse_embedding/a")] == [408]
        assert world.condition(key) == ("False", "ModelDeploying")
        assert world.condition(key, "Synced") == READY
        await world.clock.advance(320)
        assert world.condition(key) == READY
        assert creates(world) == 1
        assert world.kubernetes.events == [], "a model that takes its time is the plain way to Ready"


async def test_allocations_are_told_as_they_move_and_lost_capacity_after_the_first_ready() -> None:
    async with World(pace=Pace(deployment=60.0)) as world:
        key = await begun(world)
        await world.clock.advance(90)
        assert world.condition(key) == READY
        world.standin.fail_deployment("a", "node left the cluster")
        await world.resync()
        assert world.condition(key) == ("False", "ModelFailed")
        assert world.condition(key, "Synced") == READY
        world.standin.fail_deployment("a", None)
        world.kubernetes.edit_spec(key, {"serviceSettings": elser(num_allocations=6)["serviceSettings"]})
        seen = set()
        for _ in range(30):
            await world.clock.advance(10)
            deployment = world.status(key).deployment
            assert deployment is not None
            seen.add((deployment.allocation_count, deployment.target_allocation_count, world.condition(key)))
        assert {count for count, target, _ in seen if target == 6} >= {4, 5, 6}
        assert {state for count, target, state in seen if count != target} == {("False", "ModelDeploying")}
        assert world.condition(key) == READY


async def test_a_number_of_allocations_beside_adaptive_ones_fails_with_the_words_of_the_server_and_stays_told() -> None:
    async with World() as world:
        key = await begun(world, adaptive_allocations=ADAPTIVE)
        await world.rest()
        for _ in range(2):
            assert world.condition(key) == ("False", "ModelFailed")
            assert "cannot be set if adaptive allocations is enabled" in world.message(key)
            assert "a" in world.standin.endpoints, "stored before it was started"
            world.forget_requests()
            await world.resync(3)
            assert world.writes == (0, 0)
            await world.restart()
            await world.rest()


async def test_no_room_for_the_model_is_told_with_the_words_of_the_server() -> None:
    async with World(cluster=Cluster(max_allocations=1)) as world:
        key = await begun(world)
        await world.rest()
        assert world.condition(key) == ("False", "ModelFailed")
        assert "no ML nodes with sufficient capacity" in world.message(key)
        await world.resync(2)
        assert "no ML nodes with sufficient capacity" in world.message(key)


async def test_scaled_to_zero_is_healthy() -> None:
    async with World(pace=Pace(idle=300.0)) as world:
        key = await begun(world, num_allocations=None, adaptive_allocations=ADAPTIVE)
        await world.rest()
        assert world.condition(key) == READY
        await world.clock.advance(400)
        await world.resync()
        deployment = world.status(key).deployment
        assert deployment is not None
        assert deployment.target_allocation_count == 0
        assert world.condition(key) == READY
        assert world.condition(key, "ModelReady") == READY
        assert "scaled to zero" in world.message(key, "ModelReady")
        assert world.status(key).drift == ()
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)


async def test_serverless_hides_the_state_and_is_believed() -> None:
    async with World(cluster=Cluster(flavor="serverless")) as world:
        key = await begun(world)
        await world.rest()
        assert world.condition(key) == READY
        deployment = world.status(key).deployment
        assert deployment is not None
        assert (deployment.id, deployment.state, deployment.allocation_count) == ("a", None, None)
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)


async def test_an_endpoint_on_the_deployment_of_another_follows_it_and_leaves_it_behind() -> None:
    async with World() as world:
        owner = await begun(world)
        await world.rest()
        attached = {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": {"deployment_id": "a"}}
        key = world.apply("b", attached)
        await world.rest()
        assert world.condition(key) == READY
        assert world.status(key).deployment is not None
        world.standin.fail_deployment("a", "node left the cluster")
        await world.resync()
        assert {world.condition(owner), world.condition(key)} == {("False", "ModelFailed")}
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert "a" in world.standin.state.deployments
