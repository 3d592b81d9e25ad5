"""`_search`, `_count` and `_refresh`: what a query finds, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import ManualClock
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, ok
from tests.test_standin.ingesting import create_endpoints, put

TEXTS = {"1": "a red shoe", "2": "a blue hat", "3": "two red hats and a scarf"}
PROPERTIES: Json = {
    "title": {"type": "text"},
    "kind": {"type": "keyword"},
    "vector": {"type": "dense_vector", "dims": 8, "similarity": "cosine"},
    "tokens": {"type": "sparse_vector"},
    "meaning": {"type": "semantic_text", "inference_id": "dense"},
    "words": {"type": "semantic_text", "inference_id": "sparse"},
}


def pair(target: str) -> Json:
    return {"input_field": "title", "output_field": target}


@pytest.fixture
async def shop(http: httpx.AsyncClient) -> httpx.AsyncClient:
    """Three products with vectors and tokens from a pipeline, and two semantic fields."""
    await create_endpoints(http)
    processors = [
        {"inference": {"model_id": "dense", "input_output": pair("vector")}},
        {"inference": {"model_id": "sparse", "input_output": pair("tokens")}},
        {"remove": {"field": "model_id"}},
        {"set": {"field": "meaning", "copy_from": "title"}},
        {"set": {"field": "words", "copy_from": "title"}},
    ]
    ok(await put(http, {"processors": processors}, "embed"))
    ok(await http.put("/shop", json={"mappings": {"properties": PROPERTIES}, "settings": {"index.default_pipeline": "embed"}}))
    for doc_id, title in TEXTS.items():
        body = {"title": title, "kind": title.split()[1]}
        assert (await http.put(f"/shop/_doc/{doc_id}", json=body)).status_code == 201
    ok(await http.post("/shop/_refresh"))
    return http


async def search(http: httpx.AsyncClient, body: Json, **query: Any) -> list[str]:
    """Ids in the order of their scores."""
    hits = ok(await http.post("/shop/_search", json=body, params=query))["hits"]["hits"]
    assert [hit["_score"] for hit in hits] == sorted((hit["_score"] for hit in hits), reverse=True)
    return [hit["_id"] for hit in hits]


def builder(text: str) -> Json:
    return {"text_embedding": {"model_id": "dense", "model_text": text}}


FIRST: dict[str, Json] = {
    "knn section": {"knn": {"field": "vector", "k": 1, "num_candidates": 10, "query_vector_builder": builder(TEXTS["2"])}},
    "knn query": {"query": {"knn": {"field": "vector", "query_vector_builder": builder(TEXTS["2"])}}},
    "knn on a semantic field": {"query": {"knn": {"field": "meaning", "query_vector_builder": builder(TEXTS["2"])}}},
    "semantic by vectors": {"query": {"semantic": {"field": "meaning", "query": TEXTS["2"]}}},
    "semantic by tokens": {"query": {"semantic": {"field": "words", "query": "blue hat"}}},
    "sparse_vector": {"query": {"sparse_vector": {"field": "tokens", "inference_id": "sparse", "query": "blue hat"}}},
    "sparse_vector with weights": {"query": {"sparse_vector": {"field": "tokens", "query_vector": {"blue": 2.0}}}},
    "sparse_vector on a semantic field": {"query": {"sparse_vector": {"field": "words", "query": "blue hat"}}},
    "match": {"query": {"match": {"title": "blue thing"}}},
    "match with its options": {"query": {"match": {"title": {"query": "blue hat", "operator": "and"}}}},
    "match on a semantic field": {"query": {"match": {"meaning": TEXTS["2"]}}},
    "term": {"query": {"term": {"kind": "blue"}}},
    "term with a value": {"query": {"term": {"kind": {"value": "blue"}}}},
    "terms": {"query": {"terms": {"kind": ["blue", "green"]}}},
    "ids": {"query": {"ids": {"values": ["2"]}}},
    "bool": {"query": {"bool": {"must": {"match": {"title": "hat"}}, "filter": [{"term": {"kind": "blue"}}]}}},
    "from": {"query": {"match_all": {}}, "from": 1, "size": 1},
}


@pytest.mark.parametrize("body", FIRST.values(), ids=FIRST)
async def test_the_blue_hat_is_found_first(shop: httpx.AsyncClient, body: Json) -> None:
    assert (await search(shop, body))[0] == "2"


@pytest.mark.parametrize("doc_id", TEXTS)
async def test_a_text_finds_itself_first(shop: httpx.AsyncClient, doc_id: str) -> None:
    for query in (
        {"semantic": {"field": "meaning", "query": TEXTS[doc_id]}},
        {"knn": {"field": "vector", "query_vector_builder": builder(TEXTS[doc_id])}},
    ):
        answer = ok(await shop.post("/shop/_search", json={"query": query}))["hits"]
        assert answer["hits"][0]["_id"] == doc_id
        assert answer["max_score"] == pytest.approx(1.0, abs=1e-5)


COUNTS: dict[str, tuple[Json, int]] = {
    "match_all": ({"match_all": {}}, 3),
    "match_none": ({"match_none": {}}, 0),
    "match": ({"match": {"title": "red"}}, 2),
    "match every word": ({"match": {"title": {"query": "red shoe", "operator": "and"}}}, 1),
    "must_not": ({"bool": {"must_not": [{"match": {"title": "red"}}]}}, 1),
    "should": ({"bool": {"should": [{"term": {"kind": "blue"}}, {"match": {"title": "shoe"}}]}}, 2),
    "exists": ({"exists": {"field": "vector"}}, 3),
    "exists nowhere": ({"exists": {"field": "nothing"}}, 0),
}


@pytest.mark.parametrize(("query", "count"), COUNTS.values(), ids=COUNTS)
async def test_counts(shop: httpx.AsyncClient, query: Json, count: int) -> None:
    assert ok(await shop.post("/shop/_count", json={"query": query}))["count"] == count
    found = ok(await shop.post("/_search", json={"query": query, "size": 0}))["hits"]
    assert (found["total"], found["hits"]) == ({"value": count, "relation": "eq"}, [])


async def test_knn_keeps_k_and_a_filter(shop: httpx.AsyncClient) -> None:
    section = {"field": "vector", "query_vector_builder": builder("x"), "num_candidates": 10}
    assert len(await search(shop, {"knn": section | {"k": 2}})) == 2
    filtered = await search(shop, {"knn": section | {"k": 3, "filter": {"term": {"kind": "blue"}}}})
    assert filtered == ["2"]
    alike = section | {"k": 3, "query_vector_builder": builder(TEXTS["3"]), "similarity": 0.999}
    assert await search(shop, {"knn": alike}) == ["3"]


async def test_what_is_shown_of_a_hit(shop: httpx.AsyncClient) -> None:
    body: Json = {"query": {"ids": {"values": ["2"]}}, "_source": ["title"]}
    (hit,) = ok(await shop.post("/shop/_search", json=body))["hits"]["hits"]
    assert hit == {"_index": "shop", "_id": "2", "_score": 1.0, "_source": {"title": TEXTS["2"]}}
    body["_source"] = {"includes": ["vector"], "exclude_vectors": False}
    (hit,) = ok(await shop.post("/shop/_search", json=body))["hits"]["hits"]
    assert len(hit["_source"]["vector"]) == 8
    body["_source"] = False
    (hit,) = ok(await shop.post("/shop/_search", json=body))["hits"]["hits"]
    assert "_source" not in hit


async def test_a_document_is_found_after_a_refresh(http: httpx.AsyncClient, clock: ManualClock) -> None:
    await http.put("/i1/_doc/1", json={"a": 1})
    assert await count(http) == 0
    clock.advance(1)
    assert await count(http) == 1, "by itself, a second later"
    await http.put("/i1/_doc/2", json={})
    assert await count(http) == 1
    for number, refresh in enumerate(("wait_for", "true", ""), 3):
        await http.put(f"/i1/_doc/{refresh}x", json={}, params={"refresh": refresh})
        assert await count(http) == number, "with what was written before"
    ok(await http.put("/i1/_settings", json={"refresh_interval": "-1"}))
    await http.put("/i1/_doc/late", json={})
    clock.advance(3600)
    assert await count(http) == 5, "all but the late one"
    ok(await http.post("/_refresh"))
    assert await count(http) == 6


async def count(http: httpx.AsyncClient) -> int:
    found: int = ok(await http.get("/i1/_count"))["count"]
    return found


REFUSED: dict[str, tuple[Json, int, str]] = {
    "no single query": ({"query": {"term": {"a": 1}, "match": {"a": 1}}}, 400, "parsing_exception"),
    "a query beyond the subset": ({"query": {"fuzzy": {"a": "x"}}}, 501, "unsupported_operation_exception"),
    "aggregations": ({"aggs": {}}, 501, "unsupported_operation_exception"),
    "sorting": ({"sort": ["a"]}, 501, "unsupported_operation_exception"),
    "knn without a vector": ({"knn": {"field": "vector"}}, 400, "illegal_argument_exception"),
    "knn on a text": ({"knn": {"field": "title", "query_vector": [1]}}, 400, "illegal_argument_exception"),
    "knn of another length": ({"knn": {"field": "vector", "query_vector": [1, 2]}}, 400, "illegal_argument_exception"),
    "fewer candidates than k": (
        {"knn": {"field": "vector", "query_vector": [1] * 8, "k": 5, "num_candidates": 3}},
        400,
        "illegal_argument_exception",
    ),
    "semantic on a text": ({"query": {"semantic": {"field": "title", "query": "x"}}}, 400, "illegal_argument_exception"),
    "an unknown model": (
        {"query": {"sparse_vector": {"field": "tokens", "inference_id": "none", "query": "x"}}},
        404,
        "status_exception",
    ),
    "a model of another kind": (
        {"query": {"sparse_vector": {"field": "tokens", "inference_id": "dense", "query": "x"}}},
        400,
        "status_exception",
    ),
    "too many": ({"size": 10_001}, 400, "illegal_argument_exception"),
    "negative": ({"from": -1}, 400, "illegal_argument_exception"),
}


@pytest.mark.parametrize(("body", "status", "kind"), REFUSED.values(), ids=REFUSED)
async def test_refusals(shop: httpx.AsyncClient, body: Json, status: int, kind: str) -> None:
    refused = Refusal.of(await shop.post("/shop/_search", json=body))
    assert (refused.status, refused.type) == (status, kind)


async def test_a_missing_index(http: httpx.AsyncClient) -> None:
    missing = Refusal(404, "index_not_found_exception", "no such index [none]")
    assert Refusal.of(await http.get("/none/_search")) == missing
    assert ok(await http.get("/none/_search", params={"ignore_unavailable": "true"}))["hits"]["total"]["value"] == 0
