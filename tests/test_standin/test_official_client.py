"""The official Python client does its calls against the stand-in on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import BadRequestError, ConflictError, Elasticsearch, NotFoundError

from tests.standin import StandIn, serve_in_thread
from tests.test_standin.samples import openai

TEXT: dict[str, Any] = {"processors": [{"inference": {"model_id": "one"}}]}


@pytest.fixture
def client() -> Iterator[Elasticsearch]:
    with serve_in_thread(StandIn()) as url, Elasticsearch(url, request_timeout=20, max_retries=0) as found:
        yield found


def test_inference_endpoint_lives(client: Elasticsearch) -> None:
    created = client.inference.put(inference_id="one", task_type="text_embedding", inference_config=openai())
    assert client.inference.get(inference_id="one")["endpoints"] == [created.body]
    ids = [one["inference_id"] for one in client.inference.get(inference_id="_all")["endpoints"]]
    assert ids == sorted(ids)
    assert "one" in ids
    changed = {"service_settings": {"api_key": "new"}}
    updated = client.inference.update(inference_id="one", task_type="text_embedding", inference_config=changed)
    assert updated.body == created.body
    assert client.inference.delete(inference_id="one").body["acknowledged"] is True
    with pytest.raises(NotFoundError) as missing:
        client.inference.get(inference_id="one")
    assert missing.value.body["error"]["reason"] == "Inference endpoint not found [one]"


def test_a_used_endpoint_is_kept(client: Elasticsearch) -> None:
    client.inference.put(inference_id="one", task_type="text_embedding", inference_config=openai())
    client.ingest.put_pipeline(id="p1", **TEXT)
    assert client.inference.delete(inference_id="one", dry_run=True)["pipelines"] == ["p1"]
    with pytest.raises(ConflictError):
        client.inference.delete(inference_id="one")
    assert client.inference.delete(inference_id="one", force=True)["acknowledged"] is True


def test_refusals_have_the_official_shape(client: Elasticsearch) -> None:
    with pytest.raises(BadRequestError) as unknown:
        client.inference.put(inference_id="one", task_type="completion", inference_config={"service": "nobody"})
    assert unknown.value.error == "status_exception"
    assert unknown.value.message == "status_exception"
    assert unknown.value.body["error"]["reason"] == "Unknown service [nobody]"


CALLS: list[Any] = [
    pytest.param("text_embedding", openai(), {"input": "a"}, "text_embedding", id="text_embedding"),
    pytest.param("completion", openai(), {"input": "a"}, "completion", id="completion"),
    pytest.param(
        "rerank",
        {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}},
        {"input": ["a", "b"], "query": "b"},
        "rerank",
        id="rerank",
    ),
    pytest.param(
        "sparse_embedding",
        {"service": "hugging_face", "service_settings": {"api_key": "k", "url": "https://e.example"}},
        {"input": "a"},
        "sparse_embedding",
        id="sparse_embedding",
    ),
]


@pytest.mark.parametrize(("task", "config", "arguments", "key"), CALLS)
def test_inference_by_task(client: Elasticsearch, task: str, config: dict[str, Any], arguments: dict[str, Any], key: str) -> None:
    client.inference.put(inference_id="one", task_type=task, inference_config=config)
    answer = getattr(client.inference, task)(inference_id="one", **arguments)
    assert list(answer.body) == [key]
    assert answer.body == client.inference.inference(inference_id="one", task_type=task, **arguments).body


def test_surroundings(client: Elasticsearch) -> None:
    assert client.info()["version"]["number"] == "9.5.0"
    assert client.cluster.health()["status"] == "green"
    assert client.license.get()["license"]["type"] == "trial"
    assert client.ping()
    client.indices.create(index="i1", mappings={"properties": {"t": {"type": "semantic_text", "inference_id": "one"}}})
    assert client.indices.exists(index="i1")
    assert client.indices.get_mapping(index="i1")["i1"]["mappings"]["properties"]["t"]["inference_id"] == "one"
    client.indices.put_settings(index="i1", settings={"index.default_pipeline": "p1"})
    settings = client.indices.get_settings(index="i1")["i1"]["settings"]["index"]
    assert settings["default_pipeline"] == "p1"
    client.indices.put_index_template(name="t1", index_patterns=["i*"])
    assert client.indices.get_index_template(name="t1")["index_templates"][0]["name"] == "t1"
    client.indices.delete_index_template(name="t1")
    assert client.indices.delete(index="i1")["acknowledged"] is True


def test_pipelines(client: Elasticsearch) -> None:
    assert client.ingest.put_pipeline(id="p1", **TEXT)["acknowledged"] is True
    assert client.ingest.get_pipeline(id="p1")["p1"]["processors"] == TEXT["processors"]
    assert client.ingest.get_pipeline(summary=True).body == {"p1": {}}
    client.ingest.delete_pipeline(id="p1")
    with pytest.raises(NotFoundError):
        client.ingest.get_pipeline(id="p1")


def test_model_stats(client: Elasticsearch) -> None:
    config = {
        "service": "elasticsearch",
        "service_settings": {"model_id": ".elser_model_2", "num_allocations": 2, "num_threads": 1},
    }
    client.inference.put(inference_id="one", task_type="sparse_embedding", inference_config=config)
    (row,) = client.ml.get_trained_models_stats(model_id=".elser_model_2")["trained_model_stats"]
    assert row["deployment_stats"]["deployment_id"] == "one"
    assert row["deployment_stats"]["allocation_status"]["state"] == "fully_allocated"
