"""Pipelines: PUT, GET and DELETE of the ingest facts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import ManualClock, StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, status, world

PIPELINE: Json = {"processors": [{"set": {"field": "a", "value": 1}}]}


def parse(reason: str) -> Refusal:
    return Refusal(400, "parse_exception", reason)


def illegal(reason: str) -> Refusal:
    return Refusal(400, "illegal_argument_exception", reason)


async def put(http: httpx.AsyncClient, body: Any, name: str = "p1", **query: Any) -> httpx.Response:
    return await http.put(f"/_ingest/pipeline/{name}", json=body, params=query)


async def stored(http: httpx.AsyncClient, name: str = "p1", **query: Any) -> Json:
    found: Json = ok(await http.get(f"/_ingest/pipeline/{name}", params=query))[name]
    return found


async def test_put_answers_the_same_for_create_and_update(http: httpx.AsyncClient) -> None:
    for body in (PIPELINE, PIPELINE | {"description": "d"}):
        assert ok(await put(http, body)) == {"acknowledged": True}


async def test_put_replaces_as_a_whole(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await put(http, PIPELINE | {"_meta": {"owner": "me"}, "version": 3}))
    ok(await put(http, {"processors": []}))
    assert standin.state.pipelines["p1"].body == {"processors": []}


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_get_returns_what_was_put_and_dates_from_9_2_on(version: str) -> None:
    body = PIPELINE | {"description": "d", "version": 3, "_meta": {"a": [1]}, "on_failure": [{"drop": {}}]}
    async with world(version) as here:
        ok(await put(here.http, body))
        shown = await stored(here.http)
        dates = {"created_date_millis", "modified_date_millis"} if version in {"9.2.0", "9.5.0"} else set()
        assert set(shown) - set(body) == dates
        assert {key: shown[key] for key in body} == body
        human = await stored(here.http, human="true")
        assert ("created_date" in human) == bool(dates)


async def test_dates(http: httpx.AsyncClient, clock: ManualClock) -> None:
    ok(await put(http, PIPELINE))
    first = await stored(http)
    clock.advance(60)
    ok(await put(http, PIPELINE))
    assert await stored(http) == first, "the same content changes nothing"
    ok(await put(http, PIPELINE | {"description": "d"}))
    later = await stored(http, human="true")
    assert later["created_date_millis"] == first["created_date_millis"]
    assert later["modified_date_millis"] == first["modified_date_millis"] + 60_000
    assert later["modified_date"].endswith("Z")


@pytest.mark.parametrize("key", ["created_date", "created_date_millis", "modified_date", "modified_date_millis"])
async def test_dates_belong_to_the_system(http: httpx.AsyncClient, key: str) -> None:
    expected = illegal(f"Provided a pipeline property which is managed by the system: {key}.")
    assert Refusal.of(await put(http, PIPELINE | {key: 1})) == expected


async def test_get_by_list_pattern_and_summary(http: httpx.AsyncClient) -> None:
    for name in ("a1", "a2", "b"):
        ok(await put(http, PIPELINE, name))
    assert list(ok(await http.get("/_ingest/pipeline/a*"))) == ["a1", "a2"]
    assert list(ok(await http.get("/_ingest/pipeline/b,none"))) == ["b"]
    assert ok(await http.get("/_ingest/pipeline", params={"summary": "true"})) == {"a1": {}, "a2": {}, "b": {}}


@pytest.mark.parametrize("path", ["", "/none", "/none*", "/none,nothing"])
async def test_nothing_found_is_a_404_with_an_empty_object(http: httpx.AsyncClient, path: str) -> None:
    missing = await http.get(f"/_ingest/pipeline{path}")
    assert (missing.status_code, missing.json()) == (404, {})


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


async def test_put_does_not_look_for_models_and_pipelines(http: httpx.AsyncClient) -> None:
    ok(await put(http, {"processors": [{"inference": {"model_id": "nobody"}}, {"pipeline": {"name": "nowhere"}}]}))


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


CONFLICT = "version conflict, required version [1] for pipeline [p1] but"
VERSIONED: dict[str, tuple[Json | None, Json, str]] = {
    "does not exist": (None, PIPELINE, f"{CONFLICT} no pipeline was found"),
    "another version": (PIPELINE | {"version": 2}, PIPELINE, f"{CONFLICT} current version is [2]"),
    "no version": (PIPELINE, PIPELINE, f"{CONFLICT} current version is [null]"),
    "same version in the body": (
        PIPELINE | {"version": 1},
        PIPELINE | {"version": 1},
        "cannot update pipeline [p1] with the same version [1]",
    ),
}


@pytest.mark.parametrize(("current", "body", "reason"), VERSIONED.values(), ids=VERSIONED)
async def test_if_version_conflicts(http: httpx.AsyncClient, current: Json | None, body: Json, reason: str) -> None:
    if current is not None:
        ok(await put(http, current))
    assert Refusal.of(await put(http, body, if_version=1)) == illegal(reason)


@pytest.mark.parametrize(("body", "version"), [(PIPELINE, 2), (PIPELINE | {"version": 7}, 7)])
async def test_if_version_holds(http: httpx.AsyncClient, body: Json, version: int) -> None:
    ok(await put(http, PIPELINE | {"version": 1}))
    ok(await put(http, body, if_version=1))
    assert (await stored(http))["version"] == version


async def test_delete(http: httpx.AsyncClient) -> None:
    ok(await put(http, PIPELINE))
    assert ok(await http.delete("/_ingest/pipeline/p1")) == {"acknowledged": True}
    missing = Refusal(404, "resource_not_found_exception", "pipeline [{}] is missing")
    for name in ("p1", "p*"):
        expected = Refusal(missing.status, missing.type, missing.reason.format(name))
        assert Refusal.of(await http.delete(f"/_ingest/pipeline/{name}")) == expected
    assert ok(await http.delete("/_ingest/pipeline/*")) == {"acknowledged": True}


async def test_delete_by_pattern(http: httpx.AsyncClient, standin: StandIn) -> None:
    for name in ("a1", "a2", "b"):
        ok(await put(http, PIPELINE, name))
    ok(await http.delete("/_ingest/pipeline/a*"))
    assert list(standin.state.pipelines) == ["b"]


USES: dict[str, tuple[dict[str, Json], str]] = {
    "default": (
        {"b": {"index.default_pipeline": "p1"}, "a": {"index": {"default_pipeline": "p1"}}},
        "the default pipeline for 2 index(es) including [a,b]",
    ),
    "final": ({"a": {"final_pipeline": "p1"}}, "the final pipeline for 1 index(es) including [a]"),
    "both": (
        {"a": {"index.default_pipeline": "p1"}, "b": {"index.final_pipeline": "p1"}},
        "the default pipeline for 1 index(es) including [a] and the final pipeline for 1 index(es) including [b]",
    ),
    "at most three names": (
        {name: {"index.default_pipeline": "p1"} for name in "dcba"},
        "the default pipeline for 4 index(es) including [a,b,c]",
    ),
}


@pytest.mark.parametrize(("indices", "why"), USES.values(), ids=USES)
async def test_delete_of_a_used_pipeline(http: httpx.AsyncClient, indices: dict[str, Json], why: str) -> None:
    ok(await put(http, PIPELINE))
    for name, settings in indices.items():
        ok(await http.put(f"/{name}", json={"settings": settings}))
    answer = await http.delete("/_ingest/pipeline/p1")
    assert Refusal.of(answer) == illegal(f"pipeline [p1] cannot be deleted because it is {why}")
    free = {"index.default_pipeline": "_none", "index.final_pipeline": None}
    for name in indices:
        ok(await http.put(f"/{name}/_settings", json=free))
    ok(await http.delete("/_ingest/pipeline/p1"))


async def test_delete_of_a_pipeline_that_only_templates_and_pipelines_name(http: httpx.AsyncClient) -> None:
    ok(await put(http, PIPELINE))
    ok(await put(http, {"processors": [{"pipeline": {"name": "p1"}}]}, "p2"))
    template = {"index_patterns": ["i*"], "template": {"settings": {"index.default_pipeline": "p1"}}}
    ok(await http.put("/_index_template/t1", json=template))
    ok(await http.delete("/_ingest/pipeline/p1"))


async def test_delete_takes_no_list(http: httpx.AsyncClient) -> None:
    for name in ("a", "b"):
        ok(await put(http, PIPELINE, name))
    missing = Refusal(404, "resource_not_found_exception", "pipeline [a,b] is missing")
    assert Refusal.of(await http.delete("/_ingest/pipeline/a,b")) == missing


async def test_the_same_numbers_of_another_kind_are_a_change(http: httpx.AsyncClient, clock: ManualClock) -> None:
    ok(await put(http, {"processors": [{"set": {"field": "a", "value": 1}}]}))
    first = await stored(http)
    clock.advance(1)
    ok(await put(http, {"processors": [{"set": {"value": 1, "field": "a"}}]}))
    assert await stored(http) == first, "the order of keys is no change"
    ok(await put(http, {"processors": [{"set": {"field": "a", "value": 1.0}}]}))
    assert (await stored(http))["modified_date_millis"] > first["modified_date_millis"]


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


async def test_the_parameters_of_the_calls(http: httpx.AsyncClient) -> None:
    ok(await put(http, PIPELINE, master_timeout="30s", timeout="30s"))
    ok(await http.get("/_ingest/pipeline/p1", params={"master_timeout": "30s"}))
    unknown = "request [/_ingest/pipeline/p1] contains unrecognized parameter: [force]"
    assert Refusal.of(await http.delete("/_ingest/pipeline/p1", params={"force": "true"})) == illegal(unknown)
    ok(await http.delete("/_ingest/pipeline/p1", params={"master_timeout": "30s", "timeout": "30s"}))


async def test_pipelines_of_file_settings_are_read_only(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.apply_file_settings({"p1": PIPELINE})
    assert (await stored(http))["processors"] == PIPELINE["processors"]
    for method, name in (("PUT", "PutPipelineRequest"), ("DELETE", "DeletePipelineRequest")):
        body = PIPELINE if method == "PUT" else None
        reason = f"Failed to process request [org.elasticsearch.action.ingest.{name}/unset] with errors: "
        expected = illegal(f"{reason}[[p1] set as read-only by [file_settings]]")
        assert Refusal.of(await http.request(method, "/_ingest/pipeline/p1", json=body)) == expected
    ok(await put(http, PIPELINE, "p2"))
    standin.apply_file_settings({})
    assert list(standin.state.pipelines) == ["p2"], "what the file names no more is gone"


async def test_file_settings_through_the_control_path(http: httpx.AsyncClient, standin: StandIn) -> None:
    body = {"pipelines": {"p1": PIPELINE}}
    assert ok(await http.put("/_standin/file_settings", json=body)) == {"pipelines": ["p1"]}
    assert standin.state.pipelines["p1"].by_file
    refused = await http.put("/_standin/file_settings", json={"pipelines": {"p1": {}}})
    assert refused.status_code == 400
    assert "[processors] required property is missing" in refused.json()["error"]
