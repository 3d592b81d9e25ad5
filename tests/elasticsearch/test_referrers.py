"""Our own search for who uses an endpoint: what it finds, when it is believed, and what it costs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from inference_operator.core.failure import TransportFailure, TransportKind
from inference_operator.core.referrers import Referrers
from inference_operator.core.values import ABSENT, Usage
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import BasicAuth
from inference_operator.elasticsearch.limits import Limits
from tests.elasticsearch.virtual_stand_in import Bench, openai
from tests.standin import Answer, Fault, Role, Security, StandInTransport, User

READS = ("GET /_ingest/pipeline", "GET /_index_template", "GET /_component_template")
DRY_RUN = "DELETE /_inference/a"


def inference(model_id: str) -> dict[str, Any]:
    return {"inference": {"model_id": model_id, "input_output": {"input_field": "x", "output_field": "y"}}}


def on_failure(model_id: str) -> dict[str, Any]:
    """A pipeline that uses the endpoint where Elasticsearch does not look."""
    return {"processors": [], "on_failure": [inference(model_id)]}


def template(model_id: str, **more: Any) -> dict[str, Any]:
    field = {"type": "semantic_text", "inference_id": model_id}
    return {"template": {"mappings": {"properties": {"text": field}}}, **more}


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        await cluster.create(openai(), 30)
        bench.standin.log.clear()
        yield cluster


async def put(bench: Bench, path: str, body: Mapping[str, Any]) -> None:
    async with httpx.AsyncClient(transport=StandInTransport(bench.standin), base_url="http://standin:9200") as client:
        answer = await client.put(path, json=body)
    assert answer.status_code == 200, answer.text
    bench.standin.log.clear()


async def delete(bench: Bench, path: str) -> None:
    async with httpx.AsyncClient(transport=StandInTransport(bench.standin), base_url="http://standin:9200") as client:
        answer = await client.delete(path)
    assert answer.status_code == 200, answer.text
    bench.standin.log.clear()


async def use_everywhere(bench: Bench) -> None:
    await put(bench, "/_ingest/pipeline/p1", on_failure("a"))
    await put(bench, "/_ingest/pipeline/p2", {"processors": [inference("a")]})
    await put(bench, "/_ingest/pipeline/p3", {"processors": [inference("b")]})
    await put(bench, "/_index_template/t1", template("a", index_patterns=["i*"]))
    await put(bench, "/_component_template/c1", template("a"))


# --- before a deletion ------------------------------------------------------------------------------------------------


async def test_what_the_server_tells_and_what_it_passes_over_come_as_one(bench: Bench, cluster: Cluster) -> None:
    await use_everywhere(bench)
    found = await cluster.users("a")
    assert isinstance(found, Usage)
    assert found.pipelines == ("p1", "p2")
    assert found.indices == ("component template c1", "index template t1")
    assert (found.overlooked, found.needs_force) == (3, True)


async def test_what_only_our_search_finds_needs_no_force(bench: Bench, cluster: Cluster) -> None:
    await put(bench, "/_ingest/pipeline/p1", on_failure("a"))
    found = await cluster.users("a")
    assert isinstance(found, Usage)
    assert (found.pipelines, found.overlooked, found.needs_force) == (("p1",), 1, False)


async def test_an_unused_endpoint_is_unused(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.users("a") == Usage()
    assert bench.counts == Counter((DRY_RUN, *READS))


async def test_that_nobody_uses_it_is_never_taken_from_an_earlier_reading(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.referrers("a") == Referrers((), ())
    assert await cluster.users("a") == Usage()
    await put(bench, "/_component_template/c1", template("a"))
    assert await cluster.users("a") == Usage((), ("component template c1",), overlooked=1)


async def test_that_somebody_uses_it_is_believed_for_a_moment(bench: Bench, cluster: Cluster) -> None:
    await put(bench, "/_ingest/pipeline/p1", on_failure("a"))
    for _ in range(5):
        await cluster.users("a")
    assert bench.counts == Counter({DRY_RUN: 5, **dict.fromkeys(READS, 1)})
    await delete(bench, "/_ingest/pipeline/p1")
    await bench.clock.advance(10)
    assert await cluster.users("a") == Usage()


async def test_many_deletions_at_once_share_their_readings(bench: Bench) -> None:
    async with bench.cluster(limits=Limits(requests_per_second=10_000, burst=10_000)) as cluster:
        for number in range(50):
            await cluster.create(openai(f"e{number}"), 30)
        bench.standin.log.clear()
        found = await asyncio.gather(*(cluster.users(f"e{number}") for number in range(50)))
    assert set(found) == {Usage()}
    assert max(bench.counts[read] for read in READS) <= 10


async def test_nobody_is_searched_for_who_uses_what_is_gone(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.users("gone") is ABSENT
    assert bench.counts == {"DELETE /_inference/gone": 1}


@pytest.mark.parametrize("path", ["/_ingest/pipeline", "/_index_template", "/_component_template"])
async def test_a_search_that_fails_is_a_failure_where_the_server_knows_nobody(bench: Bench, cluster: Cluster, path: str) -> None:
    bench.standin.faults.add(Fault(path=path, lose="before"))
    failure = await cluster.users("a")
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.RESET


async def test_a_search_that_fails_does_not_hide_what_the_server_told(bench: Bench, cluster: Cluster) -> None:
    await put(bench, "/_ingest/pipeline/p2", {"processors": [inference("a")]})
    bench.standin.faults.add(Fault(path="/_index_template", lose="before"))
    found = await cluster.users("a")
    assert isinstance(found, Usage)
    assert found.pipelines == ("p2",)


# --- for status -------------------------------------------------------------------------------------------------------


async def test_any_number_of_endpoints_costs_one_reading_of_each_kind_a_round(bench: Bench, cluster: Cluster) -> None:
    await use_everywhere(bench)
    for _ in range(3):
        cluster.invalidate()
        found = await asyncio.gather(*(cluster.referrers(f"e{number}") for number in range(100)), cluster.referrers("a"))
        assert found == [Referrers((), ())] * 100 + [Referrers(("p1", "p2"), ("index template t1",))]
    assert bench.counts == {"GET /_ingest/pipeline": 3, "GET /_index_template": 3}


async def test_a_reading_that_fails_is_not_tried_once_per_endpoint(bench: Bench, cluster: Cluster) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline", lose="before"))
    assert [await cluster.referrers(f"e{number}") for number in range(20)] == [Referrers(None, ())] * 20
    assert bench.counts == {"GET /_ingest/pipeline": 1, "GET /_index_template": 1}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/_ingest/pipeline", "[]", id="no object of pipelines"),
        pytest.param("/_index_template", "{}", id="no list of templates"),
        pytest.param("/_index_template", '{"index_templates":["t"]}', id="a template that is none"),
        pytest.param("/_component_template", '{"component_templates":[{}]}', id="a template without a name"),
    ],
)
async def test_an_answer_of_another_shape_is_malformed_and_never_nobody(
    bench: Bench, cluster: Cluster, path: str, body: str
) -> None:
    answer = Answer(200, body, (("X-elastic-product", "Elasticsearch"), ("Content-Type", "application/json")))
    bench.standin.faults.add(Fault(path=path, answer=answer))
    failure = await cluster.users("a")
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED


# --- privileges -------------------------------------------------------------------------------------------------------


def may(*privileges: str) -> Bench:
    roles = {"operator": Role(("manage_inference", *privileges))}
    return Bench(security=Security(users={"operator": User("pw", roles=("operator",)), "elastic": User("pw")}, roles=roles))


async def test_what_may_not_be_read_is_left_to_the_server_and_told_once() -> None:
    bench = may()
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        await cluster.create(openai(), 30)
        with capture_logs() as logs:
            for _ in range(3):
                cluster.invalidate()
                assert await cluster.referrers("a") == Referrers(None, None)
                assert await cluster.users("a") == Usage()
    assert [(entry["operation"], entry["privilege"]) for entry in logs] == [
        ("ingest.list", "read_pipeline"),
        ("index_template.list", "monitor"),
        ("component_template.list", "monitor"),
    ]


async def test_monitor_is_enough_for_templates_and_read_pipeline_for_pipelines() -> None:
    bench = may("monitor")
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        assert await cluster.referrers("a") == Referrers(None, ())
    bench = may("read_pipeline")
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        assert await cluster.referrers("a") == Referrers((), None)
