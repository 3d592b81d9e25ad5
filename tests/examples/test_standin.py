"""Elasticsearch, as the stand-in plays it, takes every example, and grants all of it to the role of the examples."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference_operator.elasticsearch.requests import (
    Request,
    list_component_templates,
    list_endpoints,
    list_index_templates,
    list_pipelines,
    model_stats,
    root,
)
from tests.examples.catalogue_of_examples import (
    EXAMPLES,
    endpoint,
    example_files,
    inference_id,
    of_kind,
    request_body,
    stated_version,
)
from tests.standin import Role, Security, StandIn, StandInTransport, User
from tests.standin.state import Pipeline, put

USER = ("inference-operator", "invented")
SECRETS = ("service_account_json", "secret_parameters", "api_key", "access_key", "secret_key", "secret_id")
OLDEST = (8, 17)  # that the stand-in plays
VENDOR = (9, 1)  # what Tencent Cloud builds on
ALIASES = {"elser": "elasticsearch"}

each_example = pytest.mark.parametrize("path", example_files(), ids=lambda path: path.stem)


def role() -> Role:
    return Role(tuple(json.loads((EXAMPLES / "connection" / "role.json").read_text(encoding="utf-8"))["cluster"]))


def cluster(version: str = "9.5.0", granted: Role | None = None) -> StandIn:
    security = Security(users={USER[0]: User(USER[1], roles=("operator",))}, roles={"operator": granted or role()})
    standin = StandIn(version=version, security=security)
    # A list of pipelines that is empty is a 404.
    there = Pipeline({"processors": []}, 0, 0)
    standin.change(lambda state: replace(state, pipelines=put(state.pipelines, "there", there)))
    return standin


def client(standin: StandIn) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin", auth=USER, timeout=30)


def path_of(path: Path) -> str:
    resource = endpoint(path)
    return f"/_inference/{resource['spec']['taskType']}/{inference_id(resource)}"


@each_example
async def test_elasticsearch_stores_what_the_example_says(path: Path) -> None:
    async with client(cluster()) as elasticsearch:
        created = await elasticsearch.put(path_of(path), json=request_body(path))
        assert created.status_code == httpx.codes.OK, created.text
        (stored,) = (await elasticsearch.get(path_of(path))).json()["endpoints"]
    spec = endpoint(path)["spec"]
    assert stored["service"] == ALIASES.get(spec["service"], spec["service"])
    for block, name in (("serviceSettings", "service_settings"), ("taskSettings", "task_settings")):
        written = {key: value for key, value in spec.get(block, {}).items() if key not in SECRETS}
        assert {key: stored.get(name, {}).get(key) for key in written} == written
    if "chunkingSettings" in spec:
        assert stored["chunking_settings"] == spec["chunkingSettings"]
    for value in secret_values(path):
        assert value not in json.dumps(stored)


@each_example
async def test_the_version_that_the_file_names_is_new_enough(path: Path) -> None:
    major, minor = max(OLDEST, stated_version(path) or VENDOR)
    async with client(cluster(f"{major}.{minor}.0")) as elasticsearch:
        created = await elasticsearch.put(path_of(path), json=request_body(path))
    assert created.status_code == httpx.codes.OK, created.text


async def test_one_cluster_takes_them_all_and_gives_them_up_again() -> None:
    standin = cluster()
    async with client(standin) as elasticsearch:
        for path in example_files():
            assert (await elasticsearch.put(path_of(path), json=request_body(path))).status_code == httpx.codes.OK
        assert set(standin.endpoints) >= {inference_id(endpoint(path)) for path in example_files()}
        for path in example_files():
            assert (await elasticsearch.delete(path_of(path))).status_code == httpx.codes.OK
        assert not set(standin.endpoints) & {inference_id(endpoint(path)) for path in example_files()}


READS = (
    root(),
    list_endpoints(),
    model_stats(),
    list_pipelines(),
    list_index_templates(),
    list_component_templates(),
)


@pytest.mark.parametrize("request_", READS, ids=lambda request: request.operation)
async def test_the_role_may_read_all_that_the_operator_reads(request_: Request) -> None:
    standin = cluster()
    standin.apply_file_settings({"kept": {"processors": []}})  # without a pipeline the list of them is a 404
    async with client(standin) as elasticsearch:
        answer = await elasticsearch.request(request_.method, request_.path, params=dict(request_.params))
    assert answer.status_code == httpx.codes.OK, answer.text


async def test_the_role_may_do_all_that_the_operator_does_with_a_pipeline() -> None:
    body = {"processors": [{"set": {"field": "seen", "value": True}}]}
    async with client(cluster()) as elasticsearch:
        answers = [
            await elasticsearch.post("/_ingest/pipeline/_simulate", json={"pipeline": body, "docs": [{"_source": {}}]}),
            await elasticsearch.put("/_ingest/pipeline/a", json=body),
            await elasticsearch.delete("/_ingest/pipeline/a"),
        ]
    assert [answer.status_code for answer in answers] == [httpx.codes.OK] * 3


@pytest.mark.parametrize("left_out", role().cluster)
async def test_the_role_has_nothing_to_spare(left_out: str) -> None:
    poorer = Role(tuple(privilege for privilege in role().cluster if privilege != left_out))
    (path,) = (path for path in example_files() if path.name == "openai.yaml")
    async with client(cluster(granted=poorer)) as elasticsearch:
        answers = {
            "monitor": await elasticsearch.get("/"),
            "manage_inference": await elasticsearch.put(path_of(path), json=request_body(path)),
            "manage_ingest_pipelines": await elasticsearch.put("/_ingest/pipeline/a", json={"processors": []}),
        }
    assert [name for name, answer in answers.items() if answer.status_code == httpx.codes.FORBIDDEN] == [left_out]


async def test_who_has_only_endpoints_needs_no_right_to_write_pipelines() -> None:
    less = Role(tuple(privilege.replace("manage_ingest_pipelines", "read_pipeline") for privilege in role().cluster))
    (path,) = (path for path in example_files() if path.name == "openai.yaml")
    async with client(cluster(granted=less)) as elasticsearch:
        answers = [await elasticsearch.request(each.method, each.path, params=dict(each.params)) for each in READS]
        answers.append(await elasticsearch.put(path_of(path), json=request_body(path)))
    assert {answer.status_code for answer in answers} == {httpx.codes.OK}


def secret_values(path: Path) -> list[str]:
    found: list[Mapping[str, Any]] = [secret["stringData"] for secret in of_kind(path, "Secret")]
    return [value for data in found for value in data.values()]
