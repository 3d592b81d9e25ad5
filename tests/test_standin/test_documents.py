"""Documents: what pipelines of a request and of an index do on the way in, and what reads show."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, ok, world
from tests.test_standin.ingesting import create_endpoints, put
from tests.test_standin.samples import openai

SHARDS = {"total": 2, "successful": 1, "failed": 0}


def mark(value: str) -> Json:
    return {"processors": [{"append": {"field": "by", "value": value}}]}


async def write(http: httpx.AsyncClient, source: Json, index: str = "i1", doc_id: str = "1", **query: Any) -> httpx.Response:
    return await http.put(f"/{index}/_doc/{doc_id}", json=source, params=query)


async def source(http: httpx.AsyncClient, index: str = "i1", doc_id: str = "1") -> Json:
    found: Json = ok(await http.get(f"/{index}/_doc/{doc_id}"))["_source"]
    return found


async def test_life_of_a_document(http: httpx.AsyncClient) -> None:
    created = await write(http, {"a": 1})
    head = {"_index": "i1", "_id": "1", "_version": 1, "result": "created"}
    assert created.status_code == 201
    assert created.json() == head | {"_shards": SHARDS, "_seq_no": 0, "_primary_term": 1}
    updated = ok(await write(http, {"a": 2}, refresh="true"))
    assert (updated["result"], updated["_version"], updated["forced_refresh"]) == ("updated", 2, True)
    shown = ok(await http.get("/i1/_doc/1"))
    assert (shown["found"], shown["_source"]) == (True, {"a": 2})
    assert (await http.head("/i1/_doc/1")).status_code == 200
    assert ok(await http.delete("/i1/_doc/1"))["result"] == "deleted"
    gone = await http.delete("/i1/_doc/1")
    assert (gone.status_code, gone.json()["result"]) == (404, "not_found")
    missing = await http.get("/i1/_doc/1")
    assert (missing.status_code, missing.json()) == (404, {"_index": "i1", "_id": "1", "found": False})


async def test_a_document_without_an_id_gets_one(http: httpx.AsyncClient) -> None:
    first, second = [(await http.post("/i1/_doc", json={"a": 1})).json()["_id"] for _ in range(2)]
    assert len(first) == 20
    assert first != second


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/i1/_create/1"), ("POST", "/i1/_create/1"), ("PUT", "/i1/_doc/1?op_type=create")]
)
async def test_create_refuses_what_is_there(http: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await http.request(method, path, json={"a": 1})).status_code == 201
    reason = "[1]: version conflict, document already exists (current version [1])"
    assert Refusal.of(await http.request(method, path, json={})) == Refusal(409, "version_conflict_engine_exception", reason)


async def test_a_missing_index(http: httpx.AsyncClient) -> None:
    missing = Refusal(404, "index_not_found_exception", "no such index [none]")
    for method in ("GET", "DELETE"):
        assert Refusal.of(await http.request(method, "/none/_doc/1")) == missing
    assert Refusal.of(await write(http, {}, "Bad")).type == "invalid_index_name_exception"


async def pipelines(http: httpx.AsyncClient) -> None:
    for name in ("first", "default", "final"):
        ok(await put(http, mark(name), name))
    ok(await put(http, {"processors": [{"drop": {}}]}, "drop"))
    settings = {"index.default_pipeline": "default", "index.final_pipeline": "final"}
    ok(await http.put("/i1", json={"settings": settings}))


ORDERS: dict[str, tuple[Json, list[str]]] = {
    "default and final": ({}, ["default", "final"]),
    "of the request and final": ({"pipeline": "first"}, ["first", "final"]),
    "none and final": ({"pipeline": "_none"}, ["final"]),
}


@pytest.mark.parametrize(("query", "order"), ORDERS.values(), ids=ORDERS)
async def test_which_pipelines_run(http: httpx.AsyncClient, query: Json, order: list[str]) -> None:
    await pipelines(http)
    assert (await write(http, {}, **query)).status_code == 201
    by = (await source(http))["by"]
    assert (by if isinstance(by, list) else [by]) == order


async def test_a_missing_pipeline(http: httpx.AsyncClient) -> None:
    expected = Refusal(400, "illegal_argument_exception", "pipeline with id [none] does not exist")
    assert Refusal.of(await write(http, {}, pipeline="none")) == expected
    assert (await http.get("/i1")).status_code == 404, "nothing was made"


async def test_a_failing_pipeline_refuses_the_document(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await put(http, {"processors": [{"uppercase": {"field": "foo"}}]}))
    reason = "field [foo] not present as part of path [foo]"
    assert Refusal.of(await write(http, {}, pipeline="p1")) == Refusal(400, "illegal_argument_exception", reason)
    assert not standin.state.documents


async def test_a_dropped_document_is_no_error(http: httpx.AsyncClient) -> None:
    await pipelines(http)
    dropped = ok(await write(http, {}, pipeline="drop"))
    assert (dropped["result"], dropped["_version"], dropped["_shards"]["total"]) == ("noop", -3, 0)
    assert (await http.get("/i1/_doc/1")).status_code == 404


async def test_a_pipeline_may_send_a_document_elsewhere(http: httpx.AsyncClient) -> None:
    await pipelines(http)
    ok(await http.put("/i2", json={"settings": {"index.final_pipeline": "first"}}))
    ok(await put(http, {"processors": [{"set": {"field": "_index", "value": "i2"}}]}, "default"))
    assert (await write(http, {})).json()["_index"] == "i2"
    assert (await source(http, "i2"))["by"] == ["first"]
    ok(await put(http, {"processors": [{"set": {"field": "_index", "value": "i3"}}]}, "first"))
    refused = Refusal.of(await write(http, {}))
    reason = "final pipeline [first] can't change the target index (from [i2] to [i3]) for document [1]"
    assert refused == Refusal(500, "illegal_state_exception", reason)


async def test_templates_are_applied_to_new_indices(http: httpx.AsyncClient) -> None:
    ok(await put(http, mark("template"), "p1"))
    component = {
        "template": {"settings": {"index.default_pipeline": "p1"}, "mappings": {"properties": {"by": {"type": "keyword"}}}}
    }
    ok(await http.put("/_component_template/c1", json=component))
    for name, priority, pattern in (("low", 1, "*"), ("high", 2, "i*")):
        body = {"index_patterns": [pattern], "priority": priority, "composed_of": ["c1"] if name == "high" else []}
        ok(await http.put(f"/_index_template/{name}", json=body | {"template": {"settings": {"number_of_shards": priority}}}))
    assert (await write(http, {})).status_code == 201
    assert (await source(http))["by"] == ["template"]
    shown = ok(await http.get("/i1"))["i1"]
    assert (shown["settings"]["index"]["number_of_shards"], shown["mappings"]["properties"]["by"]) == ("2", {"type": "keyword"})


async def test_new_fields_are_mapped_as_they_are_guessed(http: httpx.AsyncClient) -> None:
    given = {"t": "x", "n": 1, "f": 1.5, "b": True, "d": "2024-01-01T00:00:00Z", "o": {"k": ["x"]}, "v": [0.5] * 128, "e": []}
    assert (await write(http, given)).status_code == 201
    properties = ok(await http.get("/i1/_mapping"))["i1"]["mappings"]["properties"]
    kinds = {name: definition.get("type", "object") for name, definition in properties.items()}
    assert kinds == {"t": "text", "n": "long", "f": "float", "b": "boolean", "d": "date", "o": "object", "v": "dense_vector"}
    assert properties["o"]["properties"]["k"]["fields"]["keyword"]["type"] == "keyword"
    assert properties["v"]["dims"] == 128


MISFITS: dict[str, tuple[Json, Json, str]] = {
    "strict": (
        {"dynamic": "strict"},
        {"x": 1},
        "[1:1] mapping set to strict, dynamic introduction of [x] within [_doc] is not allowed",
    ),
    "number": (
        {"properties": {"n": {"type": "long"}}},
        {"n": "x"},
        "[1:1] failed to parse field [n] of type [long] in document with id '1'. Preview of field's value: 'x'",
    ),
    "object": (
        {"properties": {"o": {"properties": {}}}},
        {"o": 1},
        "[1:1] object mapping for [o] tried to parse field [o] as object, but found a concrete value",
    ),
    "vector": (
        {"properties": {"v": {"type": "dense_vector", "dims": 3}}},
        {"v": [1, 2]},
        (
            "[1:1] failed to parse: The [dense_vector] field [v] in doc [document with id '1'] "
            "has a different number of dimensions [2] than defined in the mapping [3]"
        ),
    ),
}


@pytest.mark.parametrize(("mappings", "given", "reason"), MISFITS.values(), ids=MISFITS)
async def test_documents_that_do_not_fit(http: httpx.AsyncClient, mappings: Json, given: Json, reason: str) -> None:
    ok(await http.put("/i1", json={"mappings": mappings}))
    refused = Refusal.of(await write(http, given))
    assert (refused.status, refused.reason) == (400, reason)
    assert refused.type in ("document_parsing_exception", "strict_dynamic_mapping_exception")


SHOWN: dict[str, tuple[Json, Json]] = {
    "all": ({}, {"a": {"b": 1, "c": 2}, "d": 3}),
    "some": ({"_source": "a.b"}, {"a": {"b": 1}}),
    "includes and excludes": ({"_source_includes": "a", "_source_excludes": "*.c"}, {"a": {"b": 1}}),
}


@pytest.mark.parametrize(("query", "expected"), SHOWN.values(), ids=SHOWN)
async def test_what_of_a_source_is_shown(http: httpx.AsyncClient, query: Json, expected: Json) -> None:
    await write(http, {"a": {"b": 1, "c": 2}, "d": 3})
    assert ok(await http.get("/i1/_doc/1", params=query))["_source"] == expected
    assert "_source" not in ok(await http.get("/i1/_doc/1", params={"_source": "false"}))


@pytest.mark.parametrize(("version", "hidden"), [("9.1.0", False), ("9.2.0", True)])
async def test_vectors_are_kept_to_itself_from_9_2_on(version: str, hidden: bool) -> None:
    async with world(version) as here:
        ok(await here.http.put("/i1", json={"mappings": {"properties": {"v": {"type": "dense_vector"}}}}))
        await write(here.http, {"v": [1.0, 2.0], "t": "x"})
        assert ("v" in await source(here.http)) is not hidden
        asked = ok(await here.http.get("/i1/_doc/1", params={"_source_exclude_vectors": "false"}))
        assert asked["_source"]["v"] == [1.0, 2.0]
        named = ok(await here.http.get("/i1/_doc/1", params={"_source_includes": "v"}))
        assert named["_source"] == {"v": [1.0, 2.0]}


SEMANTIC = {"mappings": {"properties": {"t": {"type": "semantic_text", "inference_id": "dense"}}}}


async def test_a_semantic_field_learns_its_model(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    ok(await http.put("/i1", json=SEMANTIC))
    assert (await write(http, {"t": ["red", "blue"]})).status_code == 201
    learned = ok(await http.get("/i1/_mapping"))["i1"]["mappings"]["properties"]["t"]["model_settings"]
    assert learned["service"] == "openai"
    assert (learned["task_type"], learned["dimensions"], learned["element_type"]) == ("text_embedding", 8, "float")
    assert await source(http) == {"t": ["red", "blue"]}, "the source is what was sent"


async def test_an_endpoint_can_not_come_back_incompatible(http: httpx.AsyncClient) -> None:
    """Only once values are there: before, nothing is remembered of the model."""
    await create_endpoints(http)
    ok(await http.put("/i1", json=SEMANTIC))
    other = openai(dimensions=16)
    for _ in range(2):
        ok(await http.delete("/_inference/dense", params={"force": "true"}))
        ok(await http.put("/_inference/text_embedding/dense", json=openai(dimensions=8)))
    assert (await write(http, {"t": "red"})).status_code == 201
    ok(await http.delete("/_inference/dense", params={"force": "true"}))
    refused = Refusal.of(await http.put("/_inference/text_embedding/dense", json=other))
    assert refused.status == 400
    assert "[i1]" in refused.reason


async def test_a_semantic_field_without_its_endpoint(http: httpx.AsyncClient) -> None:
    ok(await http.put("/i1", json=SEMANTIC))
    expected = Refusal(404, "resource_not_found_exception", "Inference id [dense] not found for field [t]")
    assert Refusal.of(await write(http, {"t": "red"})) == expected
    assert (await write(http, {"other": 1})).status_code == 201


async def test_a_semantic_field_whose_endpoint_fails(http: httpx.AsyncClient, standin: StandIn) -> None:
    await create_endpoints(http)
    ok(await http.put("/i1", json=SEMANTIC))
    standin.change_provider(unreachable=frozenset({"openai"}))
    answer = await write(http, {"t": "red"})
    assert Refusal.of(answer).reason == "Exception when running inference id [dense] on field [t]"
    assert answer.json()["error"]["type"] == "inference_exception"


async def test_deleting_an_index_takes_its_documents(http: httpx.AsyncClient) -> None:
    await write(http, {"a": 1})
    ok(await http.delete("/i1"))
    ok(await http.put("/i1"))
    assert (await http.get("/i1/_doc/1")).status_code == 404
