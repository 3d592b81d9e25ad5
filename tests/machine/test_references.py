"""Who uses an endpoint: what Elasticsearch does not count blocks a deletion all the same, and is shown while nobody deletes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import World, openai
from tests.standin import Fault, Role, Security, User

OVERLOOKED = [
    pytest.param("on_failure_of_the_pipeline", id="on_failure of a pipeline"),
    pytest.param("on_failure_of_inference", id="on_failure of an inference processor"),
    pytest.param("index_template", id="index template"),
    pytest.param("component_template", id="component template"),
]


def inference(model_id: str, **more: Any) -> dict[str, Any]:
    return {"inference": {"model_id": model_id, "input_output": {"input_field": "x", "output_field": "y"}, **more}}


def mappings(model_id: str) -> dict[str, Any]:
    return {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": model_id}}}}


REFERRERS: Mapping[str, tuple[str, dict[str, Any], str]] = {
    "on_failure_of_the_pipeline": ("/_ingest/pipeline/p1", {"processors": [], "on_failure": [inference("a")]}, "p1"),
    "on_failure_of_inference": (
        "/_ingest/pipeline/p1",
        {"processors": [inference("other", on_failure=[inference("a")])]},
        "p1",
    ),
    "index_template": ("/_index_template/t1", {"index_patterns": ["i*"], "template": mappings("a")}, "index template t1"),
    "component_template": ("/_component_template/c1", {"template": mappings("a")}, "component template c1"),
}


async def refer(world: World, kind: str) -> str:
    """Let somebody use endpoint `a`; return the name under which status shows it."""
    path, body, shown = REFERRERS[kind]
    assert (await world.ask("PUT", path, body)).status_code == 200
    return shown


async def made(world: World, spec: Mapping[str, object] | None = None) -> ObjectKey:
    world.put_key()
    await world.start()
    key = world.apply("a", spec)
    await world.rest()
    assert world.condition(key) == ("True", "Available")
    return key


def used_by(world: World, key: ObjectKey) -> tuple[tuple[str, ...], int]:
    """Names of all users that status shows, and how many there are said to be."""
    used = world.status(key).used_by
    return ((*used.pipelines, *used.indices), used.total) if used is not None else ((), 0)


# --- deletion ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", OVERLOOKED)
async def test_what_elasticsearch_does_not_count_blocks_a_deletion_until_it_goes(kind: str) -> None:
    async with World() as world:
        key = await made(world)
        shown = await refer(world, kind)
        assert (await world.ask("DELETE", "/_inference/a?dry_run=true")).json()["error_message"] == ""
        world.kubernetes.delete(key)
        await world.rest()
        assert world.condition(key, "DeletionBlocked") == ("True", "InUse")
        assert shown in world.message(key, "DeletionBlocked")
        assert used_by(world, key) == ((shown,), 1)
        assert "a" in world.standin.endpoints
        assert (await world.ask("DELETE", REFERRERS[kind][0])).status_code == 200
        await world.clock.advance(120)
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


@pytest.mark.parametrize("kind", OVERLOOKED)
async def test_a_forced_deletion_does_not_mind(kind: str) -> None:
    async with World() as world:
        key = await made(world)
        await refer(world, kind)
        world.kubernetes.delete(key)
        await world.rest()
        assert not world.is_gone(key)
        world.kubernetes.edit_spec(key, {"forceDelete": True})
        await world.rest()
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


async def test_force_is_asked_for_only_where_the_spec_says_so() -> None:
    async with World() as world:
        key = await made(world)
        world.forget_requests()
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert [dict(entry.query) for entry in world.standin.log.writes] == [{}]


async def test_a_deletion_waits_while_the_search_fails_and_a_forced_one_does_not() -> None:
    async with World() as world:
        key = await made(world)
        world.standin.faults.add(Fault(path="/_ingest/pipeline", lose="before"))
        world.kubernetes.delete(key)
        await world.rest()
        assert world.condition(key) == ("Unknown", "Unreachable")
        assert "a" in world.standin.endpoints
        world.kubernetes.edit_spec(key, {"forceDelete": True})
        await world.rest()
        await world.clock.advance(300)
        assert world.is_gone(key)


async def test_blocked_objects_share_their_readings() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [world.apply(f"e{number}") for number in range(20)]
        await world.rest()
        body = {"processors": [], "on_failure": [inference(f"e{number}") for number in range(20)]}
        assert (await world.ask("PUT", "/_ingest/pipeline/p1", body)).status_code == 200
        for key in keys:
            world.kubernetes.delete(key)
        await world.clock.advance(600)
        assert {world.condition(key, "DeletionBlocked") for key in keys} == {("True", "InUse")}
        world.forget_requests()
        await world.clock.advance(600)
        readings = [entry for entry in world.standin.log if entry.path == "/_ingest/pipeline"]
        dry_runs = [entry for entry in world.standin.log if entry.method == "DELETE"]
        assert len(dry_runs) >= 200
        assert len(readings) <= 62, "one in ten seconds, and the one of the resync"
        assert world.writes[0] == 0


# --- replacement ------------------------------------------------------------------------------------------------------

LARGE = openai(model_id="text-embedding-3-large")["serviceSettings"]


@pytest.mark.parametrize("kind", OVERLOOKED)
async def test_a_replacement_when_unused_waits_until_it_goes(kind: str) -> None:
    async with World() as world:
        key = await made(world, {"replacePolicy": "WhenUnused"})
        shown = await refer(world, kind)
        world.kubernetes.edit_spec(key, {"serviceSettings": LARGE})
        await world.rest()
        assert world.condition(key) == ("False", "ReplaceBlocked")
        assert shown in world.message(key)
        assert world.standin.endpoints["a"].service_settings["model_id"] == "text-embedding-3-small"
        assert (await world.ask("DELETE", REFERRERS[kind][0])).status_code == 200
        await world.clock.advance(600)
        assert world.condition(key) == ("True", "Available")
        assert world.standin.endpoints["a"].service_settings["model_id"] == "text-embedding-3-large"


async def test_a_replacement_in_any_case_forces_only_what_elasticsearch_would_refuse() -> None:
    async with World() as world:
        key = await made(world, {"replacePolicy": "Always"})
        await refer(world, "on_failure_of_the_pipeline")
        world.forget_requests()
        world.kubernetes.edit_spec(key, {"serviceSettings": LARGE})
        await world.rest()
        assert world.condition(key) == ("True", "Available")
        assert [dict(entry.query) for entry in world.standin.log.writes if entry.method == "DELETE"] == [{}]


# --- while nobody deletes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["on_failure_of_the_pipeline", "on_failure_of_inference", "index_template"])
async def test_users_are_shown_from_the_next_round_on_and_until_they_go(kind: str) -> None:
    async with World() as world:
        key = await made(world)
        assert world.status(key).used_by is None
        shown = await refer(world, kind)
        world.forget_requests()
        await world.resync()
        assert used_by(world, key) == ((shown,), 1)
        assert world.writes == (1, 0)
        assert not [entry for entry in world.standin.log if entry.method == "DELETE"], "never found by a dry run"
        await world.resync(2)
        assert world.writes == (1, 0), "told once"
        assert (await world.ask("DELETE", REFERRERS[kind][0])).status_code == 200
        await world.resync()
        assert used_by(world, key) == ((), 0)


async def test_users_that_are_there_already_are_shown_with_the_first_status() -> None:
    async with World() as world:
        world.put_key()
        shown = await refer(world, "on_failure_of_the_pipeline")
        await world.start()
        world.forget_requests()
        key = world.apply("a")
        await world.rest()
        assert used_by(world, key) == ((shown,), 1)
        assert world.writes == (2, 1)


async def test_many_users_are_counted_and_the_first_are_named() -> None:
    async with World() as world:
        key = await made(world)
        for number in range(30):
            body = {"processors": [inference("a")]}
            assert (await world.ask("PUT", f"/_ingest/pipeline/p{number:02}", body)).status_code == 200
        await world.resync()
        names, total = used_by(world, key)
        assert (names, total) == (tuple(f"p{number:02}" for number in range(20)), 30)


async def test_a_suspended_object_reports_its_users() -> None:
    async with World() as world:
        key = await made(world, {})
        world.kubernetes.edit_spec(key, {"suspend": True})
        await world.rest()
        shown = await refer(world, "on_failure_of_the_pipeline")
        await world.resync()
        assert used_by(world, key) == ((shown,), 1)


# --- without the privilege --------------------------------------------------------------------------------------------

POOR = Security(
    users={"operator": User("pw", roles=("poor",)), "elastic": User("pw")}, roles={"poor": Role(("manage_inference",))}
)


async def test_without_the_privileges_objects_live_and_go_by_what_elasticsearch_tells() -> None:
    async with World(security=POOR) as world:
        world.put_connection(username="operator", password="pw")
        key = await made(world)
        await world.resync(2)
        assert world.condition(key) == ("True", "Available")
        assert world.status(key).used_by is None
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints
