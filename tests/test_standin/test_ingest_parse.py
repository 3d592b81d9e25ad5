"""Pipelines that are refused when they are read, and those that the server only warns of."""

from __future__ import annotations

import httpx
import pytest

from tests.standin import StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, status, world
from tests.test_standin.ingesting import put

PIPELINE: Json = {"processors": [{"set": {"field": "a", "value": 1}}]}


def parse(reason: str) -> Refusal:
    return Refusal(400, "parse_exception", reason)


INFERENCE = {"model_id": "m"}
PARSE_ERRORS: dict[str, tuple[Json, str, Json]] = {
    "no processors": ({}, "[processors] required property is missing", {"property_name": "processors"}),
    "required property": (
        {"processors": [{"set": {"tag": "t1"}}]},
        "[field] required property is missing",
        {"property_name": "field", "processor_type": "set", "processor_tag": "t1"},
    ),
    "wrong type": (
        {"processors": [], "description": ["x"]},
        "[description] property isn't a string, but of type [java.util.ArrayList]",
        {"property_name": "description"},
    ),
    "unknown processor": (
        {"processors": [{"nope": {}}]},
        "No processor type exists with name [nope]",
        {"processor_type": "nope"},
    ),
    "unknown processor setting": (
        {"processors": [{"set": {"field": "a", "value": 1, "x": 1}}]},
        "processor [set] doesn't support one or more provided configuration parameters [x]",
        {"processor_type": "set"},
    ),
    "unknown top-level key": (
        {"processors": [], "x": 1},
        "pipeline [p1] doesn't support one or more provided configuration parameters [x]",
        {},
    ),
    "empty on_failure": (
        {"processors": [], "on_failure": []},
        "pipeline [p1] cannot have an empty on_failure option defined",
        {},
    ),
    "empty on_failure of a processor": (
        {"processors": [{"set": {"field": "a", "on_failure": []}}]},
        "[on_failure] processors list cannot be empty",
        {"property_name": "on_failure", "processor_type": "set"},
    ),
    "in a handler": (
        {"processors": [], "on_failure": [{"set": {}}]},
        "[field] required property is missing",
        {"property_name": "field", "processor_type": "set"},
    ),
    "in foreach": (
        {"processors": [{"foreach": {"field": "a", "processor": {"nope": {}}}}]},
        "No processor type exists with name [nope]",
        {"processor_type": "foreach"},
    ),
    "inference without input_field": (
        {"processors": [{"inference": INFERENCE | {"input_output": {"output_field": "b"}}}]},
        "[input_field] required property is missing",
        {"property_name": "input_field", "processor_type": "inference"},
    ),
    "inference with empty input_output": (
        {"processors": [{"inference": INFERENCE | {"input_output": []}}]},
        "[input_output] property cannot be empty at least one is required",
        {"processor_type": "inference", "property_name": "input_output"},
    ),
    "inference without model_id": (
        {"processors": [{"inference": {}}]},
        "[model_id] required property is missing",
        {"property_name": "model_id", "processor_type": "inference"},
    ),
}


@pytest.mark.parametrize(("body", "reason", "extra"), PARSE_ERRORS.values(), ids=PARSE_ERRORS)
async def test_parse_errors(http: httpx.AsyncClient, standin: StandIn, body: Json, reason: str, extra: Json) -> None:
    answer = await put(http, body)
    assert Refusal.of(answer) == parse(reason)
    error = answer.json()["error"]
    for found in (error, error["root_cause"][0]):
        assert {key: value for key, value in found.items() if key.startswith("pro")} == extra
    assert not standin.state.pipelines


async def test_empty_body(http: httpx.AsyncClient) -> None:
    assert Refusal.of(await http.put("/_ingest/pipeline/p1")) == parse("request body is required")


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"ner": 1}, "inference_config must be an object with one inference type mapped to an object."),
        ({"ner": {}, "x": {}}, "inference_config must be an object with one inference type mapped to an object."),
        ({"x": {}}, "unrecognized inference configuration type [x]."),
    ],
)
async def test_inference_config(http: httpx.AsyncClient, config: Json, reason: str) -> None:
    answer = await put(http, {"processors": [{"inference": INFERENCE | {"inference_config": config}}]})
    assert Refusal.of(answer).reason.startswith(reason)
    assert Refusal.of(answer).type == "status_exception"


async def test_limit_of_inference_processors(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_cluster/settings", json={"persistent": {"xpack.ml.max_inference_processors": 2}}))
    handled = {"set": {"field": "a", "value": 1, "on_failure": [{"inference": INFERENCE}]}}
    two = {"processors": [{"inference": INFERENCE}, handled]}
    ok(await put(http, two))
    answer = await put(http, {"processors": [{"inference": INFERENCE}]}, "p2")
    assert Refusal.of(answer) == status(
        409,
        "Max number of inference processors reached, total inference processors [2]. "
        "Adjust the setting [xpack.ml.max_inference_processors]: [2] if a greater number is desired.",
    )
    assert ok(await put(http, two)) == {"acknowledged": True}, "the same content changes nothing"
    ok(await put(http, PIPELINE, "p2"))


SEVERAL = [{"set": {"tag": "t1"}}, {"nope": {}}, {"convert": {"field": "a", "type": "x"}}]


async def test_several_errors_are_suppressed(http: httpx.AsyncClient) -> None:
    error = (await put(http, {"processors": SEVERAL})).json()["error"]
    assert (error["reason"], error["processor_tag"]) == ("[field] required property is missing", "t1")
    assert [other["reason"] for other in error["suppressed"]] == [
        "No processor type exists with name [nope]",
        "[type] type [x] not supported, cannot convert field.",
    ]


NO_PAINLESS = "java.lang.IllegalArgumentException: script_lang not supported [painless]"


@pytest.mark.parametrize("script", [{"source": "ctx.a = 1", "tag": "t"}, {"lang": "painless", "source": "1", "tag": "t"}])
async def test_script_on_a_node_without_painless(http: httpx.AsyncClient, script: Json) -> None:
    answer = await put(http, {"processors": [{"script": script}]})
    assert Refusal.of(answer) == Refusal(400, "exception", NO_PAINLESS)
    error = answer.json()["error"]
    assert (error["processor_type"], error["processor_tag"]) == ("script", "t")
    assert error["caused_by"] == {"type": "illegal_argument_exception", "reason": "script_lang not supported [painless]"}
    assert error["root_cause"][0]["type"] == "exception"


ODD = {
    "a*b": """must not contain the following characters [' ','"','*',',','/','<','>','?','\\','|']""",
    "a:b": "must not contain ':'",
    "_a": "must not start with '_', '-', or '+'",
}


@pytest.mark.parametrize(("name", "problem"), ODD.items(), ids=ODD)
async def test_odd_names_are_warned_of(http: httpx.AsyncClient, name: str, problem: str) -> None:
    answer = await put(http, PIPELINE, name)
    assert ok(answer) == {"acknowledged": True}
    reason = f"Pipeline name [{name}] will be disallowed in a future version for the following reason: {problem}"
    escaped = reason.replace("\\", "\\\\").replace('"', '\\"')
    assert answer.headers["Warning"].startswith("299 Elasticsearch-9.5.0-")
    assert answer.headers["Warning"].endswith(f'"{escaped}"')


async def test_ordinary_names_are_not_warned_of(http: httpx.AsyncClient) -> None:
    """Upper case included: the check is that of an alias, which may have it."""
    for name in ("logs-2024.01@custom", "Upper"):
        assert "Warning" not in (await put(http, PIPELINE, name)).headers


async def test_old_names_of_options_are_warned_of(http: httpx.AsyncClient) -> None:
    body = {"processors": [{"inference": INFERENCE | {"field_mappings": {"a": "b"}}}]}
    warning = (await put(http, body)).headers["Warning"]
    assert '"Deprecated field [field_mappings] used, expected [field_map] instead"' in warning


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_field_access_pattern_is_of_9_2(version: str) -> None:
    async with world(version) as here:
        answer = await put(here.http, PIPELINE | {"field_access_pattern": "flexible"})
        if version in {"9.2.0", "9.5.0"}:
            ok(answer)
            assert (await put(here.http, PIPELINE | {"field_access_pattern": "other"})).status_code == 400
        else:
            reason = "pipeline [p1] doesn't support one or more provided configuration parameters [field_access_pattern]"
            assert Refusal.of(answer) == parse(reason)


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_deprecated_is_known_everywhere(version: str) -> None:
    async with world(version) as here:
        ok(await put(here.http, PIPELINE | {"deprecated": True}))
        wrong = parse("[deprecated] property isn't a boolean, but of type [java.lang.String]")
        assert Refusal.of(await put(here.http, PIPELINE | {"deprecated": "yes"})) == wrong
