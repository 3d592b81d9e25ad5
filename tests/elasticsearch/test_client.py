"""The client within its limits: what is sent, how often, how many at once, and when it is left alone."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from inference_operator.core.disposition import Mood, disposition
from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.reasons import Reason
from inference_operator.core.values import Version
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.answers import MAX_BODY, Response
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.connection import ApiKey, BasicAuth, Bearer, Connection, Credentials
from inference_operator.elasticsearch.limits import Limits
from tests.elasticsearch.scripted import CONNECTION, PRODUCT, ScriptedServer, error, info, ok
from tests.virtual_clock import VirtualClock

LIMITS = Limits(concurrency=3, failures_to_open=3, first_pause=1.0)
PATIENCE = {"retry-after": "60"}


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
async def client(server: ScriptedServer, clock: VirtualClock) -> AsyncIterator[ElasticsearchClient]:
    client = ElasticsearchClient(CONNECTION, clock, LIMITS, server.transport)
    yield client
    await client.aclose()


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (None, None),
        (BasicAuth("operator", "p:é"), "Basic " + base64.b64encode("operator:p:é".encode()).decode()),
        (ApiKey("YTpi"), "ApiKey YTpi"),
        (Bearer("AAEAA"), "Bearer AAEAA"),
    ],
)
async def test_headers(credentials: Credentials | None, header: str | None, clock: VirtualClock) -> None:
    server = ScriptedServer()
    client = ElasticsearchClient(Connection("http://es:9200", credentials), clock, LIMITS, server.transport)
    await client.send(requests.root())
    await client.aclose()
    sent = server.requests[0].headers
    assert sent.get("authorization") == header
    assert sent["accept"] == "application/json"
    assert sent["user-agent"].startswith("inference-operator/")
    assert "content-type" not in sent


async def test_a_request_goes_below_the_path_of_the_connection_with_its_encoding_kept(clock: VirtualClock) -> None:
    server = ScriptedServer()
    server.on("PUT /es%20x/_inference/rerank/a%2Fb", ok({}))
    client = ElasticsearchClient(Connection("http://es:9200/es%20x/"), clock, LIMITS, server.transport)
    request = requests.put_endpoint("rerank", "a/b", {"service": "é"}, 30, Version(9, 5))
    assert isinstance(await client.send(request), Response)
    await client.aclose()
    sent = server.requests[0]
    assert str(sent.url) == "http://es:9200/es%20x/_inference/rerank/a%2Fb?timeout=30s"
    assert json.loads(sent.content) == {"service": "é"}
    assert sent.headers["content-type"] == "application/json"


async def test_an_id_of_dots_does_not_climb_the_path(client: ElasticsearchClient, server: ScriptedServer) -> None:
    server.on("DELETE /_inference/%2E%2E", error(400, "status_exception", "no"))
    await client.send(requests.delete_endpoint(".."))
    assert server.counts == {"DELETE /_inference/%2E%2E": 1}


async def test_redirects_are_not_followed(client: ElasticsearchClient, server: ScriptedServer) -> None:
    server.on("GET /", httpx.Response(307, headers={"location": "https://elsewhere/"}))
    failure = await client.send(requests.root())
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED
    assert server.counts == {"GET /": 1}


@pytest.mark.parametrize(
    ("raised", "kind", "sent"),
    [
        (httpx.ConnectError("refused"), TransportKind.CONNECT, False),
        (httpx.ConnectTimeout(""), TransportKind.CONNECT, False),
        (httpx.PoolTimeout(""), TransportKind.CONNECT, False),
        (httpx.ProxyError("407"), TransportKind.CONNECT, False),
        (httpx.UnsupportedProtocol("gopher"), TransportKind.CONNECT, False),
        (httpx.LocalProtocolError("header"), TransportKind.CONNECT, False),
        (httpx.ReadTimeout(""), TransportKind.TIMEOUT, True),
        (httpx.WriteTimeout(""), TransportKind.TIMEOUT, True),
        (httpx.ReadError(""), TransportKind.RESET, True),
        (httpx.WriteError(""), TransportKind.RESET, True),
        (httpx.CloseError(""), TransportKind.RESET, True),
        (httpx.RemoteProtocolError("Server disconnected without sending a response."), TransportKind.RESET, True),
        (httpx.DecodingError("gzip"), TransportKind.GARBLED, True),
        (OSError(104, "Connection reset by peer"), TransportKind.RESET, True),
    ],
)
async def test_losses(
    client: ElasticsearchClient, server: ScriptedServer, raised: Exception, kind: TransportKind, sent: bool
) -> None:
    server.on("GET /", raised)
    failure = await client.send(requests.root())
    assert isinstance(failure, TransportFailure)
    assert (failure.kind, failure.sent, failure.address) == (kind, sent, "http://es.example:9200")
    assert failure.detail
    assert server.counts == {"GET /": 1}  # no retries inside


async def test_a_deadline_bounds_the_whole_exchange(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.gate.clear()
    waiting = asyncio.create_task(client.send(requests.root()))
    longest = LIMITS.connect_timeout + requests.DEFAULT_TIMEOUT + LIMITS.read_margin
    await clock.advance(longest - 0.1)
    assert not waiting.done()
    await clock.advance(0.2)
    failure = await waiting
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.TIMEOUT


async def test_the_deadline_follows_what_the_server_was_allowed(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.on("PUT /_inference/rerank/a", ok({}))
    server.gate.clear()
    request = requests.put_endpoint("rerank", "a", {}, 600, Version(9, 5))
    waiting = asyncio.create_task(client.send(request))
    await clock.advance(600)
    assert not waiting.done()
    server.gate.set()
    assert isinstance(await waiting, Response)


async def test_requests_at_once_are_bounded(client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock) -> None:
    server.gate.clear()
    waiting = [asyncio.create_task(client.send(requests.root())) for _ in range(10)]
    await clock.settle()
    assert server.counts == {"GET /": 3}
    server.gate.set()
    assert all(isinstance(each, Response) for each in await asyncio.gather(*waiting))


async def test_a_cancelled_request_frees_its_place(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.gate.clear()
    stuck = [asyncio.create_task(client.send(requests.root())) for _ in range(3)]
    await clock.settle()
    for task in stuck:
        task.cancel()
    await asyncio.wait(stuck)
    server.gate.set()
    assert isinstance(await client.send(requests.root()), Response)


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
    assert (lost.kind, lost.retry_after) == (TransportKind.BREAKER, pytest.approx(2.0))
    assert server.counts == {"GET /": 4}, "a short question was the trial"
    await clock.advance(2.0)
    server.on("GET /", info())
    server.on(call, httpx.ReadTimeout(""))
    slow = await client.send(request_)
    assert isinstance(slow, TransportFailure)
    assert slow.kind is TransportKind.TIMEOUT
    assert not client.left_alone
    assert server.counts == {"GET /": 5, call: 1}


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


async def test_bodies_without_end_are_cut(client: ElasticsearchClient, server: ScriptedServer) -> None:
    chunk = b" " * (1024 * 1024)
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += len(chunk)
            yield chunk

    server.on("GET /", lambda _: httpx.Response(200, content=endless(), headers=PRODUCT))
    failure = await client.send(requests.root())
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED
    assert read <= MAX_BODY + 2 * len(chunk)


async def test_compressed_answers_are_understood(client: ElasticsearchClient, server: ScriptedServer) -> None:
    packed = gzip.compress(b'{"a": 1}')
    headers = {**PRODUCT, "content-encoding": "gzip"}
    server.on("GET /", lambda _: httpx.Response(200, content=packed, headers=headers))
    response = await client.send(requests.root())
    assert isinstance(response, Response)
    assert response.body == {"a": 1}


async def test_closing_lets_requests_under_way_end_and_takes_no_more(
    client: ElasticsearchClient, server: ScriptedServer, clock: VirtualClock
) -> None:
    server.gate.clear()
    under_way = asyncio.create_task(client.send(requests.root()))
    await clock.settle()
    closing = asyncio.create_task(client.aclose())
    await clock.settle()
    assert not closing.done()
    late = await client.send(requests.root())
    assert isinstance(late, TransportFailure)
    assert not late.sent
    server.gate.set()
    assert isinstance(await under_way, Response)
    await closing
    assert server.counts == {"GET /": 1}


@pytest.mark.parametrize(
    "connection",
    [
        Connection("https://es:9200", ca_pem="c4n4ry"),
        Connection("https://es:9200", client_certificate=None, ca_pem=""),
    ],
)
async def test_unusable_tls_material_is_a_failure_not_an_exception(connection: Connection, clock: VirtualClock) -> None:
    client = ElasticsearchClient(connection, clock, LIMITS)
    failure = await client.send(requests.root())
    await client.aclose()
    assert isinstance(failure, TransportFailure)
    assert (failure.kind, failure.sent) == (TransportKind.TLS, False)
    assert "c4n4ry" not in failure.detail
