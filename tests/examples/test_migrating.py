"""What another tool left is taken over by the files `after`: at once, and without a change but the mark and the secrets."""

from __future__ import annotations

import re
from typing import Any

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from tests.examples.left_by_others import ECK, TERRAFORM, Left, left_by_eck_custom_resources, left_by_terraform
from tests.examples.playing import apply_files
from tests.machine.world import World

BOTH = pytest.mark.parametrize(
    ("folder", "left"),
    [
        pytest.param(ECK, left_by_eck_custom_resources(), id="eck-custom-resources"),
        pytest.param(TERRAFORM, left_by_terraform(), id="terraform"),
    ],
)


async def put(world: World, left: Left) -> None:
    """As the old tool did."""
    for path, body in left.requests:
        assert (await world.ask("PUT", f"/{path}", body)).status_code == 200


async def stored(world: World, left: Left) -> dict[str, Any]:
    """The pipeline in Elasticsearch, without the dates that it adds."""
    name = left.pipeline[0]
    body: dict[str, Any] = (await world.ask("GET", f"/_ingest/pipeline/{name}")).json()[name]
    return {key: value for key, value in body.items() if "_date" not in key}


@BOTH
async def test_it_is_taken_over_with_the_mark_as_its_only_change(folder: Any, left: Left) -> None:
    async with World() as world:
        await put(world, left)
        await world.start()
        world.forget_requests()
        keys = apply_files(world, folder / "after.yaml")
        await world.rest()
        assert {world.condition(key) for key in keys} == {("True", "Available")}
        after = await stored(world, left)
        assert after["_meta"].pop(OWNER_KEY)["name"] == left.pipeline[0]
        assert after == left.pipeline[1]
        written = [(entry.method, entry.path) for entry in world.standin.log.writes]
        update = [("PUT", f"/_inference/{left.endpoint[0]}/_update")] if left.endpoint else []
        assert written == [*update, ("PUT", f"/_ingest/pipeline/{left.pipeline[0]}")]


@BOTH
async def test_what_is_not_the_same_is_left_alone(folder: Any, left: Left) -> None:
    changed = Left((left.pipeline[0], left.pipeline[1] | {"description": "edited since"}), left.endpoint)
    async with World() as world:
        await put(world, changed)
        await world.start()
        (key,) = (key for key in apply_files(world, folder / "after.yaml") if key.plural == "ingestpipelines")
        await world.rest()
        assert world.condition(key) == ("False", "AlreadyExists")
        assert "spec.description" in world.message(key)
        assert await stored(world, left) == changed.pipeline[1]


@BOTH
async def test_a_look_beforehand_changes_nothing_and_tells_what_differs(folder: Any, left: Left) -> None:
    changed = Left((left.pipeline[0], left.pipeline[1] | {"description": "edited since"}), left.endpoint)
    async with World() as world:
        await put(world, changed)
        await world.start()
        world.forget_requests()
        keys = apply_files(world, folder / "after.yaml", managementPolicy="Observe")
        await world.rest()
        assert {world.condition(key) for key in keys} == {("True", "Observed")}
        assert [drift.path for drift in world.pipeline_status(keys[-1]).drift] == ["description"]
        assert world.standin.log.writes == []


@BOTH
async def test_until_the_move_is_done_the_object_can_go_without_a_trace(folder: Any, left: Left) -> None:
    async with World() as world:
        await put(world, left)
        await world.start()
        keys = apply_files(world, folder / "after.yaml")
        await world.rest()
        for key in keys:
            world.kubernetes.delete(key)
        await world.rest()
        assert all(world.is_gone(key) for key in keys)
        assert (await stored(world, left))["processors"] == left.pipeline[1]["processors"]


def test_terraform_forgets_exactly_what_it_had() -> None:
    had = re.findall(r'^resource "(\w+)" "(\w+)"', (TERRAFORM / "before.tf").read_text(), re.MULTILINE)
    removed = (TERRAFORM / "removed.tf").read_text()
    assert re.findall(r"from = (\w+)\.(\w+)", removed) == had
    assert removed.count("destroy = false") == len(had)
