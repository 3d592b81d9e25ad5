"""How long a cluster lives: as long as somebody holds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from inference_operator.core.failure import TransportFailure
from inference_operator.core.values import ABSENT, Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import ApiKey, Connection
from inference_operator.elasticsearch.pool import ClusterPool
from tests.elasticsearch.certificates import Authority
from tests.elasticsearch.scripted import ScriptedServer
from tests.virtual_clock import VirtualClock

AUTHORITY = Authority("a further authority")
OLD = Connection("https://es:9200", ApiKey("old"))
NEW = Connection("https://es:9200", ApiKey("new"))


class Transports:
    """Makes a transport per connection, and knows which are open."""

    def __init__(self, server: ScriptedServer) -> None:
        self._server = server
        self.made = 0
        self.open = 0

    def __call__(self, _: Connection) -> httpx.AsyncBaseTransport:
        self.made += 1
        self.open += 1
        return _Counted(self, self._server.transport)


class _Counted(httpx.AsyncBaseTransport):
    def __init__(self, transports: Transports, inner: httpx.MockTransport) -> None:
        self._transports = transports
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        self._transports.open -= 1


@pytest.fixture
def server() -> ScriptedServer:
    server = ScriptedServer()
    server.list_holds()
    return server


@pytest.fixture
def transports(server: ScriptedServer) -> Transports:
    return Transports(server)


@pytest.fixture
async def pool(clock: VirtualClock, transports: Transports) -> AsyncIterator[ClusterPool]:
    pool = ClusterPool(clock, transports)
    yield pool
    await pool.aclose_all()
    assert transports.open == 0


async def is_open(cluster: Cluster) -> bool:
    answer = await cluster.server(max_age=0)
    assert isinstance(answer, Server | TransportFailure)
    return isinstance(answer, Server)


async def test_equal_connections_share_a_cluster(pool: ClusterPool, transports: Transports) -> None:
    first = pool.hold("a", OLD)
    assert pool.hold("b", Connection("https://ES:9200/", ApiKey("old"))) is first
    assert pool.get(OLD) is first
    assert pool.hold("c", NEW) is not first
    assert transports.made == 2
    assert len(pool.clusters()) == 2


async def test_a_cluster_is_closed_with_its_last_user(pool: ClusterPool, transports: Transports, clock: VirtualClock) -> None:
    cluster = pool.hold("a", OLD)
    pool.hold("b", OLD)
    pool.drop("a")
    await clock.settle()
    assert await is_open(cluster)
    assert pool.held("b") is cluster
    pool.drop("b")
    await clock.settle()
    assert transports.open == 0
    assert not await is_open(cluster)
    assert pool.held("b") is None


async def test_rotated_credentials_move_each_user_in_its_own_time(
    pool: ClusterPool, transports: Transports, clock: VirtualClock
) -> None:
    old = pool.hold("a", OLD)
    pool.hold("b", OLD)
    new = pool.hold("a", NEW)
    await clock.settle()
    assert await is_open(old)
    assert pool.held("b") is old
    assert pool.held("a") is new
    pool.hold("b", NEW)
    await clock.settle()
    assert transports.open == 1
    assert not await is_open(old)
    assert await is_open(new)


async def test_holding_again_changes_nothing(pool: ClusterPool, transports: Transports, clock: VirtualClock) -> None:
    cluster = pool.hold("a", OLD)
    assert pool.hold("a", OLD) is cluster
    await clock.settle()
    assert await is_open(cluster)
    assert transports.made == 1


async def test_a_request_under_way_ends_before_its_cluster_is_closed(
    pool: ClusterPool, transports: Transports, server: ScriptedServer, clock: VirtualClock
) -> None:
    cluster = pool.hold("a", OLD)
    server.on("GET /_inference/a", server.scripts["GET /_inference/_all"])
    server.gate.clear()
    looking = asyncio.create_task(cluster.look("a"))
    await clock.settle()
    pool.drop("a")
    await clock.settle()
    assert transports.open == 1
    server.gate.set()
    await looking
    await clock.settle()
    assert transports.open == 0


async def test_prune_closes_what_nobody_holds(pool: ClusterPool, transports: Transports, clock: VirtualClock) -> None:
    pool.get(OLD)
    held = pool.hold("a", NEW)
    pool.prune()
    await clock.settle()
    assert transports.open == 1
    assert await held.peek("x") is ABSENT


async def test_dropping_a_stranger_is_nothing(pool: ClusterPool) -> None:
    pool.drop("nobody")
    assert pool.clusters() == ()


async def test_authorities_that_changed_move_those_who_trust_them_with_the_next_round(
    transports: Transports, clock: VirtualClock, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("no certificate")
    pool = ClusterPool(clock, transports, extra_ca_file=roots)
    of_its_own, plain = Connection("https://es:9200", ca_pem=AUTHORITY.pem), Connection("http://es:9200")
    broken, *others = (pool.hold(user, each) for user, each in (("a", OLD), ("b", of_its_own), ("c", plain)))
    assert not await is_open(broken)
    roots.write_text(AUTHORITY.pem)
    assert pool.hold("a", OLD) is broken, "the file is not read for every pass"
    pool.begin_round()
    mended = pool.hold("a", OLD)
    assert await is_open(mended)
    pool.begin_round()
    assert pool.hold("a", OLD) is mended
    assert [pool.hold("b", of_its_own), pool.hold("c", plain)] == others
    roots.unlink()
    pool.begin_round()
    assert not await is_open(pool.hold("a", OLD))
    assert len(pool.clusters()) == 3
    await pool.aclose_all()


async def test_a_new_client_is_kept_by_the_authorities_that_it_read(
    transports: Transports, clock: VirtualClock, tmp_path: Path
) -> None:
    roots = tmp_path / "roots.pem"
    roots.write_text("no certificate")
    pool = ClusterPool(clock, transports, extra_ca_file=roots)
    roots.write_text(AUTHORITY.pem)
    cluster = pool.hold("a", OLD)
    assert await is_open(cluster)
    pool.begin_round()
    assert pool.hold("a", OLD) is cluster
    await pool.aclose_all()
