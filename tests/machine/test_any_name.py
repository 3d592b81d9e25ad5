"""Whatever a spec names, and whatever it calls itself: a pass over it ends in a status that says so, and never in a fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_operator.shell.ports import ObjectKey
from tests.elasticsearch.laws import LAW
from tests.machine.world import World, openai
from tests.standin.fault_kinds import server_error

NOT_ONE_ID = ("_common", "_all", "_none", "_simulate", "a,b", "x*", "*", "-x,*")
ODD = ("..", "a/b", "a?b#c", "%2F", " ", "\x00\r\n", "é\u2028", "x" * 5_000, "é" * 70_000)
NAMES = st.text(max_size=12) | st.sampled_from(NOT_ONE_ID + ODD) | st.text("_*,.-a{}/%", max_size=4)
LISTS = ("/_ingest/pipeline", "/_inference/_all")
MODEL, CALLED = "spec.processors[0].inference.model_id", "spec.processors[1].pipeline.name"


def naming(name: str) -> dict[str, Any]:
    """A pipeline that names the same endpoint and pipeline."""
    fields = {"input_output": {"input_field": "x", "output_field": "y"}}
    return {"processors": [{"inference": {"model_id": name, **fields}}, {"pipeline": {"name": name}}]}


async def passed(world: World, kind: str, spec: dict[str, Any]) -> ObjectKey:
    """The object after its first pass, which has told how it ended."""
    world.put_key()
    await world.start()
    key = world.create(kind, "p", spec)
    await world.clock.settle()
    assert world.condition(key) is not None
    assert world.status_of(key).observed_generation == 1
    return key


@pytest.mark.parametrize("name", NOT_ONE_ID)
async def test_what_is_no_single_id_is_unmet_at_its_field_until_it_is_there(name: str) -> None:
    async with World() as world:
        key = await passed(world, "IngestPipeline", naming(name))
        assert world.condition(key) == ("False", "WaitingForReference")
        assert f"{MODEL}: no inference endpoint and no trained model {name} in Elasticsearch" in world.message(key)
        assert f"{CALLED}: no pipeline {name} in Elasticsearch" in world.message(key)
        asked = {entry.path for entry in world.standin.log}
        assert not {path for path in asked if path.startswith(LISTS) and path not in LISTS}, "nobody is asked for several"


async def test_a_pipeline_of_others_whose_name_is_no_single_id_is_found_once_it_is_there() -> None:
    async with World() as world:
        key = await passed(world, "IngestPipeline", {"processors": [{"pipeline": {"name": "_common"}}]})
        assert world.condition(key) == ("False", "WaitingForReference")
        assert (await world.ask("PUT", "/_ingest/pipeline/_common", {"processors": []})).status_code == 200
        await world.rest()
        assert world.condition(key) == ("True", "Available")


@LAW
@example(name="_common", lists_fail=True)
@example(name="é" * 70_000, lists_fail=False)
@given(name=NAMES, lists_fail=st.booleans())
async def test_any_name_in_a_pipeline_ends_in_a_status(name: str, lists_fail: bool) -> None:
    async with World() as world:
        for path in LISTS if lists_fail else ():
            world.standin.faults.add(server_error(method="GET", path=path))
        key = await passed(world, "IngestPipeline", naming(name))
        assert world.condition(key) != ("Unknown", "Unreachable"), "no name is a reason to leave the cluster alone"


OWN = [("InferenceEndpoint", field) for field in ("inferenceId", "taskType", "service")] + [("IngestPipeline", "pipelineId")]


@pytest.mark.parametrize(("kind", "field"), OWN)
@LAW
@given(name=NAMES)
async def test_any_name_of_its_own_ends_in_a_status(kind: str, field: str, name: str) -> None:
    async with World() as world:
        spec = openai() if kind == "InferenceEndpoint" else naming("e")
        await passed(world, kind, spec | {field: name})
