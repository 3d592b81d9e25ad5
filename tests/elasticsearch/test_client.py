"""The client within its limits: what is sent, how often and how many at once."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from inference_operator.core.failure import TransportFailure, TransportKind
from inference_operator.core.values import Version
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.answers import MAX_BODY, Response
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.connection import ApiKey, BasicAuth, Bearer, Connection, Credentials
from tests.elasticsearch.scripted import LIMITS, PRODUCT, ScriptedServer, error, ok
from tests.virtual_clock import VirtualClock


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
