"""Sections "Surface", "Endpoint representation" and "GET" of the facts."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.standin import Cluster, StandIn
from tests.standin.state import Endpoint
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, status, world
from tests.test_standin.samples import SECRET, openai

DEFAULTS = [".elser-2-elasticsearch", ".multilingual-e5-small-elasticsearch", ".rerank-v1-elasticsearch"]


async def ids(http: httpx.AsyncClient, path: str) -> list[str]:
    return [one["inference_id"] for one in ok(await http.get(path))["endpoints"]]


async def test_a_missing_endpoint(http: httpx.AsyncClient) -> None:
    expected = Refusal(404, "resource_not_found_exception", "Inference endpoint not found [x]")
    assert Refusal.of(await http.get("/_inference/x")) == expected
    assert Refusal.of(await http.get("/_inference/completion/x")) == expected


async def test_another_task_type_in_the_url(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    assert Refusal.of(await http.get("/_inference/sparse_embedding/one")) == status(
        400, "Requested task type [sparse_embedding] does not match the inference endpoint's task type [completion]"
    )
    assert await ids(http, "/_inference/any/one") == ["one"]


async def test_unknown_task_type(http: httpx.AsyncClient) -> None:
    assert Refusal.of(await http.get("/_inference/bad/one")) == status(400, "Unknown task_type [bad]")


@pytest.mark.parametrize("path", ["/_inference", "/_inference/_all", "/_inference/*"])
async def test_everything_is_listed_sorted_with_the_defaults(http: httpx.AsyncClient, path: str) -> None:
    for name in ("z", "b", "a"):
        ok(await http.put(f"/_inference/completion/{name}", json=openai()))
    assert await ids(http, path) == [*DEFAULTS, "a", "b", "z"]


@pytest.mark.parametrize(("task", "expected"), [("completion", []), ("rerank", [".rerank-v1-elasticsearch"])])
async def test_all_of_a_task_type(http: httpx.AsyncClient, task: str, expected: list[str]) -> None:
    assert await ids(http, f"/_inference/{task}/_all") == expected


@pytest.mark.parametrize("path", ["/_inference/_all", "/_inference/.elser-2-elasticsearch"])
async def test_reading_brings_default_endpoints_into_the_store(http: httpx.AsyncClient, standin: StandIn, path: str) -> None:
    assert not standin.endpoints
    ok(await http.get(path))
    assert ".elser-2-elasticsearch" in standin.endpoints


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_default_endpoints(version: str) -> None:
    async with world(version) as here:
        elser, small, rerank = ok(await here.http.get("/_inference"))["endpoints"]
        allocations = elser["service_settings"].pop("adaptive_allocations")
        assert allocations["max_number_of_allocations"] == (8 if version == "8.17.0" else 32)
        assert allocations["min_number_of_allocations"] == 0
        assert elser["service_settings"] == {"model_id": ".elser_model_2_linux-x86_64", "num_threads": 1}
        assert small["task_type"] == "text_embedding"
        assert rerank["task_settings"] == {"return_documents": True}
        assert "chunking_settings" not in rerank


async def test_default_endpoints_of_another_platform() -> None:
    async with world(cluster=Cluster(platform="linux-aarch64")) as here:
        assert (await here.settings(".elser-2-elasticsearch"))["model_id"] == ".elser_model_2"


async def test_endpoints_of_the_elastic_inference_service() -> None:
    async with world(cluster=Cluster(eis=True)) as here:
        assert ".rainbow-sprinkles-elastic" in await ids(here.http, "/_inference/chat_completion/_all")
        (endpoint,) = ok(await here.http.get("/_inference/.elser-2-elastic"))["endpoints"]
        assert endpoint["metadata"]


async def test_secrets_are_kept_but_never_shown(http: httpx.AsyncClient, standin: StandIn) -> None:
    created = await http.put("/_inference/completion/one", json=openai())
    assert standin.endpoints["one"].secrets == {"api_key": SECRET}
    assert SECRET not in created.text + (await http.get("/_inference/one")).text + repr(standin.endpoints["one"])


async def test_empty_task_settings_are_left_out(http: httpx.AsyncClient) -> None:
    assert "task_settings" not in ok(await http.put("/_inference/completion/one", json=openai() | {"task_settings": {}}))
    given = {"task_settings": {"user": "u"}}
    assert ok(await http.put("/_inference/completion/two", json=openai() | given))["task_settings"] == {"user": "u"}


async def test_an_endpoint_older_than_chunking(http: httpx.AsyncClient, standin: StandIn) -> None:
    old = Endpoint("old", "text_embedding", "openai", {"model_id": "m"})
    standin.change(lambda state: state.with_endpoint(old))
    (shown,) = ok(await http.get("/_inference/old"))["endpoints"]
    assert shown["chunking_settings"] == {"strategy": "word", "max_chunk_size": 250, "overlap": 100}


async def test_stored_service_unknown_to_the_node(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.change(lambda state: state.with_endpoint(Endpoint("odd", "completion", "gone")))
    expected = status(500, "Unknown service [gone] for inference endpoint [odd].")
    assert Refusal.of(await http.get("/_inference/odd")) == expected
    assert Refusal.of(await http.get("/_inference/_all")) == expected
    assert Refusal.of(await http.delete("/_inference/odd")) == status(404, "No service found for this inference endpoint odd")
    ok(await http.delete("/_inference/odd", params={"force": "true"}))


async def test_an_endpoint_without_its_secrets_document(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    standin.change(lambda state: state.with_endpoint(replace(state.endpoints["one"], broken=True)))
    expected = Refusal(
        500,
        "illegal_state_exception",
        "Failed to load inference endpoint [one]. Endpoint is in an invalid state, try deleting and reinitializing the service",
    )
    assert Refusal.of(await http.get("/_inference/one")) == expected
    assert Refusal.of(await http.get("/_inference/_all")) == expected
