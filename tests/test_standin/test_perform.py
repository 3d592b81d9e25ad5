"""Section "Perform" of the facts: shapes for every service and task, refusals, streams."""

from __future__ import annotations

import json
import math
from typing import Any

import httpx
import pytest

from tests.standin import Cluster, Pace, Provider, StandIn
from tests.standin.catalogue import Service
from tests.standin.messages import Json
from tests.standin.state import Endpoint
from tests.test_standin.asking import Refusal, answer_after, ok, request_invalid, status, world
from tests.test_standin.samples import elser, openai, pairs, sample

EMBEDDINGS = {"text_embedding", "embedding"}
ALL = [pytest.param(service, task, id=f"{service.name}-{task}") for service, task in pairs()]
KEYS = {
    "text_embedding": "text_embedding",
    "embedding": "embeddings",
    "sparse_embedding": "sparse_embedding",
    "rerank": "rerank",
    "completion": "completion",
}


def events(response: httpx.Response) -> list[tuple[str, str]]:
    """Server-sent events in the exact framing."""
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["X-elastic-product"] == "Elasticsearch"
    assert response.text.endswith("\n\n")
    found = []
    for block in response.text[:-2].split("\n\n"):
        name, data = block.split("\n")
        found.append((name.removeprefix("event: "), data.removeprefix("data: ")))
    return found


@pytest.mark.parametrize(("service", "task"), ALL)
async def test_every_service_and_task(http: httpx.AsyncClient, service: Service, task: str) -> None:
    ok(await http.put(f"/_inference/{task}/one", json=sample(service, task)))
    if task == "chat_completion":
        body: Json = {"messages": [{"role": "user", "content": "hello there"}]}
        assert events(await http.post("/_inference/chat_completion/one/_stream", json=body))[-1] == ("message", "[DONE]")
        return
    body = {"input": ["one", "two"]} | ({"query": "two"} if task == "rerank" else {})
    answer = ok(await http.post(f"/_inference/{task}/one", json=body))
    ((key, results),) = answer.items()
    assert key.removesuffix("_bits").removesuffix("_bytes") == KEYS[task]
    assert len(results) == 2
    assert answer == ok(await http.post("/_inference/one", json=body)), "the same input gives the same answer"


async def test_vectors(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/text_embedding/one", json=openai(dimensions=7)))
    first, second = ok(await http.post("/_inference/one", json={"input": ["a", "b"]}))["text_embedding"]
    assert len(first["embedding"]) == 7
    assert math.isclose(sum(value * value for value in first["embedding"]), 1, abs_tol=1e-5)
    assert first != second


@pytest.mark.parametrize("similarity", ["dot_product", "cosine", "l2_norm"])
async def test_only_dot_products_ask_for_unit_length(http: httpx.AsyncClient, similarity: str) -> None:
    ok(await http.put("/_inference/text_embedding/one", json=openai(dimensions=64, similarity=similarity)))
    (found,) = ok(await http.post("/_inference/one", json={"input": "a"}))["text_embedding"]
    norm = math.sqrt(sum(value * value for value in found["embedding"]))
    assert math.isclose(norm, 1, abs_tol=1e-5) == (similarity == "dot_product")
    assert all(-1 <= value <= 1 for value in found["embedding"])


@pytest.mark.parametrize("kind", ["search", "ingest", "classification", "clustering", "Search"])
async def test_input_types(http: httpx.AsyncClient, kind: str) -> None:
    ok(await http.put("/_inference/text_embedding/one", json=openai()))
    ok(await http.post("/_inference/one", json={"input": "a", "input_type": kind}))
    refused = Refusal.of(await http.post("/_inference/one", json={"input": "a", "input_type": "odd"}))
    assert refused.type == "action_request_validation_exception"


@pytest.mark.parametrize(("kind", "key", "length"), [("int8", "text_embedding_bytes", 16), ("bit", "text_embedding_bits", 2)])
async def test_element_types(http: httpx.AsyncClient, standin: StandIn, kind: str, key: str, length: int) -> None:
    standin.change_provider(dimensions={"m": 16})
    settings = {"api_key": "k", "model_id": "m", "embedding_type": kind}
    ok(await http.put("/_inference/text_embedding/one", json={"service": "cohere", "service_settings": settings}))
    ((found, (one,)),) = ok(await http.post("/_inference/one", json={"input": "a"})).items()
    assert (found, len(one["embedding"])) == (key, length)
    assert all(-128 <= value <= 127 for value in one["embedding"])


async def test_sparse(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/sparse_embedding/one", json=elser()))
    (one,) = ok(await http.post("/_inference/one", json={"input": "red shoe"}))["sparse_embedding"]
    assert (one["is_truncated"], list(one["embedding"])) == (False, ["red", "shoe"])


RERANK: dict[str, tuple[Json, Json, list[str | None]]] = {
    "sorted": ({}, {}, [None, None, None]),
    "with documents by task setting": ({"return_documents": True}, {}, ["red shoe", "blue shoe", "hat"]),
    "without by the request": ({"return_documents": True}, {"return_documents": False}, [None, None, None]),
    "top_n of the task settings": ({"top_n": 1, "return_documents": True}, {}, ["red shoe"]),
    "top_n of the request wins": ({"top_n": 1, "return_documents": True}, {"top_n": 2}, ["red shoe", "blue shoe"]),
    "override by task_settings of the request": (
        {"return_documents": True},
        {"task_settings": {"top_n": 1}},
        ["red shoe"],
    ),
}


@pytest.mark.parametrize(("stored", "given", "texts"), RERANK.values(), ids=RERANK)
async def test_rerank(http: httpx.AsyncClient, stored: Json, given: Json, texts: list[str | None]) -> None:
    body = {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}, "task_settings": stored}
    ok(await http.put("/_inference/rerank/one", json=body))
    request = {"input": ["hat", "blue shoe", "red shoe"], "query": "red shoe"} | given
    ranked = ok(await http.post("/_inference/rerank/one", json=request))["rerank"]
    assert [one.get("text") for one in ranked] == texts
    assert [one["index"] for one in ranked] == [2, 1, 0][: len(texts)]
    scores = [one["relevance_score"] for one in ranked]
    assert scores == sorted(scores, reverse=True)


CANNOT = "Field [{}] cannot be specified for task type [{}]"
REFUSALS: dict[str, tuple[str, Json, Refusal]] = {
    "no input": ("completion", {}, request_invalid("Field [input] cannot be null")),
    "empty list": ("completion", {"input": []}, request_invalid("Field [input] cannot be an empty array")),
    "rerank without query": (
        "rerank",
        {"input": "a"},
        request_invalid("Field [query] cannot be null for task type [rerank]"),
    ),
    "rerank with empty query": (
        "rerank",
        {"input": "a", "query": ""},
        request_invalid("Field [query] cannot be empty for task type [rerank]"),
    ),
    "top_n elsewhere": ("completion", {"input": "a", "top_n": 1}, request_invalid(CANNOT.format("top_n", "completion"))),
    "return_documents elsewhere": (
        "completion",
        {"input": "a", "return_documents": True},
        request_invalid(CANNOT.format("return_documents", "completion")),
    ),
    "input_type elsewhere": (
        "completion",
        {"input": "a", "input_type": "search"},
        request_invalid(CANNOT.format("input_type", "completion")),
    ),
    "unknown field": (
        "completion",
        {"input": "a", "x": 1},
        Refusal(400, "x_content_parse_exception", "[1:14] [cluster:internal/xpack/inference] unknown field [x]"),
    ),
}


@pytest.mark.parametrize(("task", "body", "refusal"), REFUSALS.values(), ids=REFUSALS)
async def test_refused(http: httpx.AsyncClient, task: str, body: Json, refusal: Refusal) -> None:
    cohere = {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}}
    ok(await http.put(f"/_inference/{task}/one", json=cohere))
    assert Refusal.of(await http.post("/_inference/one", json=body)) == refusal


async def test_missing_and_mismatched(http: httpx.AsyncClient, standin: StandIn) -> None:
    missing = Refusal(404, "resource_not_found_exception", "Inference endpoint not found [x]")
    assert Refusal.of(await http.post("/_inference/x", json={"input": "a"})) == missing
    ok(await http.put("/_inference/completion/one", json=openai()))
    assert Refusal.of(await http.post("/_inference/rerank/one", json={"input": "a"})) == status(
        400, "Incompatible task_type, the requested type [rerank] does not match the model type [completion]"
    )
    standin.change(lambda state: state.with_endpoint(Endpoint("odd", "completion", "gone")))
    gone = status(400, "Unknown service [gone] for model [odd]")
    assert Refusal.of(await http.post("/_inference/odd", json={"input": "a"})) == gone


async def test_plain_chat_completion(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/chat_completion/one", json=openai()))
    expected = (
        "The task type for the inference entity is chat_completion, please use the _inference/chat_completion/one/_stream URL."
    )
    assert Refusal.of(await http.post("/_inference/one", json={"input": "a"})) == status(400, expected)


async def test_stream_of_a_completion(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    *chunks, done = events(await http.post("/_inference/one/_stream", json={"input": "a b"}))
    assert done == ("message", "[DONE]")
    deltas = [json.loads(data)["completion"][0]["delta"] for _, data in chunks]
    (plain,) = ok(await http.post("/_inference/one", json={"input": "a b"}))["completion"]
    assert "".join(deltas) == plain["result"]


async def test_chunks_of_a_chat(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/chat_completion/one", json=openai()))
    body = {"messages": [{"role": "user", "content": "hi"}]}
    *chunks, _ = events(await http.post("/_inference/chat_completion/one/_stream", json=body))
    parsed = [json.loads(data) for _, data in chunks]
    assert {chunk["object"] for chunk in parsed} == {"chat.completion.chunk"}
    assert [chunk["choices"][0].get("finish_reason") for chunk in parsed] == [None] * (len(parsed) - 1) + ["stop"]
    assert parsed[-1]["usage"] == {"completion_tokens": 1, "prompt_tokens": 1, "total_tokens": 2}


UNSTREAMED: dict[str, tuple[str, Json, str]] = {
    "a service that streams nothing": ("sparse_embedding", elser(), "Streaming is not allowed for service [elasticsearch]."),
    "a task that is not streamed": (
        "text_embedding",
        openai(),
        "Streaming is not allowed for service [openai] and task [text_embedding]. Supported tasks: [completion,chat_completion]",
    ),
}


@pytest.mark.parametrize(("task", "config", "expected"), UNSTREAMED.values(), ids=UNSTREAMED)
async def test_stream_of_another_task_is_an_error_event(http: httpx.AsyncClient, task: str, config: Json, expected: str) -> None:
    ok(await http.put(f"/_inference/{task}/one", json=config))
    answer = await http.post("/_inference/one/_stream", json={"input": "a"})
    ((name, data),) = events(answer)
    error = json.loads(data)
    assert (answer.status_code, name, error["status"], error["error"]["reason"]) == (405, "error", 405, expected)


@pytest.mark.parametrize("stream", [False, True])
async def test_provider_refuses(http: httpx.AsyncClient, standin: StandIn, stream: bool) -> None:
    ok(await http.put("/_inference/completion/one", json=openai(api_key="k")))
    standin.refuse_key("k")
    answer = await http.post(f"/_inference/one{'/_stream' if stream else ''}", json={"input": "a"})
    assert answer.status_code == 401
    if stream:
        assert events(answer)[0][0] == "error"


TIMEOUTS: dict[str, Refusal] = {
    "8.17.0": Refusal(503, "timeout_exception", "Request timed out waiting to be sent after [5s]"),
    "8.19.0": status(408, "Request timed out waiting to be sent after [5s]"),
    "9.2.0": status(408, "Request timed out waiting to be sent after [5s]"),
    "9.5.0": Refusal(429, "timeout_exception", "Request timed out after [5s] for inference id [one]"),
}


@pytest.mark.parametrize(("version", "refusal"), TIMEOUTS.items(), ids=TIMEOUTS)
async def test_timeout(version: str, refusal: Refusal) -> None:
    async with world(version) as here:
        ok(await here.create(openai(), "completion"))
        here.standin.change_provider(latency=60)
        call = here.http.post("/_inference/one", json={"input": "a"}, params={"timeout": "5s"})
        answer = await answer_after(here, 5, call)
        assert Refusal.of(answer) == refusal
        assert answer.json()["error"].get("timed_out") == (True if version == "9.5.0" else None)


async def test_default_endpoint_that_does_not_start_in_time() -> None:
    async with world(pace=Pace(deployment=60)) as here:
        call = here.http.post("/_inference/.elser-2-elasticsearch", json={"input": "a"}, params={"timeout": "5s"})
        assert (await answer_after(here, 5, call)).status_code == 429


async def test_latency_within_the_timeout() -> None:
    async with world(provider=Provider(latency=3)) as here:
        ok(await answer_after(here, 3, here.create(openai(), "completion")))
        ok(await answer_after(here, 3, here.http.post("/_inference/one", json={"input": "a"})))


async def test_licence(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    standin.change_cluster(license_type="basic")
    assert (await http.post("/_inference/one", json={"input": "a"})).status_code == 403


@pytest.mark.parametrize("version", ["8.17.0", "8.19.0"])
async def test_fields_by_version(version: str) -> None:
    cohere: dict[str, Any] = {"service": "cohere", "service_settings": {"api_key": "k", "model_id": "m"}}
    async with world(version, cluster=Cluster()) as here:
        ok(await here.create(cohere, "rerank"))
        answer = await here.http.post("/_inference/one", json={"input": "a", "query": "a", "top_n": 1})
        assert answer.status_code == (400 if version == "8.17.0" else 200)
