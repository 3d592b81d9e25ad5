"""What stands in Elasticsearch may hold another key than ours, and can't be asked: what is taken over gets ours, once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import CANARY, RESYNC, World
from tests.standin.faults import Answer, Fault

READY = ("True", "Available")
NODES = {"num_threads": 1, "num_allocations": 1}
BUSY = Answer(503, '{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":503}')


async def made(world: World) -> ObjectKey:
    world.put_key()
    await world.start()
    key = world.apply("a")
    await world.rest()
    assert world.condition(key) == READY, world.message(key)
    return key


def older_key(world: World) -> None:
    """The endpoint is as written, but for the key, which nobody sees."""
    old = replace(world.standin.endpoints["a"], secrets={"api_key": "an older one"})
    world.standin.change(lambda state: replace(state, endpoints={**state.endpoints, "a": old}))


def restored(world: World) -> None:
    """From a snapshot, into a cluster of its own behind the same address."""
    there = world.standin.endpoints["a"]
    world.standin.replace_cluster("another-uuid")
    world.standin.change(lambda state: replace(state, endpoints={**state.endpoints, "a": there}))
    older_key(world)


async def assert_sent_once(world: World, key: ObjectKey) -> None:
    assert world.condition(key) == READY, world.message(key)
    assert world.standin.endpoints["a"].secrets == {"api_key": CANARY}
    world.forget_requests()
    await world.resync(2)
    await world.restart()
    await world.rest()
    assert world.writes == (0, 0)


@pytest.mark.parametrize("fails", [0, 1], ids=["at once", "at the second attempt"])
@pytest.mark.parametrize("restarts", [False, True], ids=["the same process", "another process"])
async def test_a_cluster_that_was_restored_gets_our_key(fails: int, restarts: bool) -> None:
    async with World() as world:
        key = await made(world)
        restored(world)
        if fails:
            world.standin.faults.add(Fault(method="PUT", path="/_inference*", times=fails, answer=BUSY))
        if restarts:
            await world.restart()
        await world.resync(2)
        await assert_sent_once(world, key)


async def test_a_cluster_that_was_restored_while_the_object_was_suspended_gets_our_key() -> None:
    async with World() as world:
        key = await made(world)
        world.kubernetes.edit_spec(key, {"suspend": True})
        await world.rest()
        restored(world)
        await world.resync()
        assert world.standin.endpoints["a"].secrets != {"api_key": CANARY}
        world.kubernetes.edit_spec(key, {"suspend": False})
        await world.rest(RESYNC)
        await assert_sent_once(world, key)


@pytest.mark.parametrize("fails", [0, 1], ids=["at once", "at the second attempt"])
async def test_an_endpoint_that_was_only_observed_for_a_while_gets_our_key(fails: int) -> None:
    async with World() as world:
        key = await made(world)
        world.kubernetes.edit_spec(key, {"managementPolicy": "Observe"})
        await world.rest()
        older_key(world)
        if fails:
            world.standin.faults.add(Fault(method="PUT", path="/_inference*", times=fails, answer=BUSY))
        world.kubernetes.edit_spec(key, {"managementPolicy": "Manage"})
        await world.rest(RESYNC)
        await assert_sent_once(world, key)


async def test_what_is_taken_over_without_a_key_is_noted_at_once() -> None:
    """A ConfigMap is no secret: what stands there can be compared, so nothing has to be sent."""
    model = {"valueFrom": {"configMapKeyRef": {"name": "models", "key": "small"}}}
    spec = {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": {"model_id": model, **NODES}}
    async with World() as world:
        world.kubernetes.put_config_map("search", "models", {"small": ".elser_model_2"})
        await world.start()
        await world.ask(
            "PUT",
            "/_inference/sparse_embedding/a",
            {"service": "elasticsearch", "service_settings": {"model_id": ".elser_model_2", **NODES}},
        )
        await world.clock.advance(600)
        world.forget_requests()
        key = world.create("InferenceEndpoint", "a", {**spec, "adoptionPolicy": "Always"})
        await world.rest()
        assert world.condition(key) == READY, world.message(key)
        assert [version.name for version in world.status(key).secret_versions] == ["models"]
        assert world.writes == (2, 0), "the claim, and one status"
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)
