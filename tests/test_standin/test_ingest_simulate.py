"""`_simulate`: the shapes, the errors, and every status of a verbose run."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, ok
from tests.test_standin.ingesting import after, put, simulate, told

URL = "/_ingest/pipeline/_simulate"
SET: Json = {"set": {"field": "a", "value": 1, "tag": "t", "description": "d"}}
FAIL: Json = {"uppercase": {"field": "foo", "tag": "up"}}
ERROR: Json = {"type": "illegal_argument_exception", "reason": "field [foo] not present as part of path [foo]"}
SHOWN_ERROR: Json = {"root_cause": [ERROR], **ERROR}
TIMESTAMP = "2025-06-15T15:06:40.000000000Z"


def docs(*sources: Json) -> Json:
    return {"docs": [{"_source": source} for source in sources]}


def document(source: Json, **ingest: Any) -> Json:
    """A document as a simulation shows it, with the defaults of its metadata."""
    return {
        "_index": "_index",
        "_id": "_id",
        "_version": "-3",
        "_source": source,
        "_ingest": {"timestamp": TIMESTAMP, **ingest},
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_inline_pipeline(http: httpx.AsyncClient, method: str) -> None:
    pipeline = {"processors": [{"drop": {"if": "ctx.foo == 'drop'"}}, FAIL]}
    body = {
        "pipeline": pipeline,
        "docs": [{"_index": "i", "_id": 7, "_source": {"foo": "x"}}, *docs({}, {"foo": "drop"})["docs"]],
    }
    answer = ok(await http.request(method, URL, json=body))
    shown = document({"foo": "X"}) | {"_index": "i", "_id": "7"}
    assert answer == {"docs": [{"doc": shown}, {"error": SHOWN_ERROR}, None]}


async def test_stored_pipeline(http: httpx.AsyncClient) -> None:
    await put(http, {"processors": [SET]})
    assert ok(await http.post("/_ingest/pipeline/p1/_simulate", json=docs({})))["docs"] == [{"doc": document({"a": 1})}]


async def test_metadata_of_a_document(http: httpx.AsyncClient) -> None:
    given = {"_routing": "r", "_version": 4, "_version_type": "external", "_source": {}}
    (shown,) = ok(await http.post(URL, json={"pipeline": {"processors": []}, "docs": [given]}))["docs"]
    expected = {"_index": "_index", "_id": "_id", "_version": "4", "_routing": "r", "_version_type": "external"}
    assert {name: value for name, value in shown["doc"].items() if name not in ("_source", "_ingest")} == expected


NO_PIPELINE = "[pipeline] required property is missing"
REFUSALS: dict[str, tuple[str, Json, Refusal]] = {
    "neither id nor pipeline": (URL, docs({}), Refusal(400, "parse_exception", NO_PIPELINE)),
    "no docs": (URL, {"pipeline": {"processors": []}}, Refusal(400, "parse_exception", "[docs] required property is missing")),
    "docs empty": (
        URL,
        {"pipeline": {"processors": []}, "docs": []},
        Refusal(400, "illegal_argument_exception", "must specify at least one document in [docs]"),
    ),
    "no object": (
        URL,
        {"pipeline": {"processors": []}, "docs": [1]},
        Refusal(400, "illegal_argument_exception", "malformed [docs] section, should include an inner object"),
    ),
    "no source": (
        URL,
        {"pipeline": {"processors": []}, "docs": [{}]},
        Refusal(400, "parse_exception", "[_source] required property is missing"),
    ),
    "unknown id": (
        "/_ingest/pipeline/none/_simulate",
        docs({}),
        Refusal(400, "illegal_argument_exception", "pipeline [none] does not exist"),
    ),
    "bad inline pipeline": (
        URL,
        {"pipeline": {"processors": [{"set": {}}]}} | docs({}),
        Refusal(400, "parse_exception", "[field] required property is missing"),
    ),
    "inline pipeline with an unknown key": (
        URL,
        {"pipeline": {"processors": [], "x": 1}} | docs({}),
        Refusal(
            400,
            "parse_exception",
            "pipeline [_simulate_pipeline] doesn't support one or more provided configuration parameters [x]",
        ),
    ),
}


@pytest.mark.parametrize(("url", "body", "expected"), REFUSALS.values(), ids=REFUSALS)
async def test_refusals(http: httpx.AsyncClient, url: str, body: Json, expected: Refusal) -> None:
    assert Refusal.of(await http.post(url, json=body)) == expected


async def test_a_missing_pipeline_is_named_as_a_property(http: httpx.AsyncClient) -> None:
    assert (await http.post(URL, json=docs({}))).json()["error"]["property_name"] == "pipeline"


async def test_verbose_success(http: httpx.AsyncClient) -> None:
    shown = document({"a": 1}, pipeline="_simulate_pipeline")
    head = {"processor_type": "set", "status": "success", "description": "d", "tag": "t"}
    assert await told(http, [SET], {}) == [head | {"doc": shown}]


async def test_verbose_error_ends_the_list(http: httpx.AsyncClient) -> None:
    results = await told(http, [SET, FAIL, SET], {})
    assert [one["status"] for one in results] == ["success", "error"]
    assert results[1] == {"processor_type": "uppercase", "status": "error", "tag": "up", "error": SHOWN_ERROR}


async def test_verbose_error_ignored(http: httpx.AsyncClient) -> None:
    ignoring = {"uppercase": {"field": "foo", "ignore_failure": True}}
    results = await told(http, [ignoring, SET], {})
    assert [one["status"] for one in results] == ["error_ignored", "success"]
    assert results[0]["ignored_error"] == {"error": SHOWN_ERROR}
    assert results[0]["doc"]["_source"] == {}


async def test_verbose_condition(http: httpx.AsyncClient) -> None:
    condition = "ctx.b != null"
    results = await told(http, [{"set": {"field": "a", "value": 1, "if": condition}}], {})
    assert results == [{"processor_type": "set", "status": "skipped", "if": {"condition": condition, "result": False}}]
    (result,) = await told(http, [{"set": {"field": "a", "value": 1, "if": condition}}], {"b": 1})
    assert (result["status"], result["if"]) == ("success", {"condition": condition, "result": True})


async def test_verbose_dropped(http: httpx.AsyncClient) -> None:
    assert await told(http, [{"drop": {"tag": "t"}}, SET], {}) == [{"processor_type": "drop", "status": "dropped", "tag": "t"}]


async def test_verbose_pipeline_is_followed_by_its_processors(http: httpx.AsyncClient) -> None:
    await put(http, {"processors": [SET]}, "inner")
    results = await told(http, [{"pipeline": {"name": "inner"}}, SET], {})
    assert results[0] == {"processor_type": "pipeline", "status": "success"}
    assert [one["doc"]["_ingest"]["pipeline"] for one in results[1:]] == ["inner", "_simulate_pipeline"]


async def test_verbose_pipeline_that_is_missing(http: httpx.AsyncClient) -> None:
    (result,) = await told(http, [{"pipeline": {"name": "none"}}], {})
    assert result["status"] == "error"
    assert result["error"]["reason"] == "Pipeline processor configured for non-existent pipeline [none]"
    results = await told(http, [{"pipeline": {"name": "none", "ignore_missing_pipeline": True}}, SET], {})
    assert [one["status"] for one in results] == ["error_ignored", "success"]


async def test_verbose_cycle(http: httpx.AsyncClient) -> None:
    await put(http, {"processors": [{"pipeline": {"name": "a"}}]}, "a")
    (result,) = await told(http, [{"pipeline": {"name": "a"}}], {})
    assert result["error"]["reason"] == "Cycle detected for pipeline: a"


METADATA = [
    {"set": {"field": name, "copy_from": f"_ingest.on_failure_{name}"}} for name in ("message", "processor_type", "processor_tag")
]
MET: Json = {"message": ERROR["reason"], "processor_type": "uppercase", "processor_tag": "up"}


async def test_on_failure_of_the_pipeline(http: httpx.AsyncClient) -> None:
    found = await simulate(http, [FAIL, SET], {}, on_failure=METADATA)
    assert found["doc"]["_source"] == MET, "what comes after the failure does not run"
    assert set(found["doc"]["_ingest"]) == {"timestamp"}


async def test_on_failure_of_a_processor(http: httpx.AsyncClient) -> None:
    failing = {"uppercase": FAIL["uppercase"] | {"on_failure": METADATA}}
    assert await after(http, [failing, SET], {}) == MET | {"a": 1}


async def test_on_failure_of_a_handler(http: httpx.AsyncClient) -> None:
    last = {"set": {"field": "last", "value": "{{_ingest.on_failure_message}}"}}
    handler = {"fail": {"message": "second", "on_failure": [last]}}
    failing = {"uppercase": FAIL["uppercase"] | {"on_failure": [handler]}}
    assert await after(http, [failing], {}) == {"last": "second"}


async def test_a_failing_handler_is_the_error(http: httpx.AsyncClient) -> None:
    found = await simulate(http, [FAIL], {}, on_failure=[{"fail": {"message": "second"}}])
    assert found["error"]["reason"] == "second"


async def test_a_failure_in_a_nested_pipeline_tells_where(http: httpx.AsyncClient) -> None:
    await put(http, {"processors": [FAIL]}, "inner")
    handler = {"set": {"field": "origin", "value": "{{_ingest.on_failure_pipeline}} {{_ingest.on_failure_processor_type}}"}}
    assert await after(http, [{"pipeline": {"name": "inner"}}], {}, on_failure=[handler]) == {"origin": "inner uppercase"}


async def test_verbose_handlers_are_shown(http: httpx.AsyncClient) -> None:
    results = await told(http, [FAIL], {}, on_failure=[SET])
    assert [(one["processor_type"], one["status"]) for one in results] == [("uppercase", "error"), ("set", "success")]
    assert results[1]["doc"]["_ingest"]["on_failure_processor_tag"] == "up"


CONDITIONS: dict[str, tuple[str, Json, bool]] = {
    "equal": ("ctx.a == 'x'", {"a": "x"}, True),
    "not equal": ("ctx.a != 'x'", {"a": "x"}, False),
    "null": ("ctx.a == null", {}, True),
    "safe path": ("ctx?.a?.b == 'x'", {}, False),
    "path": ("ctx.a.b == 1", {"a": {"b": 1}}, True),
    "brackets": ("ctx['a.b'] == true", {"a.b": True}, True),
    "containsKey": ("ctx.containsKey('a') && !ctx.containsKey('b')", {"a": None}, True),
    "or": ('ctx.a == 1 || (ctx.b == "y" && ctx.c > 2.5)', {"b": "y", "c": 3}, True),
    "text methods": ("ctx.a.toLowerCase().startsWith('ab') && ctx.a.length() <= 3", {"a": "ABC"}, True),
    "list": ("ctx.a.contains('x') && ctx.a.size() >= 1", {"a": ["x"]}, True),
    "return": ("return ctx.a == -1;", {"a": -1}, True),
    "metadata": ("ctx._index == '_index'", {}, True),
}


@pytest.mark.parametrize(("condition", "source", "holds"), CONDITIONS.values(), ids=CONDITIONS)
async def test_conditions(http: httpx.AsyncClient, condition: str, source: Json, holds: bool) -> None:
    (result,) = await told(http, [{"set": {"field": "done", "value": 1, "if": condition}}], source)
    assert result["if"]["result"] is holds


@pytest.mark.parametrize("condition", ["ctx.a =", "ctx.a.b(", "def x = 1; return true", "ctx.a ~= 'x'", "ctx.a.matches('x')"])
async def test_a_condition_beyond_the_subset_is_a_compile_error(http: httpx.AsyncClient, condition: str) -> None:
    answer = await put(http, {"processors": [{"set": {"field": "a", "value": 1, "if": condition, "tag": "t"}}]})
    assert Refusal.of(answer) == Refusal(400, "script_exception", "compile error")
    error = answer.json()["error"]
    assert (error["processor_type"], error["processor_tag"], error["script"]) == ("set", "t", condition)


@pytest.mark.parametrize("condition", ["ctx.a.b == 1", "ctx.a < 1", "ctx.b"])
async def test_a_condition_that_can_not_be_evaluated(http: httpx.AsyncClient, condition: str) -> None:
    found = await simulate(http, [{"set": {"field": "a", "value": 1, "if": condition, "ignore_failure": True}}], {})
    assert (found["error"]["type"], found["error"]["reason"]) == ("script_exception", "runtime error")
