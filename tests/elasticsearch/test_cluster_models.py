"""In-cluster models and the catalogue of services: read for all at once, and again only while there is news to expect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference_operator.core.values import Deployment
from inference_operator.elasticsearch.cluster import Cluster
from tests.elasticsearch.virtual_stand_in import Bench, elser
from tests.standin import Pace

STATS = "GET /_ml/trained_models/_all/_stats"


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        yield cluster


async def test_a_deployment_on_its_way_is_read_again_and_one_at_rest_is_not() -> None:
    bench = Bench(pace=Pace(deployment=20.0))
    async with bench.cluster() as cluster:
        creating = asyncio.create_task(cluster.create(elser(), 5))
        await bench.clock.advance(6)
        await creating
        states = []
        for _ in range(10):
            asked = await asyncio.gather(*(cluster.deployment("m") for _ in range(20)))
            assert len(set(asked)) == 1
            assert isinstance(asked[0], Deployment)
            states.append(asked[0].allocation_state)
            await bench.clock.advance(3)
        assert states[0] != "fully_allocated"
        assert states[-1] == "fully_allocated"
        assert bench.counts[STATS] < len(states)
        at_rest = bench.counts[STATS]
        for _ in range(20):
            await cluster.deployment("m")
            await bench.clock.advance(30)
        assert bench.counts[STATS] == at_rest
        cluster.invalidate()
        await asyncio.gather(*(cluster.deployment("m") for _ in range(20)))
        assert bench.counts[STATS] == at_rest + 1


async def test_all_deployments_cost_one_request(bench: Bench, cluster: Cluster) -> None:
    for number in range(5):
        await cluster.create(elser(f"m{number}"), 30)
    bench.standin.log.clear()
    found = await asyncio.gather(*(cluster.deployment(f"m{number}") for number in range(5)))
    assert [each.deployment_id for each in found if isinstance(each, Deployment)] == [f"m{n}" for n in range(5)]
    assert bench.counts == {STATS: 1}


async def test_a_failed_deployment_tells_why(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(elser(), 30)
    bench.standin.fail_deployment("m", "no node has enough memory")
    found = await cluster.deployment("m")
    assert isinstance(found, Deployment)
    assert (found.state, found.reason) == ("failed", "no node has enough memory")


async def test_a_deployment_goes_with_its_endpoint(cluster: Cluster) -> None:
    await cluster.create(elser(), 30)
    assert isinstance(await cluster.deployment("m"), Deployment)
    await cluster.delete("m")
    assert await cluster.deployment("m") is None
