"""One inference per task, of the right shape, streamed where the task streams, and never more than one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.answers import Response
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import Connection
from inference_operator.elasticsearch.event_stream import MAX_STREAM
from inference_operator.elasticsearch.inferences import Answered, body
from inference_operator.elasticsearch.limits import Limits
from tests.elasticsearch.raw_server import sends, serve
from tests.elasticsearch.scripted import CONNECTION, PRODUCT, ScriptedServer, error, ok
from tests.elasticsearch.test_event_stream import DONE, event
from tests.elasticsearch.virtual_stand_in import Bench
from tests.standin import StandInTransport
from tests.standin.catalogue import Service
from tests.test_standin.samples import pairs, sample
from tests.virtual_clock import VirtualClock

STREAM = {**PRODUCT, "Content-Type": "text/event-stream"}
LIMITS = Limits(inferences=2, concurrency=1)


@pytest.fixture
async def cluster(server: ScriptedServer, clock: VirtualClock) -> AsyncIterator[Cluster]:
    cluster = Cluster(CONNECTION, clock, LIMITS, server.transport)
    yield cluster
    await cluster.aclose()


def streamed(*events: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content="".join(events).encode(), headers=STREAM)


@pytest.mark.parametrize(
    ("service", "task"), [pytest.param(service, task, id=f"{service.name}-{task}") for service, task in pairs()]
)
async def test_every_service_and_task_answers_one_inference(service: Service, task: str) -> None:
    bench = Bench()
    bench.standin.log.keep_bodies = True
    async with bench.cluster() as cluster:
        assert await _put(bench, task, sample(service, task)) == 200
        await bench.clock.advance(600)
        bench.standin.log.clear()
        assert isinstance(await cluster.infer("one", task, "ping", 30), Answered)
    *refused, entry = bench.standin.log
    assert len(refused) <= (task == "completion")  # a service that can't stream a completion says so, and is asked again
    tail = "/_stream" if task in ("completion", "chat_completion") and not refused else ""
    assert (entry.method, entry.path, entry.query) == ("POST", f"/_inference/{task}/one{tail}", {"timeout": "30s"})
    assert json.loads(entry.body or b"") == body(task, "ping")


async def _put(bench: Bench, task: str, document: Any) -> int:
    async with httpx.AsyncClient(transport=StandInTransport(bench.standin), base_url="http://standin") as http:
        putting = asyncio.create_task(http.put(f"/_inference/{task}/one", json=document, timeout=None))
        await bench.clock.advance(600)
        return (await putting).status_code


GOOD: dict[str, tuple[str, Any]] = {
    "floats": ("text_embedding", {"text_embedding": [{"embedding": [0.1, 2]}]}),
    "bytes": ("text_embedding", {"text_embedding_bytes": [{"embedding": [1, -2]}]}),
    "bits": ("text_embedding", {"text_embedding_bits": [{"embedding": [1]}]}),
    "multimodal": ("embedding", {"embeddings": [{"embedding": [0.1]}]}),
    "multimodal bytes": ("embedding", {"embeddings_bytes": [{"embedding": [1]}]}),
    "sparse": ("sparse_embedding", {"sparse_embedding": [{"is_truncated": False, "embedding": {"a": 1.2}}]}),
    "ranked": ("rerank", {"rerank": [{"index": 0, "relevance_score": 0.9}]}),
    "a task of tomorrow": ("translation", {"translation": [{"text": "x"}]}),
}
BAD: dict[str, tuple[str, Any]] = {
    "no object": ("text_embedding", []),
    "an empty object": ("translation", {}),
    "another task's result": ("text_embedding", {"rerank": [{"index": 0, "relevance_score": 0.9}]}),
    "no result": ("text_embedding", {"text_embedding": []}),
    "an empty vector": ("text_embedding", {"text_embedding": [{"embedding": []}]}),
    "a vector of texts": ("embedding", {"embeddings": [{"embedding": ["a"]}]}),
    "a vector of booleans": ("embedding", {"embeddings": [{"embedding": [True]}]}),
    "a sparse vector that is a list": ("sparse_embedding", {"sparse_embedding": [{"embedding": [1.0]}]}),
    "no score": ("rerank", {"rerank": [{"index": 0}]}),
    "a result that is no object": ("rerank", {"rerank": ["doc"]}),
}


@pytest.mark.parametrize(("task", "document"), GOOD.values(), ids=GOOD)
async def test_an_answer(cluster: Cluster, server: ScriptedServer, task: str, document: Any) -> None:
    server.on(f"POST /_inference/{task}/a", ok(document))
    assert isinstance(await cluster.infer("a", task, "ping", 30), Answered)


@pytest.mark.parametrize(("task", "document"), BAD.values(), ids=BAD)
async def test_an_answer_that_is_none(cluster: Cluster, server: ScriptedServer, task: str, document: Any) -> None:
    server.on(f"POST /_inference/{task}/a", ok(document))
    failure = await cluster.infer("a", task, "ping", 30)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED


@pytest.mark.parametrize(
    ("task", "chunk"),
    [("completion", {"completion": [{"delta": "x"}]}), ("chat_completion", {"choices": [{"delta": {"content": "x"}}]})],
)
async def test_a_stream_counts_when_it_holds_what_its_task_answers(
    cluster: Cluster, server: ScriptedServer, task: str, chunk: Any
) -> None:
    path = f"POST /_inference/{task}/a/_stream"
    server.on(path, streamed(event(chunk), DONE))
    assert isinstance(await cluster.infer("a", task, "ping", 30), Answered)
    server.on(path, streamed(event({"other": 1}), DONE))
    assert isinstance(await cluster.infer("a", task, "ping", 30), TransportFailure)
    server.on(path, streamed(event(chunk)))
    lost = await cluster.infer("a", task, "ping", 30)
    assert isinstance(lost, TransportFailure)
    assert lost.kind is TransportKind.RESET
    assert server.counts == {path: 3}


async def test_a_completion_whose_service_can_t_stream_is_asked_plainly(cluster: Cluster, server: ScriptedServer) -> None:
    refusal = {"error": {"type": "status_exception", "reason": "Streaming is not allowed for service [custom]."}, "status": 405}
    server.on("POST /_inference/completion/a/_stream", streamed(event(refusal, "error"), status=405))
    server.on("POST /_inference/completion/a", ok({"completion": [{"result": "pong"}]}))
    assert isinstance(await cluster.infer("a", "completion", "ping", 30), Answered)
    assert server.counts == {"POST /_inference/completion/a/_stream": 1, "POST /_inference/completion/a": 1}


async def test_a_chat_is_only_ever_streamed(cluster: Cluster, server: ScriptedServer) -> None:
    refusal = {"error": {"type": "status_exception", "reason": "no"}, "status": 405}
    server.on("POST /_inference/chat_completion/a/_stream", streamed(event(refusal, "error"), status=405))
    assert isinstance(await cluster.infer("a", "chat_completion", "ping", 30), HttpFailure)
    assert server.counts == {"POST /_inference/chat_completion/a/_stream": 1}


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_failure_is_a_value_and_is_not_tried_again(cluster: Cluster, server: ScriptedServer, status: int) -> None:
    server.on("POST /_inference/rerank/a", error(status, "status_exception", "no"))
    failure = await cluster.infer("a", "rerank", "ping", 30)
    assert isinstance(failure, HttpFailure)
    assert (failure.status, failure.operation) == (status, "inference.perform")
    assert server.counts == {"POST /_inference/rerank/a": 1}


async def test_only_so_many_at_once_and_others_are_not_held_up(
    cluster: Cluster, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("POST /_inference/rerank/a", ok({"rerank": [{"relevance_score": 1}]}))
    server.gate.clear()
    asked = [asyncio.create_task(cluster.infer("a", "rerank", "ping", 30)) for _ in range(5)]
    server.list_holds()
    looking = asyncio.create_task(cluster.peek("a"))
    await clock.settle()
    assert server.counts == {"POST /_inference/rerank/a": 2, "GET /_inference/_all": 1}
    server.gate.set()
    assert all(isinstance(result, Answered) for result in await asyncio.gather(*asked))
    await looking
    assert server.counts["POST /_inference/rerank/a"] == 5


async def test_a_provider_that_takes_too_long_does_not_shut_the_cluster_off(
    cluster: Cluster, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("POST /_inference/rerank/a", error(503, "timeout_exception", "Request timed out waiting to be sent after [30s]"))
    for _ in range(Limits().failures_to_open + 1):
        assert isinstance(await cluster.infer("a", "rerank", "ping", 30), HttpFailure)
    server.list_holds()
    assert not isinstance(await cluster.peek("a"), Failure)


async def test_how_long_it_took() -> None:
    bench = Bench()
    async with bench.cluster() as cluster:
        assert await _put(bench, "text_embedding", sample_of("openai")) == 200
        bench.standin.change_provider(latency=2.5)
        asking = asyncio.create_task(cluster.infer("one", "text_embedding", "ping", 30))
        await bench.clock.advance(5)
        answered = await asking
        assert isinstance(answered, Answered)
        assert answered.seconds == pytest.approx(2.5)


def sample_of(name: str) -> Any:
    return next(sample(service, task) for service, task in pairs() if service.name == name and task == "text_embedding")


async def test_a_model_that_never_ends_is_not_heard_out(clock: VirtualClock) -> None:
    head = b"HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\nContent-Type: text/event-stream\r\n\r\n"
    chunk = event({"completion": [{"delta": "x" * 1000}]}).encode()
    async with serve(sends(head + chunk * (2 * MAX_STREAM // len(chunk)))) as raw:
        client = ElasticsearchClient(Connection(f"http://127.0.0.1:{raw.port}"), clock, Limits())
        response = await client.send(requests.perform("completion", "a", {"input": "x"}, 30, stream=True))
        await client.aclose()
    assert isinstance(response, Response)
    assert 0 < len(response.body) <= MAX_STREAM // 1000


async def test_a_stream_whose_connection_breaks_is_lost(clock: VirtualClock) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nX-elastic-product: Elasticsearch\r\nContent-Type: text/event-stream\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n"
    )
    chunk = event({"completion": [{"delta": "x"}]}).encode()
    async with serve(sends(head + f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")) as raw:
        client = ElasticsearchClient(Connection(f"http://127.0.0.1:{raw.port}"), clock, Limits())
        lost = await client.send(requests.perform("completion", "a", {"input": "x"}, 30, stream=True))
        await client.aclose()
    assert isinstance(lost, TransportFailure)
    assert lost.kind is TransportKind.RESET
