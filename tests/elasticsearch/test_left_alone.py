"""When a cluster is left alone: after losses, and as long as it asks for patience; what those are told who are not sent."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from inference_operator.core.disposition import Mood, disposition
from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.reasons import Reason
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.answers import Response
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.limits import Limits
from tests.elasticsearch.scripted import CONNECTION, LIMITS, ScriptedServer, error, info
from tests.virtual_clock import VirtualClock

PATIENCE = {"retry-after": "60"}


async def test_a_lost_cluster_is_left_alone_then_asked_by_one_request(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("GET /", httpx.ConnectError("refused"))
    for _ in range(3):
        await client.send(requests.root())
    refused = await asyncio.gather(*(client.send(requests.root()) for _ in range(20)))
    assert {each.kind for each in refused if isinstance(each, TransportFailure)} == {TransportKind.BREAKER}
    assert all(isinstance(each, TransportFailure) and each.retry_after and not each.sent for each in refused)
    assert server.counts == {"GET /": 3}
    await clock.advance(1.0)
    server.on("GET /", info())
    server.gate.clear()
    probing = [asyncio.create_task(client.send(requests.root())) for _ in range(20)]
    await clock.settle()
    server.gate.set()
    assert sum(isinstance(each, Response) for each in await asyncio.gather(*probing)) == 1
    assert server.counts == {"GET /": 4}
    assert isinstance(await client.send(requests.root()), Response)


CALLS: tuple[Any, ...] = (
    pytest.param(requests.perform("rerank", "a", {}, 3600), id="an inference"),
    pytest.param(requests.simulate_pipeline({}, [{}]), id="a simulation"),
    pytest.param(requests.put_endpoint("rerank", "a", {}, 3600, None), id="a write that the provider has to answer"),
)


@pytest.mark.parametrize("request_", CALLS)
async def test_a_provider_that_hangs_does_not_keep_a_cluster_that_is_back_alone(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock, request_: requests.Request
) -> None:
    call = f"{request_.method} {request_.path}"
    server.on("GET /", httpx.ConnectError("refused"))
    for _ in range(3):
        await client.send(requests.root())
    await clock.advance(1.0)
    lost = await client.send(request_)
    assert isinstance(lost, TransportFailure)
    assert (lost.kind, lost.retry_after) == (TransportKind.BREAKER, 2.0)
    assert server.counts == {"GET /": 4}, "a short question was the trial"
    await clock.advance(2.0)
    server.on("GET /", info())
    server.on(call, httpx.ReadTimeout(""))
    slow = await client.send(request_)
    assert isinstance(slow, TransportFailure)
    assert slow.kind is TransportKind.TIMEOUT
    assert not client.left_alone
    assert server.counts == {"GET /": 5, call: 1}


async def test_who_lost_the_lease_during_the_trial_does_not_write_after_it(server: ScriptedServer, clock: VirtualClock) -> None:
    may_write = True
    client = ElasticsearchClient(CONNECTION, clock, LIMITS, server.transport, may_write=lambda: may_write)
    server.on("GET /", httpx.ConnectError("refused"))
    for _ in range(3):
        await client.send(requests.root())
    await clock.advance(1.0)
    server.on("GET /", info())
    server.gate.clear()
    writing = asyncio.create_task(client.send(requests.put_endpoint("rerank", "a", {}, 30, None)))
    await clock.settle()
    may_write = False
    server.gate.set()
    fenced = await writing
    assert isinstance(fenced, TransportFailure)
    assert fenced.kind is TransportKind.FENCED
    assert server.counts == {"GET /": 4}
    await client.aclose()


async def test_a_trial_that_is_fenced_leaves_room_for_the_next(server: ScriptedServer, clock: VirtualClock) -> None:
    client = ElasticsearchClient(CONNECTION, clock, LIMITS, server.transport, may_write=lambda: False)
    server.on("GET /", httpx.ConnectError("refused"))
    for _ in range(3):
        await client.send(requests.root())
    await clock.advance(1.0)
    fenced = await client.send(requests.delete_pipeline("a"))
    assert isinstance(fenced, TransportFailure)
    assert fenced.kind is TransportKind.FENCED
    server.on("GET /", info())
    assert isinstance(await client.send(requests.root()), Response)
    await client.aclose()


async def test_those_who_queue_while_the_cluster_goes_down_are_not_sent_one_by_one(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("GET /", httpx.ReadTimeout(""))
    lost = await asyncio.gather(*(client.send(requests.root()) for _ in range(50)))
    assert len(lost) == 50
    assert server.counts["GET /"] <= LIMITS.failures_to_open + LIMITS.concurrency


@pytest.mark.parametrize("answer", [error(503, "x", "y"), httpx.Response(502, text="Bad Gateway")])
async def test_unavailable_counts_as_lost(client: ElasticsearchClient, server: ScriptedServer, answer: httpx.Response) -> None:
    server.on("GET /", answer)
    for _ in range(10):
        await client.send(requests.root())
    assert server.counts == {"GET /": 3}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500])
async def test_errors_of_a_living_cluster_do_not_open_the_breaker(
    client: ElasticsearchClient, server: ScriptedServer, status: int
) -> None:
    server.on("GET /", error(status, "status_exception", "no"))
    results = [await client.send(requests.root()) for _ in range(10)]
    assert all(isinstance(each, HttpFailure) for each in results)
    assert server.counts == {"GET /": 10}


async def test_slow_providers_do_not_open_the_breaker(client: ElasticsearchClient, server: ScriptedServer) -> None:
    server.on("PUT /_inference/rerank/a", httpx.ReadTimeout(""))
    for _ in range(10):
        failure = await client.send(requests.put_endpoint("rerank", "a", {}, 30, None))
        assert isinstance(failure, TransportFailure)
        assert failure.kind is TransportKind.TIMEOUT
    assert server.counts == {"PUT /_inference/rerank/a": 10}


async def test_patience_that_the_server_asks_for_holds_everybody_back(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("GET /", error(429, "es_rejected_execution_exception", "busy", {"retry-after": "7"}))
    refused = await client.send(requests.root())
    assert isinstance(refused, HttpFailure)
    assert refused.retry_after == 7.0
    server.on("GET /", info())
    waiting = asyncio.create_task(client.send(requests.root()))
    await clock.advance(6.9)
    assert server.counts == {"GET /": 1}
    await clock.advance(0.2)
    assert isinstance(await waiting, Response)


async def test_long_patience_is_told_instead_of_waited_for(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("GET /", error(429, "es_rejected_execution_exception", "busy", {"retry-after": "120"}))
    await client.send(requests.root())
    told = await client.send(requests.root())
    assert isinstance(told, TransportFailure)
    assert (told.kind, told.because) == (TransportKind.BREAKER, HttpFailure(429, "es_rejected_execution_exception"))
    assert told.retry_after is not None
    assert told.retry_after >= 120
    assert server.counts == {"GET /": 1}


ASKS: tuple[Any, ...] = (
    pytest.param(error(503, "cluster_block_exception", "quotes a key", PATIENCE), Reason.SERVER_ERROR, id="Elasticsearch, 503"),
    pytest.param(httpx.Response(503, text="<html>", headers=PATIENCE), Reason.UNREACHABLE, id="a proxy, 503"),
    pytest.param(httpx.Response(429, text="<html>", headers=PATIENCE), Reason.UNREACHABLE, id="a proxy, 429"),
    pytest.param(error(429, "circuit_breaking_exception", "quotes a key", PATIENCE), Reason.RATE_LIMITED, id="429"),
)


@pytest.mark.parametrize(("answer", "reason"), ASKS)
async def test_who_is_held_back_is_told_why_and_that_nothing_is_known(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock, answer: httpx.Response, reason: Reason
) -> None:
    server.on("GET /", answer)
    first = await client.send(requests.root())
    behind = await client.send(requests.get_endpoint("a"))
    assert isinstance(first, HttpFailure | TransportFailure)
    assert isinstance(behind, TransportFailure)
    assert not behind.sent
    told = disposition(behind)
    assert (told.mood, told.reason, told.after, told.blind) == (Mood.RETRY, reason, behind.retry_after, True)
    assert (behind.retry_after or 0.0) >= 60.0
    assert disposition(first).reason is reason
    assert "quotes a key" not in told.message
    assert server.counts == {"GET /": 1}
    await clock.advance(60)
    server.on("GET /", info())
    assert isinstance(await client.send(requests.root()), Response)


async def test_where_the_operator_itself_asks_too_much_at_once_no_answer_of_before_is_blamed(
    server: ScriptedServer, clock: VirtualClock
) -> None:
    limits = Limits(requests_per_second=1.0, burst=1, longest_turn=0.5)
    client = ElasticsearchClient(CONNECTION, clock, limits, server.transport)
    server.on("GET /", error(503, "cluster_block_exception", "no", PATIENCE))
    await client.send(requests.root())
    server.on("GET /", info())
    await clock.advance(61)
    assert isinstance(await client.send(requests.root()), Response)
    told = await client.send(requests.root())
    assert isinstance(told, TransportFailure)
    assert (disposition(told).reason, disposition(told).blind) == (Reason.RATE_LIMITED, True)
    await client.aclose()


async def test_a_breaker_that_503s_opened_says_so(client: ElasticsearchClient, server: ScriptedServer) -> None:
    server.on("GET /", error(503, "cluster_block_exception", "quotes a key"))
    for _ in range(LIMITS.failures_to_open):
        await client.send(requests.root())
    told = await client.send(requests.root())
    assert isinstance(told, TransportFailure)
    assert disposition(told).reason is Reason.SERVER_ERROR
    assert told.because == HttpFailure(503, "cluster_block_exception")
