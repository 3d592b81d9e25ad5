"""Which clients are open: those of objects that are there, however often others ask where an object belongs."""

from __future__ import annotations

import asyncio

import pytest

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.core.values import Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kubernetes.connections import ConnectionResolver
from inference_operator.kubernetes.default_connection import DefaultConnection
from inference_operator.shell.clusters import Clusters
from tests.elasticsearch.scripted import ScriptedServer
from tests.fake_kubernetes import FakeKubernetes
from tests.shell.bodies import key_of
from tests.virtual_clock import VirtualClock

OURS, THEIRS = key_of("ours"), key_of("theirs")
THERE = ElasticsearchRef(secret_name="there")
SERVER = Server("http://es:9200", "u-1", "9.2.0")


class Place:
    """Two connections to one Elasticsearch: the default one, and Secret `there`."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.server = ScriptedServer()
        self.pool = ClusterPool(self.clock, lambda _: self.server.transport)
        self.kubernetes = FakeKubernetes(self.clock)
        self.kubernetes.put_secret("operators", "default", {"url": "http://es:9200"})
        self.rotate("one")
        resolver = ConnectionResolver(self.kubernetes, DefaultConnection("operators", ("search",), secret="operators/default"))
        self.clusters = Clusters(resolver, self.kubernetes, self.pool)

    def rotate(self, token: str) -> None:
        self.kubernetes.put_secret("search", "there", {"url": "http://es:9200", "token": token})


@pytest.fixture
def place() -> Place:
    return Place()


async def test_asking_where_another_object_belongs_leaves_nothing_open(place: Place) -> None:
    ours = await place.clusters.cluster_of(OURS, None)
    for token in ("one", "two", "three"):
        place.rotate(token)
        assert await place.clusters.is_on(THEIRS, THERE, SERVER)
    assert place.pool.clusters() == (ours,)
    assert place.clusters.last_cluster_of(THEIRS) is None
    assert place.clusters.credentials_of(THEIRS) == ()


async def test_an_object_that_goes_while_somebody_asks_about_it_leaves_nothing_open(place: Place) -> None:
    await place.clusters.cluster_of(THEIRS, THERE)
    place.server.gate.clear()
    asking = asyncio.create_task(place.clusters.is_on(THEIRS, THERE, SERVER))
    await place.clock.settle()
    place.clusters.forget(THEIRS)
    place.server.gate.set()
    assert await asking, "it was there when it was asked"
    assert not await place.clusters.is_on(THEIRS, ElasticsearchRef(secret_name="gone"), SERVER)
    assert place.pool.clusters() == ()


async def test_who_gives_up_asking_leaves_nothing_open(place: Place) -> None:
    place.server.gate.clear()
    asking = asyncio.create_task(place.clusters.is_on(THEIRS, THERE, SERVER))
    await place.clock.settle()
    assert len(place.pool.clusters()) == 1
    asking.cancel()
    await asyncio.wait([asking])
    assert place.pool.clusters() == ()


async def test_the_client_of_an_object_stays_open_while_others_ask_about_it(place: Place) -> None:
    theirs = await place.clusters.cluster_of(THEIRS, THERE)
    assert isinstance(theirs, Cluster)
    assert await place.clusters.is_on(THEIRS, THERE, SERVER)
    assert place.pool.clusters() == (theirs,)
    assert place.clusters.last_cluster_of(THEIRS) is theirs
