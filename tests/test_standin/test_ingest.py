"""Pipelines: PUT, GET and DELETE of the ingest facts."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import ManualClock, StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, world
from tests.test_standin.ingesting import put

PIPELINE: Json = {"processors": [{"set": {"field": "a", "value": 1}}]}


def parse(reason: str) -> Refusal:
    return Refusal(400, "parse_exception", reason)


def illegal(reason: str) -> Refusal:
    return Refusal(400, "illegal_argument_exception", reason)


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


async def test_put_does_not_look_for_models_and_pipelines(http: httpx.AsyncClient) -> None:
    ok(await put(http, {"processors": [{"inference": {"model_id": "nobody"}}, {"pipeline": {"name": "nowhere"}}]}))


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
