"""`status.applied` does not outlive what it describes: nobody is accused of what the operator did, and nothing stays unseen.

What the operator wrote and could not finish is its own doing, whichever spec comes next.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.shell.ports import ObjectKey
from tests.machine.world import RESYNC, World, openai
from tests.standin.faults import Answer, Fault

READY = ("True", "Available")
BUSY = Answer(503, '{"error":{"type":"cluster_block_exception","reason":"blocked"},"status":503}')
SMALL, LARGE = "text-embedding-3-small", "text-embedding-3-large"
DETECT = {"driftPolicy": "Detect"}
Make = Callable[[World, dict[str, Any]], ObjectKey]


def endpoint(world: World, policies: dict[str, Any]) -> ObjectKey:
    return world.apply("a", policies)


def pipeline(world: World, policies: dict[str, Any]) -> ObjectKey:
    return world.apply_pipeline("a", policies)


async def made(world: World, make: Make, policies: dict[str, Any]) -> ObjectKey:
    world.put_key()
    await world.start()
    key = make(world, policies)
    await world.rest()
    assert world.condition(key) == READY, world.message(key)
    return key


def said(world: World) -> set[str]:
    return {event.reason for event in world.kubernetes.events}


@pytest.mark.parametrize("make", [endpoint, pipeline])
@pytest.mark.parametrize("policy", ["Detect", "Correct"])
async def test_what_could_not_be_put_back_at_once_in_another_cluster_is_put_back_later(make: Make, policy: str) -> None:
    async with World() as world:
        key = await made(world, make, {"driftPolicy": policy})
        world.standin.replace_cluster("another-uuid")
        world.standin.faults.add(Fault(method="PUT", times=1, answer=BUSY))
        await world.resync(2)
        assert world.condition(key) == READY, world.message(key)
        assert "Drifted" not in said(world)


async def test_another_cluster_that_a_suspended_object_met_is_no_deletion_by_somebody_else() -> None:
    async with World() as world:
        key = await made(world, endpoint, DETECT)
        world.kubernetes.edit_spec(key, {"suspend": True})
        await world.rest()
        world.standin.replace_cluster("another-uuid")
        await world.resync()
        world.kubernetes.edit_spec(key, {"suspend": False})
        await world.rest()
        assert world.condition(key) == READY, world.message(key)


@pytest.mark.parametrize("policy", ["Detect", "Correct"])
@pytest.mark.parametrize("lost", ["nothing", "the answer to the delete"])
async def test_what_a_replacement_deleted_is_made_again_when_its_edit_is_taken_back(policy: str, lost: str) -> None:
    async with World() as world:
        key = await made(world, endpoint, {"driftPolicy": policy, "replacePolicy": "Always"})
        if lost != "nothing":
            world.standin.faults.add(Fault(method="DELETE", path="/_inference*", skip=1, times=1, lose="after"))
        world.standin.faults.add(Fault(method="PUT", path="/_inference*", skip=1, times=50, answer=BUSY))
        world.kubernetes.edit_spec(key, openai(model_id=LARGE))
        await world.clock.settle()
        assert "a" not in world.standin.endpoints
        assert world.condition(key) != READY
        world.standin.faults.clear()
        world.kubernetes.edit_spec(key, openai(model_id=SMALL))
        await world.rest()
        assert world.condition(key) == READY, world.message(key)
        assert world.standin.endpoints["a"].service_settings["model_id"] == SMALL
        assert "Drifted" not in said(world)


@pytest.mark.parametrize("policy", ["Detect", "Correct"])
async def test_the_part_of_an_edit_that_was_written_is_taken_back_with_it(policy: str) -> None:
    async with World() as world:
        key = await made(world, endpoint, {"driftPolicy": policy})
        before = world.standin.endpoints["a"].service_settings
        world.kubernetes.edit_spec(key, openai(model_id=LARGE, rate_limit={"requests_per_minute": 7}))
        await world.rest()
        assert world.condition(key) == ("False", "ReplaceRequired")
        assert world.standin.endpoints["a"].service_settings["rate_limit"] == {"requests_per_minute": 7}
        world.kubernetes.edit_spec(key, openai())
        await world.rest()
        assert world.condition(key) == READY, world.message(key)
        assert world.standin.endpoints["a"].service_settings == before
        assert "Drifted" not in said(world)
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)


async def test_the_part_of_an_edit_that_can_not_be_taken_back_is_told() -> None:
    async with World() as world:
        key = await made(world, endpoint, {})
        world.kubernetes.edit_spec(key, openai(model_id=LARGE) | {"taskSettings": {"user": "search-team"}})
        await world.rest()
        world.kubernetes.edit_spec(key, openai() | {"taskSettings": None})
        await world.rest(RESYNC)
        assert world.condition(key) == ("False", "ReplaceRequired")
        assert "spec.taskSettings.user" in world.message(key)


@pytest.mark.parametrize("fault", [{"answer": BUSY}, {"lose": "before"}], ids=["refused", "lost"])
async def test_a_pipeline_is_taken_over_at_the_second_attempt(fault: dict[str, Any]) -> None:
    theirs = {"kubernetes": "another", "namespace": "search", "name": "a", "uid": "their-own"}
    async with World() as world:
        await world.start()
        await world.ask("PUT", "/_ingest/pipeline/a", {"processors": [], "_meta": {OWNER_KEY: theirs}})
        world.standin.faults.add(Fault(method="PUT", times=1, **fault))
        key = world.apply_pipeline("a", {"adoptionPolicy": "Always"})
        await world.rest(RESYNC)
        assert world.condition(key) == READY, world.message(key)
