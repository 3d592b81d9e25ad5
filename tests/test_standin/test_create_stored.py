"""Section "Create" of the facts: what a new endpoint looks like, what is filled in, and chunking settings."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import Cluster, Provider
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, invalid, ok, status, world
from tests.test_standin.samples import elser, openai


def body(service: str, **settings: Any) -> Json:
    return {"service": service, "service_settings": settings}


COHERE = {"api_key": "k", "model_id": "m"}


async def test_dimensions_are_measured_or_checked() -> None:
    async with world(provider=Provider(dimensions={"m": 256})) as here:
        assert ok(await here.create(openai(model_id="m")))["service_settings"]["dimensions"] == 256
        wrong = await here.create(openai(model_id="m", dimensions=8), name="two")
        assert Refusal.of(wrong) == status(
            400,
            "The retrieved embeddings size [256] does not match the size specified in the settings [8]. "
            "Please recreate the [two] configuration with the correct dimensions",
        )


async def test_skipping_the_validation_stores_a_bad_key() -> None:
    async with world(provider=Provider(refused=frozenset({"bad"}))) as here:
        setting = {"persistent": {"xpack.inference.skip_validate_and_start": True}}
        ok(await here.http.put("/_cluster/settings", json=setting))
        ok(await here.create(openai(api_key="bad")))


async def test_representation_of_a_new_endpoint(http: httpx.AsyncClient) -> None:
    answer = await http.put("/_inference/text_embedding/one", json=openai(rate_limit={"requests_per_minute": 7}))
    assert list(ok(answer).items()) == [
        ("inference_id", "one"),
        ("task_type", "text_embedding"),
        ("service", "openai"),
        (
            "service_settings",
            {
                "model_id": "text-embedding-3-small",
                "similarity": "dot_product",
                "dimensions": 1536,
                "rate_limit": {"requests_per_minute": 7},
            },
        ),
        ("chunking_settings", {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}),
    ]


DEFAULTS: dict[str, tuple[str, Json, Json]] = {
    "rate limit by task": ("completion", openai(), {"rate_limit": {"requests_per_minute": 500}}),
    "no rate limit": ("completion", body("deepseek", **COHERE), {"model_id": "m"}),
    "embedding type and its similarity": (
        "text_embedding",
        body("cohere", **COHERE, embedding_type="INT8"),
        {"embedding_type": "int8", "similarity": "cosine"},
    ),
    "default embedding type": (
        "text_embedding",
        body("cohere", **COHERE),
        {"embedding_type": "float", "similarity": "dot_product"},
    ),
    "enum case": ("text_embedding", openai(similarity="COSINE"), {"similarity": "cosine"}),
}


@pytest.mark.parametrize(("task", "request_body", "expected"), DEFAULTS.values(), ids=DEFAULTS)
async def test_defaults_are_filled_in(http: httpx.AsyncClient, task: str, request_body: Json, expected: Json) -> None:
    shown = ok(await http.put(f"/_inference/{task}/one", json=request_body))["service_settings"]
    assert {name: shown.get(name) for name in expected} == expected


async def test_alias_of_a_service_is_stored_under_its_name() -> None:
    async with world() as here:
        settings = {"num_allocations": 1, "num_threads": 1}
        answer = await here.create({"service": "elser", "service_settings": settings}, "sparse_embedding")
        shown = ok(answer)
        assert shown["service"] == "elasticsearch"
        assert shown["service_settings"]["model_id"] == ".elser_model_2_linux-x86_64"
        assert answer.headers["Warning"].startswith("299 Elasticsearch-9.5.0")
        assert "Warning" not in (await here.create(elser(), "sparse_embedding", "two")).headers


CHUNKING: dict[str, tuple[Json, Json | Refusal]] = {
    "empty": ({}, {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}),
    "sentence": (
        {"strategy": "Sentence", "max_chunk_size": 20, "sentence_overlap": 0},
        {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 0},
    ),
    "word": (
        {"strategy": "word", "max_chunk_size": 10, "overlap": 5},
        {"strategy": "word", "max_chunk_size": 10, "overlap": 5},
    ),
    "none": ({"strategy": "none"}, {"strategy": "none"}),
    "recursive": (
        {"strategy": "recursive", "max_chunk_size": 50, "separators": ["\n"]},
        {"strategy": "recursive", "max_chunk_size": 50, "separators": ["\n"]},
    ),
    "unknown field": (
        {"strategy": "sentence", "max_chunk_size": 20, "x": 1},
        invalid("Sentence based chunking settings can not have the following settings: [x]"),
    ),
    "sentence too small": (
        {"strategy": "sentence", "max_chunk_size": 19},
        invalid("[chunking_settings] Invalid value [19.0]. [max_chunk_size] must be a greater than or equal to [20.0]"),
    ),
    "sentence overlap": (
        {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 2},
        invalid("sentence_overlap[2] must be either 0 or 1"),
    ),
    "word overlap": (
        {"strategy": "word", "max_chunk_size": 10, "overlap": 6},
        invalid("[chunking_settings] Invalid value [6]. [overlap] must be less than or equal to [5]"),
    ),
    "no strategy": (
        {"max_chunk_size": 10},
        Refusal(400, "illegal_argument_exception", "Can't generate Chunker without ChunkingStrategy provided"),
    ),
}


@pytest.mark.parametrize(("given", "expected"), CHUNKING.values(), ids=CHUNKING)
async def test_chunking(http: httpx.AsyncClient, given: Json, expected: Json | Refusal) -> None:
    answer = await http.put("/_inference/text_embedding/one", json=openai() | {"chunking_settings": given})
    if isinstance(expected, Refusal):
        assert Refusal.of(answer) == expected
    else:
        assert ok(answer)["chunking_settings"] == expected


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_chunking_by_version(version: str) -> None:
    async with world(version) as here:
        none = await here.create(openai() | {"chunking_settings": {"strategy": "none"}})
        assert none.status_code == (400 if version.startswith("8") else 200)
        large = {"strategy": "sentence", "max_chunk_size": 301}
        answer = await here.create(openai() | {"chunking_settings": large}, name="two")
        assert answer.status_code == (400 if version == "8.17.0" else 200)


@pytest.mark.parametrize("vendor", [True, False])
async def test_services_of_a_vendors_build(vendor: bool) -> None:
    settings = {
        "secret_id": "i",
        "secret_key": "k",
        "url": "https://es.example",
        "model_id": "bge-base-zh-v1.5",
        "region": "ap-beijing",
        "language": "zh-CN",
        "action": "GetTextEmbedding",
        "version": "2025-01-01",
    }
    async with world(cluster=Cluster(vendor_services=vendor)) as here:
        answer = await here.create(body("tencent_cloud_ai_search", **settings))
        if not vendor:
            assert Refusal.of(answer) == status(400, "Unknown service [tencent_cloud_ai_search]")
            return
        shown = ok(answer)
        assert shown["service_settings"]["dimensions"] == 768
        assert "chunking_settings" not in shown
