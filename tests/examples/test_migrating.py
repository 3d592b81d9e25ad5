"""What another tool left is taken over by the files `after`: at once, and without a change but the mark and the secrets."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from tests.examples.catalogue_of_examples import MIGRATING, resources
from tests.examples.playing import apply_files
from tests.machine.world import World

ECK, TERRAFORM = MIGRATING / "eck-custom-resources", MIGRATING / "terraform"
OLD_KEY = "of-the-old-tool"
_LISTS = ("processors", "on_failure")


@dataclass(frozen=True)
class Left:
    """What a tool wrote to Elasticsearch: bodies by path."""

    pipeline: tuple[str, dict[str, Any]]
    endpoint: tuple[str, dict[str, Any]] | None = None

    @property
    def requests(self) -> list[tuple[str, dict[str, Any]]]:
        """Path and body of each PUT, the endpoint first."""
        endpoint = [(f"_inference/{self.endpoint[0]}", self.endpoint[1])] if self.endpoint else []
        return [*endpoint, (f"_ingest/pipeline/{self.pipeline[0]}", self.pipeline[1])]


def left_by_eck_custom_resources() -> Left:
    """It sends the string as it is, under the name of the object."""
    (before,) = resources(ECK / "before.yaml")
    return Left((before["metadata"]["name"], json.loads(before["spec"]["body"])))


def left_by_terraform() -> Left:
    """Each `jsonencode` holds JSON in our file, but for the variable with the key."""
    text = (TERRAFORM / "before.tf").read_text()
    endpoint, pipeline = re.findall(r"^resource .+?^}$", text, re.DOTALL | re.MULTILINE)
    endpoint = endpoint.replace("var.openai_api_key", f'"{OLD_KEY}"')
    body = {"service": _string(endpoint, "service"), "service_settings": _encoded(endpoint, "service_settings")[0]}
    path = f"{_string(endpoint, 'task_type')}/{_string(endpoint, 'inference_id')}"
    lists = {name: _encoded(pipeline, name) for name in _LISTS}
    meta = _encoded(pipeline, "metadata")[0]
    described = {"description": _string(pipeline, "description"), "_meta": meta, **lists}
    return Left((_string(pipeline, "name"), described), (path, body))


def _string(block: str, name: str) -> str:
    found = re.search(rf'^  {name} += "([^"]+)"$', block, re.MULTILINE)
    assert found, name
    return found[1]


def _encoded(block: str, name: str) -> list[Any]:
    """The values of an attribute that is one `jsonencode` or a list of them."""
    after = re.split(rf"^  {name} += ", block, flags=re.MULTILINE)[1]
    own = re.split(r"^  \w+ += ", after, flags=re.MULTILINE)[0]
    return [json.loads(text) for text in re.findall(r"jsonencode\((.+?)\)$", own.replace("),", ")"), re.DOTALL | re.MULTILINE)]


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
