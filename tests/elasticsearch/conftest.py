"""What most tests of the client talk to: a server that says what a test writes down, in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inference_operator.elasticsearch.client import ElasticsearchClient
from tests.elasticsearch.scripted import CONNECTION, LIMITS, ScriptedServer
from tests.virtual_clock import VirtualClock


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
