"""The official Python client runs pipelines, documents and searches against the stand-in on a real socket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from elasticsearch import AsyncElasticsearch, BadRequestError, ConflictError, Elasticsearch, NotFoundError
from elasticsearch.helpers import BulkIndexError, bulk

from tests.standin import StandIn, serve_in_thread
from tests.test_standin.samples import openai

TEXTS = ("a red shoe", "a blue hat", "two red hats and a scarf")
EMBED: list[dict[str, Any]] = [
    {"inference": {"model_id": "dense", "input_output": {"input_field": "text", "output_field": "vector"}}},
    {"remove": {"field": "model_id"}},
]
MAPPINGS: dict[str, Any] = {
    "properties": {
        "text": {"type": "text", "copy_to": []},
        "vector": {"type": "dense_vector", "dims": 8, "similarity": "cosine"},
        "meaning": {"type": "semantic_text", "inference_id": "dense"},
    }
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_in_thread(StandIn()) as found:
        yield found


@pytest.fixture
def client(url: str) -> Iterator[Elasticsearch]:
    with Elasticsearch(url, request_timeout=20, max_retries=0) as found:
        found.inference.put(inference_id="dense", task_type="text_embedding", inference_config=openai(dimensions=8))
        yield found
        found.indices.delete(index="*")
        found.ingest.delete_pipeline(id="*")
        found.inference.delete(inference_id="dense")


def test_pipelines_are_kept_read_and_deleted(client: Elasticsearch) -> None:
    client.ingest.put_pipeline(id="p1", processors=EMBED, description="d", version=1, meta={"owner": "me"})
    shown = client.ingest.get_pipeline(id="p1")["p1"]
    assert (shown["processors"], shown["_meta"], shown["version"]) == (EMBED, {"owner": "me"}, 1)
    client.ingest.put_pipeline(id="p1", processors=[], if_version=1)
    assert client.ingest.get_pipeline(id="p*", summary=True).body == {"p1": {}}
    assert client.ingest.get_pipeline(id="p1")["p1"]["version"] == 2
    with pytest.raises(BadRequestError) as conflict:
        client.ingest.put_pipeline(id="p1", processors=[], if_version=1)
    assert conflict.value.error == "illegal_argument_exception"
    client.ingest.delete_pipeline(id="p1")
    with pytest.raises(NotFoundError) as missing:
        client.ingest.get_pipeline(id="p1")
    assert missing.value.body == {}


def test_simulations(client: Elasticsearch) -> None:
    docs: list[dict[str, Any]] = [{"_source": {"text": "a"}}, {"_source": {}}]
    found = client.ingest.simulate(pipeline={"processors": EMBED}, docs=docs)["docs"]
    assert len(found[0]["doc"]["_source"]["vector"]) == 8
    assert found[1]["error"]["type"] == "illegal_argument_exception"
    client.ingest.put_pipeline(id="p1", processors=EMBED)
    told = client.ingest.simulate(id="p1", docs=docs[:1], verbose=True)["docs"][0]["processor_results"]
    assert [one["status"] for one in told] == ["success", "success"]


def filled(client: Elasticsearch) -> None:
    client.ingest.put_pipeline(id="embed", processors=EMBED)
    client.indices.create(index="shop", mappings=MAPPINGS, settings={"index": {"default_pipeline": "embed"}})
    actions = [{"_index": "shop", "_id": str(n), "text": text, "meaning": text} for n, text in enumerate(TEXTS)]
    assert bulk(client, actions, refresh="wait_for") == (3, [])


def test_the_whole_story(client: Elasticsearch) -> None:
    """An endpoint, a pipeline, an index, documents in, vectors out, and each text finds itself."""
    filled(client)
    assert client.count(index="shop")["count"] == 3
    shown = client.get(index="shop", id="1", source_exclude_vectors=False)["_source"]
    assert len(shown["vector"]) == 8
    for number, text in enumerate(TEXTS):
        builder = {"text_embedding": {"model_id": "dense", "model_text": text}}
        knn = {"field": "vector", "k": 2, "num_candidates": 10, "query_vector_builder": builder}
        by_vector = client.search(index="shop", knn=knn, source_includes=["text"])
        by_meaning = client.search(index="shop", query={"semantic": {"field": "meaning", "query": text}}, size=1)
        for answer in (by_vector, by_meaning):
            hit = answer["hits"]["hits"][0]
            assert (hit["_id"], hit["_source"]["text"]) == (str(number), text)
    with pytest.raises(BadRequestError) as used:
        client.ingest.delete_pipeline(id="embed")
    assert "default pipeline for 1 index(es) including [shop]" in used.value.body["error"]["reason"]
    with pytest.raises(ConflictError):
        client.inference.delete(inference_id="dense")
    client.indices.put_settings(index="shop", settings={"index.default_pipeline": "_none"})
    client.ingest.delete_pipeline(id="embed")


def test_single_documents(client: Elasticsearch) -> None:
    assert client.index(index="i1", id="1", document={"a": 1})["result"] == "created"
    assert client.index(index="i1", document={"a": 2}, refresh=True)["_id"]
    with pytest.raises(ConflictError):
        client.create(index="i1", id="1", document={})
    assert client.exists(index="i1", id="1")
    assert client.delete(index="i1", id="1")["result"] == "deleted"
    assert not client.exists(index="i1", id="1")
    assert client.indices.refresh(index="i1")["_shards"]["failed"] == 0


def test_errors_of_items(client: Elasticsearch) -> None:
    client.ingest.put_pipeline(id="strict", processors=[{"fail": {"message": "no {{text}}"}}])
    with pytest.raises(BulkIndexError) as failed:
        bulk(client, [{"_index": "i1", "_id": "1", "text": "a"}], pipeline="strict")
    (item,) = failed.value.errors
    assert item["index"]["error"] == {"type": "fail_processor_exception", "reason": "no a"}


async def test_the_asynchronous_client_does_the_same(client: Elasticsearch, url: str) -> None:
    async with AsyncElasticsearch(url, request_timeout=20, max_retries=0) as other:
        await other.ingest.put_pipeline(id="p1", processors=[{"uppercase": {"field": "text"}}])
        found = await other.ingest.simulate(id="p1", docs=[{"_source": {"text": "a"}}])
        assert found["docs"][0]["doc"]["_source"] == {"text": "A"}
        await other.index(index="i1", id="1", document={"text": "a"}, pipeline="p1", refresh="true")
        hits = (await other.search(index="i1", query={"match": {"text": "a"}}))["hits"]["hits"]
        assert [hit["_source"] for hit in hits] == [{"text": "A"}]
