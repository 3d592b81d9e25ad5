"""Who uses a pipeline, what a reading of all of them serves, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference_operator.core.failure import HttpFailure, TransportFailure
from inference_operator.core.referrers import Referrers
from inference_operator.core.values import ABSENT, Usage
from inference_operator.elasticsearch.cluster import Cluster, pipeline_usage_of
from inference_operator.elasticsearch.connection import BasicAuth
from tests.elasticsearch.pipeline_bodies import STAMP, call, foreign, inference, observed, pipeline
from tests.elasticsearch.virtual_stand_in import Bench
from tests.standin import Fault, Role, Security, User

LIST = "GET /_ingest/pipeline"
SETTINGS = "GET /_all/_settings/index.default_pipeline,index.final_pipeline"
SEARCH = (LIST, "GET /_index_template", "GET /_component_template", SETTINGS)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        yield cluster


# --- who uses a pipeline ----------------------------------------------------------------------------------------------


async def use_everywhere(bench: Bench, cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline(), STAMP)
    await cluster.pipelines.put(pipeline("caller", call("p")), STAMP)
    await cluster.pipelines.put(pipeline("bold", call("p", ignore_missing_pipeline=True)), STAMP)
    template = {"template": {"settings": {"index": {"default_pipeline": "p"}}}}
    await foreign(bench, "PUT", "/_index_template/t", {"index_patterns": ["x*"], **template})
    await foreign(bench, "PUT", "/_component_template/c", {"template": {"settings": {"final_pipeline": "p"}}})
    await foreign(bench, "PUT", "/i1", {"settings": {"index.default_pipeline": "p", "hidden": True}})
    await foreign(bench, "PUT", "/i2", {"settings": {"index.final_pipeline": "p", "index.default_pipeline": "_none"}})
    await foreign(bench, "PUT", "/i3", {"settings": {"index.default_pipeline": "other"}})


async def test_all_who_use_it_are_found_and_only_indices_make_the_server_refuse(bench: Bench, cluster: Cluster) -> None:
    await use_everywhere(bench, cluster)

    found = await cluster.pipelines.users("p")

    assert isinstance(found, Usage)
    assert found.pipelines == ("caller",)
    assert found.indices == ("component template c", "i1", "i2", "index template t")
    assert (found.total, found.overlooked, found.needs_force) == (5, 3, True)
    assert bench.counts == dict.fromkeys(SEARCH, 1)


async def test_what_only_our_search_finds_needs_no_force(cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline("caller", call("p")), STAMP)
    found = await cluster.pipelines.users("p")
    assert isinstance(found, Usage)
    assert (found, found.needs_force) == (Usage(("caller",), overlooked=1), False)


async def test_a_pipeline_that_calls_itself_is_not_in_its_own_way(cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline("p", call("p")), STAMP)
    assert await cluster.pipelines.users("p") == Usage()


async def test_that_nobody_uses_it_is_never_taken_from_an_earlier_reading(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.pipelines.users("p") == Usage()
    await foreign(bench, "PUT", "/i1", {"settings": {"index.default_pipeline": "p"}})
    assert await cluster.pipelines.users("p") == Usage((), ("i1",))


async def test_that_somebody_uses_it_is_believed_for_a_moment(bench: Bench, cluster: Cluster) -> None:
    await foreign(bench, "PUT", "/i1", {"settings": {"index.default_pipeline": "p"}})
    for _ in range(5):
        assert await cluster.pipelines.users("p") == Usage((), ("i1",))
    assert bench.counts == dict.fromkeys(SEARCH, 1)
    await foreign(bench, "DELETE", "/i1")
    await bench.clock.advance(10)
    assert await cluster.pipelines.users("p") == Usage()


async def test_a_refused_deletion_names_the_indices(bench: Bench, cluster: Cluster) -> None:
    await use_everywhere(bench, cluster)
    refused = await cluster.pipelines.delete("p")
    assert isinstance(refused, HttpFailure)
    found = pipeline_usage_of(refused)
    assert found is not None
    assert (found.pipelines, found.indices, found.needs_force) == ((), ("i1", "i2"), True)
    assert "default pipeline for 1 index(es)" in found.message
    assert await cluster.pipelines.look("p") == observed(pipeline())


@pytest.mark.parametrize("path", ["/_index_template", "/_component_template", "/_all/_settings*"])
async def test_a_search_that_fails_is_a_failure(bench: Bench, cluster: Cluster, path: str) -> None:
    bench.standin.faults.add(Fault(path=path, lose="before"))
    assert isinstance(await cluster.pipelines.users("p"), TransportFailure)


async def test_what_may_not_be_read_is_left_to_the_server() -> None:
    roles = {"operator": Role(("manage_pipeline",))}
    bench = Bench(security=Security(users={"operator": User("pw", roles=("operator",))}, roles=roles))
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        await cluster.pipelines.put(pipeline("caller", call("p")), STAMP)
        assert await cluster.pipelines.users("p") == Usage(("caller",), overlooked=1)
        assert await cluster.pipelines.referrers("p") == Referrers(("caller",), None)


async def test_for_status_the_readings_of_the_round_are_enough(bench: Bench, cluster: Cluster) -> None:
    await use_everywhere(bench, cluster)
    cluster.invalidate()
    found = await asyncio.gather(*(cluster.pipelines.referrers(name) for name in ("p", "caller", "none")))
    assert found == [Referrers(("caller",), ("index template t",)), Referrers((), ()), Referrers((), ())]
    assert bench.counts == {LIST: 1, "GET /_index_template": 1}


# --- one reading for all ----------------------------------------------------------------------------------------------


async def test_one_reading_serves_pipelines_and_endpoints(bench: Bench, cluster: Cluster) -> None:
    await foreign(bench, "PUT", "/_ingest/pipeline/p", {"processors": [inference("a")]})
    await asyncio.gather(cluster.pipelines.peek("p"), cluster.referrers("a"), cluster.pipelines.referrers("p"))
    assert bench.counts[LIST] == 1


async def test_our_own_writes_are_seen_by_the_endpoints_at_once(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.referrers("a") == Referrers((), ())
    await cluster.pipelines.put(pipeline("p", inference("a")), STAMP)
    assert await cluster.referrers("a") == Referrers(("p",), ())
    await cluster.pipelines.put(pipeline("p"), STAMP)
    assert await cluster.referrers("a") == Referrers((), ())
    await cluster.pipelines.put(pipeline("p", inference("a")), STAMP)
    await cluster.pipelines.delete("p")
    assert await cluster.referrers("a") == Referrers((), ())
    assert bench.counts[LIST] == 1


async def test_a_reading_that_fails_is_a_failure_for_all_who_ask(bench: Bench, cluster: Cluster) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline", lose="before"))
    for result in (await cluster.pipelines.peek("p"), await cluster.pipelines.peek("q")):
        assert isinstance(result, TransportFailure)


async def test_another_cluster_behind_the_address_has_other_pipelines(bench: Bench, cluster: Cluster) -> None:
    await cluster.server()
    await cluster.pipelines.put(pipeline(), STAMP)
    bench.standin.replace_cluster("another-uuid")
    await cluster.server(max_age=0)
    assert await cluster.pipelines.peek("p") is ABSENT
