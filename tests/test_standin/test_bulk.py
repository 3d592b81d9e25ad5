"""`_bulk`: an answer for each item, errors included, and the refusals of a body that is none."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, ok
from tests.test_standin.ingesting import create_endpoints, put

NDJSON = {"Content-Type": "application/x-ndjson"}


def lines(*values: Json) -> bytes:
    return "".join(f"{json.dumps(value)}\n" for value in values).encode()


async def bulk(http: httpx.AsyncClient, *values: Json, path: str = "/_bulk", **query: Any) -> Json:
    return ok(await http.post(path, content=lines(*values), headers=NDJSON, params=query))


async def test_each_item_has_its_answer(http: httpx.AsyncClient) -> None:
    answer = await bulk(
        http,
        {"index": {"_index": "i1", "_id": "1"}},
        {"a": 1},
        {"create": {"_index": "i1", "_id": "1"}},
        {"a": 2},
        {"index": {"_index": "Bad"}},
        {"a": 3},
        {"delete": {"_index": "i1", "_id": "1"}},
        {"delete": {"_index": "i1", "_id": "2"}},
    )
    assert answer["errors"] is True
    outcomes = [(name, item["status"], item.get("result")) for one in answer["items"] for name, item in one.items()]
    assert outcomes == [
        ("index", 201, "created"),
        ("create", 409, None),
        ("index", 400, None),
        ("delete", 200, "deleted"),
        ("delete", 404, "not_found"),
    ]
    conflict = answer["items"][1]["create"]["error"]
    assert conflict["type"] == "version_conflict_engine_exception"
    assert "root_cause" not in conflict


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_the_index_of_the_path(http: httpx.AsyncClient, method: str) -> None:
    content = lines({"index": {"_id": "1"}}, {"a": 1}, {"index": {"_index": "i2"}}, {"a": 2})
    answer = ok(await http.request(method, "/i1/_bulk", content=content, headers=NDJSON))
    assert [item["index"]["_index"] for item in answer["items"]] == ["i1", "i2"]
    assert "ingest_took" not in answer


async def test_pipelines_of_the_request_and_of_items(http: httpx.AsyncClient) -> None:
    for name in ("p1", "p2"):
        ok(await put(http, {"processors": [{"set": {"field": "by", "value": name}}]}, name))
    ok(await put(http, {"processors": [{"drop": {}}]}, "drop"))
    answer = await bulk(
        http,
        {"index": {"_id": "1"}},
        {},
        {"index": {"_id": "2", "pipeline": "p2"}},
        {},
        {"index": {"_id": "3", "pipeline": "drop"}},
        {},
        {"index": {"_id": "4", "pipeline": "none"}},
        {},
        path="/i1/_bulk",
        pipeline="p1",
    )
    assert answer["ingest_took"] >= 0
    found = [item["index"] for item in answer["items"]]
    assert [one["status"] for one in found] == [201, 201, 200, 400]
    assert found[2]["result"] == "noop"
    assert found[3]["error"] == {"type": "illegal_argument_exception", "reason": "pipeline with id [none] does not exist"}
    by = [ok(await http.get(f"/i1/_doc/{doc_id}"))["_source"]["by"] for doc_id in "12"]
    assert by == ["p1", "p2"]


async def test_inference_in_bulk(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    pair = {"input_field": "t", "output_field": "v"}
    ok(await put(http, {"processors": [{"inference": {"model_id": "dense", "input_output": pair}}]}))
    many = [line for number in range(50) for line in ({"index": {"_id": str(number)}}, {"t": f"text {number}"})]
    answer = await bulk(http, *many, {"index": {}}, {"x": 1}, path="/i1/_bulk", pipeline="p1", refresh="true")
    assert [item["index"]["status"] for item in answer["items"]] == [201] * 50 + [400]
    assert ok(await http.get("/i1/_count"))["count"] == 50


REFUSED: dict[str, tuple[bytes, str, str]] = {
    "empty": (b" ", "parse_exception", "request body is required"),
    "nothing": (b"\n\n", "parse_exception", "request body is required"),
    "no newline": (
        b'{"delete":{"_id":"1"}}',
        "illegal_argument_exception",
        "The bulk request must be terminated by a newline [\\n]",
    ),
    "unknown action": (
        lines({"upsert": {}}, {}),
        "illegal_argument_exception",
        "Malformed action/metadata line [1], expected field [create], [delete], [index] or [update] but found [upsert]",
    ),
    "no object": (
        b"[]\n",
        "illegal_argument_exception",
        "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]",
    ),
    "unknown parameter": (
        lines({"index": {"_index": "i", "x": 1}}, {}),
        "illegal_argument_exception",
        "Action/metadata line [1] contains an unknown parameter [x]",
    ),
    "no index": (lines({"index": {}}, {}), "action_request_validation_exception", "Validation Failed: 1: index is missing;"),
    "no JSON": (b"x\n", "x_content_parse_exception", "[1:1] Unexpected character or end of input"),
}


@pytest.mark.parametrize(("content", "kind", "reason"), REFUSED.values(), ids=REFUSED)
async def test_bodies_that_are_refused_as_a_whole(http: httpx.AsyncClient, content: bytes, kind: str, reason: str) -> None:
    assert Refusal.of(await http.post("/_bulk", content=content, headers=NDJSON)) == Refusal(400, kind, reason)


async def test_updates_are_refused(http: httpx.AsyncClient) -> None:
    content = lines({"update": {"_index": "i", "_id": "1"}}, {"doc": {}})
    refused = Refusal.of(await http.post("/_bulk", content=content, headers=NDJSON))
    assert (refused.status, refused.type) == (501, "unsupported_operation_exception")
