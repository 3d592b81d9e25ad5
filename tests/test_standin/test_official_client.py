"""The official Python client does its calls against the stand-in on a real socket, synchronously and asynchronously.

The same module runs with the client's older major version in a process of its own: `test_official_client_8.py`.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch, BadRequestError, ConflictError, Elasticsearch, ElasticsearchWarning, NotFoundError

from tests.standin import StandIn, Version, serve_in_thread
from tests.standin.catalogue import services
from tests.test_standin.official_client import MAJOR, OUT_OF_SCOPE, PUT_SERVICES, Caller, surface
from tests.test_standin.samples import elser, openai, sample

pytestmark = [
    # What the client says of methods that Elastic calls experimental, and of services with a new name.
    pytest.mark.filterwarnings("ignore::elasticsearch.exceptions.GeneralAvailabilityWarning"),
]
SURFACE = surface()
# A client talks to servers of its own major version and of the next one.
RELEASES = {
    8: ["8.19.0", pytest.param("8.17.0", marks=pytest.mark.full), pytest.param("9.5.0", marks=pytest.mark.full)],
    9: ["9.5.0", pytest.param("9.2.0", marks=pytest.mark.full)],
}
PERFORM: dict[str, tuple[str, dict[str, Any]]] = {
    "text_embedding": ("openai", {"input": "a"}),
    "completion": ("openai", {"input": "a"}),
    "rerank": ("cohere", {"input": ["a", "b"], "query": "b"}),
    "sparse_embedding": ("hugging_face", {"input": "a"}),
}
PIPELINE: dict[str, Any] = {"processors": [{"inference": {"model_id": "one"}}]}


@pytest.fixture(scope="module", params=RELEASES[MAJOR])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[StandIn, str]]:
    standin = StandIn(version=request.param)
    with serve_in_thread(standin) as url:
        yield standin, url


@pytest.fixture
def release(server: tuple[StandIn, str]) -> Version:
    return server[0].state.version


@pytest.fixture(params=["sync", "async"])
async def call(server: tuple[StandIn, str], request: pytest.FixtureRequest) -> AsyncIterator[Caller]:
    """A client of an empty cluster."""
    standin, url = server
    empty = standin.state
    if request.param == "sync":
        with Elasticsearch(url, request_timeout=20, max_retries=0) as client:
            yield Caller(client)
    else:
        async with AsyncElasticsearch(url, request_timeout=20, max_retries=0) as asking:
            yield Caller(asking)
    standin.restore(empty)


def test_the_client_is_the_one_that_is_meant() -> None:
    assert str(MAJOR) == os.environ.get("STANDIN_CLIENT_MAJOR", "9")


def test_every_method_is_called_here_or_has_a_reason_why_not() -> None:
    by_name = set(re.findall(r'call\("((?:inference|ingest|ml)\.\w+)"', Path(__file__).read_text(encoding="utf-8")))
    by_task = {f"inference.{task}" for task in PERFORM}
    by_service = {f"inference.{method}" for method in PUT_SERVICES}
    called = by_name | by_task | by_service
    assert sorted(SURFACE - called - OUT_OF_SCOPE.keys()) == []
    assert called.isdisjoint(OUT_OF_SCOPE)


@pytest.mark.parametrize("method", sorted(PUT_SERVICES.keys() & {name.partition(".")[2] for name in SURFACE}))
async def test_put_of_a_service(call: Caller, release: Version, method: str) -> None:
    service = services()[PUT_SERVICES[method]]
    if not release.since(*service.since):
        with pytest.raises(BadRequestError, match="Unknown service"):
            await call.put_service(method, "completion", "one", {"service": service.name, "service_settings": {"api_key": "k"}})
        return
    for task in service.supported_tasks(release):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            created = await call.put_service(method, task, "one", sample(service, task, release))
        deprecated = [one for one in told if issubclass(one.category, ElasticsearchWarning)]
        assert len(deprecated) == (service.name == "elser")
        assert created["task_type"] == task
        assert (await call("inference.get", task_type=task, inference_id="one"))["endpoints"] == [created]
        await call("inference.delete", task_type=task, inference_id="one")


async def test_an_inference_endpoint_lives(call: Caller) -> None:
    created = await call("inference.put", inference_id="one", task_type="text_embedding", inference_config=openai())
    assert (await call("inference.get", inference_id="one"))["endpoints"] == [created]
    ids = [one["inference_id"] for one in (await call("inference.get"))["endpoints"]]
    assert ids == sorted(ids)
    assert "one" in ids
    changed = {"service_settings": {"api_key": "new"}}
    updated = await call("inference.update", inference_id="one", task_type="text_embedding", inference_config=changed)
    assert updated["service_settings"] == created["service_settings"]
    assert (await call("inference.delete", inference_id="one"))["acknowledged"] is True
    with pytest.raises(NotFoundError) as missing:
        await call("inference.get", inference_id="one")
    assert missing.value.body["error"]["reason"] == "Inference endpoint not found [one]"


async def test_a_used_endpoint_is_kept(call: Caller) -> None:
    await call("inference.put", inference_id="one", task_type="text_embedding", inference_config=openai())
    await call("ingest.put_pipeline", id="p1", **PIPELINE)
    assert (await call("inference.delete", inference_id="one", dry_run=True))["pipelines"] == ["p1"]
    with pytest.raises(ConflictError):
        await call("inference.delete", inference_id="one")
    assert (await call("inference.delete", inference_id="one", force=True))["acknowledged"] is True


async def test_refusals_have_the_official_shape(call: Caller) -> None:
    with pytest.raises(BadRequestError) as unknown:
        await call("inference.put", inference_id="one", task_type="completion", inference_config={"service": "nobody"})
    assert unknown.value.error == "status_exception"
    assert unknown.value.message == "status_exception"
    assert unknown.value.body["error"]["reason"] == "Unknown service [nobody]"


@pytest.mark.parametrize("task", PERFORM)
async def test_inference_by_task(call: Caller, release: Version, task: str) -> None:
    service, arguments = PERFORM[task]
    await call("inference.put", inference_id="one", task_type=task, inference_config=sample(services()[service], task, release))
    answer = await call(f"inference.{task}", inference_id="one", **arguments)
    assert list(answer) == [task]
    assert answer == await call("inference.inference", inference_id="one", task_type=task, **arguments)


async def test_inference_of_many_kinds_of_input(call: Caller, release: Version) -> None:
    if not release.since("9.4"):
        with pytest.raises(BadRequestError, match="embedding"):
            await call("inference.put", inference_id="one", task_type="embedding", inference_config=openai())
        return
    body = sample(services()["jinaai"], "embedding", release)
    await call("inference.put", inference_id="one", task_type="embedding", inference_config=body)
    if "inference.embedding" in SURFACE:  # the client for 8.x does not have it
        assert len((await call("inference.embedding", inference_id="one", embedding={"input": ["a", "b"]}))["embeddings"]) == 2


async def test_pipelines(call: Caller) -> None:
    assert (await call("ingest.put_pipeline", id="p1", version=1, meta={"owner": "me"}, **PIPELINE))["acknowledged"] is True
    stored = (await call("ingest.get_pipeline", id="p1"))["p1"]
    assert stored["processors"] == PIPELINE["processors"]
    assert stored["_meta"] == {"owner": "me"}
    await call("ingest.put_pipeline", id="p1", if_version=1, **PIPELINE)
    assert (await call("ingest.get_pipeline", id="p1"))["p1"]["version"] == 2
    assert await call("ingest.get_pipeline", summary=True) == {"p1": {}}
    await call("ingest.delete_pipeline", id="p1")
    with pytest.raises(NotFoundError):
        await call("ingest.get_pipeline", id="p1")


async def test_simulation(call: Caller) -> None:
    processors = [{"set": {"field": "b", "value": 2}}]
    docs = [{"_source": {"a": 1}}]
    inline = await call("ingest.simulate", docs=docs, pipeline={"processors": processors})
    assert inline["docs"][0]["doc"]["_source"] == {"a": 1, "b": 2}
    await call("ingest.put_pipeline", id="p1", processors=processors)
    (stored,) = (await call("ingest.simulate", id="p1", docs=docs, verbose=True))["docs"]
    assert stored["processor_results"][0]["status"] == "success"


async def test_model_deployments(call: Caller) -> None:
    body = elser(num_allocations=2)
    await call("inference.put", inference_id="one", task_type="sparse_embedding", inference_config=body)
    (row,) = (await call("ml.get_trained_models_stats", model_id=".elser_model_2"))["trained_model_stats"]
    assert row["deployment_stats"]["deployment_id"] == "one"
    assert row["deployment_stats"]["allocation_status"]["state"] == "fully_allocated"
    await call("ml.start_trained_model_deployment", model_id=".elser_model_2", deployment_id="own", wait_for="started")
    await call("ml.update_trained_model_deployment", model_id="own", number_of_allocations=2)
    rows = (await call("ml.get_trained_models_stats", model_id=".elser_model_2"))["trained_model_stats"]
    allocated = {row["deployment_stats"]["deployment_id"]: row["deployment_stats"]["number_of_allocations"] for row in rows}
    assert allocated == {"one": 2, "own": 2}
    assert await call("ml.stop_trained_model_deployment", model_id="own") == {"stopped": True}
    assert (await call("ml.get_trained_models_stats"))["count"] >= 1


async def test_surroundings(call: Caller, release: Version) -> None:
    assert (await call("info"))["version"]["number"] == str(release)
    assert (await call("cluster.health"))["status"] == "green"
    assert (await call("license.get"))["license"]["type"] == "trial"
    await call("indices.create", index="i1", mappings={"properties": {"t": {"type": "semantic_text", "inference_id": "one"}}})
    mapping = await call("indices.get_mapping", index="i1")
    assert mapping["i1"]["mappings"]["properties"]["t"]["inference_id"] == "one"
    await call("indices.put_settings", index="i1", settings={"index.default_pipeline": "p1"})
    settings = (await call("indices.get_settings", index="i1"))["i1"]["settings"]["index"]
    assert settings["default_pipeline"] == "p1"
    await call("indices.put_index_template", name="t1", index_patterns=["i*"])
    assert (await call("indices.get_index_template", name="t1"))["index_templates"][0]["name"] == "t1"
    await call("indices.delete_index_template", name="t1")
    assert (await call("indices.delete", index="i1"))["acknowledged"] is True
