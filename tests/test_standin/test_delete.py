"""Section "Delete" of the facts, and section "References" of the ingest facts with all its gaps."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, status, world
from tests.test_standin.samples import elser, openai

DELETED = {"acknowledged": True, "pipelines": [], "indexes": []}
USED_BY_PIPELINE = (
    "Inference endpoint one is referenced by pipelines: [p1]. Ensure that no pipelines are using this inference endpoint, "
    "or use force to ignore this warning and delete the inference endpoint."
)
USED_BY_INDEX = (
    "Inference endpoint one is being used in the mapping for indexes: [i1]. Ensure that no index mappings are using this "
    "inference endpoint, or use force to ignore this warning and delete the inference endpoint."
)
SEMANTIC = {"type": "semantic_text", "inference_id": "one"}


async def create(http: httpx.AsyncClient, name: str = "one") -> None:
    ok(await http.put(f"/_inference/completion/{name}", json=openai()))


async def use_in_pipeline(http: httpx.AsyncClient, *processors: Json, **pipeline: Any) -> None:
    ok(await http.put("/_ingest/pipeline/p1", json={"processors": processors} | pipeline))


async def use_in_index(http: httpx.AsyncClient, field: Json) -> None:
    ok(await http.put("/i1", json={"mappings": {"properties": {"t": field}}}))


async def dry_run(http: httpx.AsyncClient, name: str = "one") -> Json:
    return ok(await http.delete(f"/_inference/{name}", params={"dry_run": "true"}))


def inference(model_id: str = "one", **options: Any) -> Json:
    return {"inference": {"model_id": model_id} | options}


async def test_plain_and_forced(http: httpx.AsyncClient) -> None:
    for query in ({}, {"force": "true"}, {"force": ""}):
        await create(http)
        assert ok(await http.delete("/_inference/completion/one", params=query)) == DELETED


@pytest.mark.parametrize("query", [{}, {"force": "true"}, {"dry_run": "true"}])
async def test_missing(http: httpx.AsyncClient, query: dict[str, str]) -> None:
    expected = Refusal(404, "resource_not_found_exception", "Inference endpoint not found [x]")
    assert Refusal.of(await http.delete("/_inference/x", params=query)) == expected


async def test_another_task_type_in_the_url(http: httpx.AsyncClient) -> None:
    await create(http)
    assert Refusal.of(await http.delete("/_inference/rerank/one")) == status(
        400, "Requested task type [rerank] does not match the inference endpoint's task type [completion]"
    )


async def test_dry_run_without_reference(http: httpx.AsyncClient, standin: StandIn) -> None:
    await create(http)
    assert await dry_run(http) == {"acknowledged": False, "pipelines": [], "indexes": [], "error_message": ""}
    assert "one" in standin.endpoints


async def test_referenced_by_both(http: httpx.AsyncClient, standin: StandIn) -> None:
    await create(http)
    await use_in_pipeline(http, inference())
    await use_in_index(http, SEMANTIC)
    text = f"{USED_BY_PIPELINE} {USED_BY_INDEX}"
    expected = {"acknowledged": False, "pipelines": ["p1"], "indexes": ["i1"], "error_message": text}
    assert await dry_run(http) == expected
    assert Refusal.of(await http.delete("/_inference/one")) == status(409, text)
    assert "one" in standin.endpoints
    assert ok(await http.delete("/_inference/one", params={"force": "true"})) == DELETED


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_space_before_the_index_sentence(version: str) -> None:
    async with world(version) as here:
        await create(here.http)
        await use_in_index(here.http, SEMANTIC)
        lead = "" if version == "9.5.0" else " "
        assert (await dry_run(here.http))["error_message"] == lead + USED_BY_INDEX


NESTED: Json = inference()
for _ in range(9):
    NESTED = {"set": {"field": "f", "value": 1, "on_failure": [NESTED]}}
PIPELINES: dict[str, tuple[list[Json], Json, bool]] = {
    "inference": ([inference()], {}, True),
    "another id": ([inference("other")], {}, False),
    "under a condition": ([inference(**{"if": "ctx.a != null"})], {}, True),
    "in foreach": ([{"foreach": {"field": "f", "processor": inference()}}], {}, True),
    "in on_failure of a processor": ([{"set": {"field": "f", "value": 1, "on_failure": [inference()]}}], {}, True),
    "nested ten deep": ([NESTED], {}, True),
    "nested eleven deep": ([{"set": {"field": "f", "value": 1, "on_failure": [NESTED]}}], {}, False),
    "in on_failure of the pipeline": ([], {"on_failure": [inference()]}, False),
    "in on_failure of an inference processor": ([inference("other", on_failure=[inference()])], {}, False),
    "in on_failure of foreach": (
        [{"foreach": {"field": "f", "processor": {"drop": {}}, "on_failure": [inference()]}}],
        {},
        False,
    ),
    "through a pipeline processor": ([{"pipeline": {"name": "one"}}], {}, False),
}


@pytest.mark.parametrize(("processors", "rest", "counts"), PIPELINES.values(), ids=PIPELINES)
async def test_pipelines_that_count(http: httpx.AsyncClient, processors: list[Json], rest: Json, counts: bool) -> None:
    await create(http)
    await use_in_pipeline(http, *processors, **rest)
    assert (await dry_run(http))["pipelines"] == (["p1"] if counts else [])


INDICES: dict[str, tuple[Json, bool]] = {
    "inference_id": (SEMANTIC, True),
    "search_inference_id": ({"type": "semantic_text", "inference_id": "other", "search_inference_id": "one"}, True),
    "newer type": ({"type": "semantic", "inference_id": "one"}, True),
    "in an object": ({"properties": {"deep": {"properties": {"er": SEMANTIC}}}}, True),
    "as a multi-field": ({"type": "text", "fields": {"s": SEMANTIC}}, True),
    "another id": ({"type": "semantic_text", "inference_id": "other"}, False),
    "another type": ({"type": "text", "inference_id": "one"}, False),
}


@pytest.mark.parametrize(("field", "counts"), INDICES.values(), ids=INDICES)
async def test_indices_that_count(http: httpx.AsyncClient, field: Json, counts: bool) -> None:
    await create(http)
    await use_in_index(http, field)
    assert (await dry_run(http))["indexes"] == (["i1"] if counts else [])


async def test_several_fields_of_an_index_count_once(http: httpx.AsyncClient) -> None:
    await create(http)
    ok(await http.put("/i1", json={"mappings": {"properties": {"a": SEMANTIC, "b": SEMANTIC}}}))
    assert (await dry_run(http))["indexes"] == ["i1"]


@pytest.mark.parametrize("kind", ["index", "component"])
async def test_templates_do_not_count(http: httpx.AsyncClient, kind: str) -> None:
    await create(http)
    body = {"index_patterns": ["i*"], "template": {"mappings": {"properties": {"t": SEMANTIC}}}}
    ok(await http.put(f"/_{kind}_template/t1", json=body))
    assert (await dry_run(http))["indexes"] == []


async def test_a_reference_goes_with_its_referrer(http: httpx.AsyncClient) -> None:
    await create(http)
    await use_in_pipeline(http, inference())
    await use_in_index(http, SEMANTIC)
    ok(await http.delete("/_ingest/pipeline/p1"))
    ok(await http.delete("/i1"))
    assert ok(await http.delete("/_inference/one")) == DELETED


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_default_endpoint(version: str) -> None:
    name = ".elser-2-elasticsearch"
    way_out = "Use the force=true query parameter to delete the inference endpoint."
    async with world(version) as here:
        if version == "8.17.0":
            way_out = "Cannot delete a reserved inference endpoint."
        refused = await here.http.delete(f"/_inference/{name}")
        assert Refusal.of(refused) == status(400, f"[{name}] is a reserved inference endpoint. {way_out}")
        ok(await here.http.delete(f"/_inference/{name}", params={"force": "true"}))
        assert name not in here.standin.endpoints
        ok(await here.http.get("/_inference/_all"))
        assert name in here.standin.endpoints, "it comes back with the next read"


async def test_the_deployment_goes_and_the_model_stays(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/_inference/sparse_embedding/one", json=elser()))
    ok(await http.delete("/_inference/one"))
    assert not standin.state.deployments
    assert ".elser_model_2" in standin.state.models


async def test_an_attached_deployment_stays(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.post("/_ml/trained_models/.elser_model_2/deployment/_start", params={"deployment_id": "d"}))
    attached = {"service": "elasticsearch", "service_settings": {"deployment_id": "d"}}
    ok(await http.put("/_inference/sparse_embedding/one", json=attached))
    ok(await http.delete("/_inference/one"))
    assert list(standin.state.deployments) == ["d"]


async def test_flags_must_be_booleans(http: httpx.AsyncClient) -> None:
    await create(http)
    expected = "Failed to parse value [yes] as only [true] or [false] are allowed."
    answer = await http.delete("/_inference/one", params={"force": "yes"})
    assert Refusal.of(answer) == Refusal(400, "illegal_argument_exception", expected)
