"""What a client tells of its requests: each once, sent or held back, with nothing in it that is anybody's secret."""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.connection import ApiKey, Connection
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.traffic import Exchange, Unsent, Witnesses
from tests.elasticsearch.scripted import ScriptedServer, error, info
from tests.virtual_clock import VirtualClock

CANARY = "canary-key-77d0"
ADDRESS = "http://es:9200"


class Heard:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.held_back: list[tuple[str, Unsent]] = []

    def exchanged(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)

    def unsent(self, address: str, cause: Unsent) -> None:
        self.held_back.append((address, cause))


@pytest.fixture
def heard() -> Heard:
    return Heard()


def client(
    server: ScriptedServer, heard: Heard, *, writes: bool = True, clock: VirtualClock | None = None
) -> ElasticsearchClient:
    connection = Connection(ADDRESS, ApiKey(CANARY))
    return ElasticsearchClient(
        connection, clock or VirtualClock(), Limits(failures_to_open=2), server.transport, lambda: writes, Witnesses(heard)
    )


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (info(), "2xx"),
        (error(404, "resource_not_found_exception", "no"), "4xx"),
        (error(503, "cluster_block_exception", "no"), "5xx"),
        (httpx.ConnectError("refused"), "connect"),
        (httpx.ReadTimeout(""), "timeout"),
        (httpx.ReadError(""), "reset"),
        (httpx.Response(200, text="<html>"), "garbled"),
    ],
)
async def test_a_request_is_told_with_what_came_back(
    answer: httpx.Response | Exception, status: str, server: ScriptedServer, heard: Heard
) -> None:
    server.on("GET /", answer)
    await client(server, heard).send(requests.root())
    assert heard.exchanges == [Exchange(ADDRESS, "info", status, 0.0)]
    assert heard.held_back == []
    assert CANARY not in repr(heard.exchanges)


async def test_what_nobody_waited_for_is_told_as_well(server: ScriptedServer, heard: Heard) -> None:
    clock = VirtualClock()
    server.gate.clear()
    sending = asyncio.ensure_future(client(server, heard, clock=clock).send(requests.root()))
    await clock.advance(2)
    sending.cancel()
    await asyncio.gather(sending, return_exceptions=True)
    assert heard.exchanges == [Exchange(ADDRESS, "info", "cancelled", 2.0)]


async def test_what_the_breaker_holds_back_is_not_an_exchange(server: ScriptedServer, heard: Heard) -> None:
    server.on("GET /", httpx.ConnectError("refused"))
    here = client(server, heard)
    for _ in range(5):
        await here.send(requests.root())
    assert here.left_alone
    assert Counter(each.status for each in heard.exchanges) == {"connect": 2}
    assert heard.held_back == [(ADDRESS, Unsent.BREAKER)] * 3


async def test_a_fenced_write_is_told_and_a_read_goes(server: ScriptedServer, heard: Heard) -> None:
    server.on("GET /", info())
    here = client(server, heard, writes=False)
    await here.send(requests.delete_endpoint("a"))
    await here.send(requests.root())
    assert heard.held_back == [(ADDRESS, Unsent.FENCED)]
    assert [each.operation for each in heard.exchanges] == ["info"]


async def test_a_request_that_the_budget_puts_off_is_told(server: ScriptedServer, heard: Heard) -> None:
    server.on("GET /", error(429, "es_rejected_execution_exception", "no", {"retry-after": "3600"}))
    here = client(server, heard)
    for _ in range(2):
        await here.send(requests.root())
    assert [each.status for each in heard.exchanges] == ["4xx"]
    assert heard.held_back == [(ADDRESS, Unsent.BUDGET)]
