"""Whether a trained model, an alias or a deployment is there, and what it costs to know."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inference_operator.core.failure import HttpFailure
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import BasicAuth
from tests.elasticsearch.pipeline_bodies import answer
from tests.elasticsearch.virtual_stand_in import Bench, elser, openai
from tests.standin import Fault, Role, Security, User


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        yield cluster


# --- models -----------------------------------------------------------------------------------------------------------

STATS = "GET /_ml/trained_models/_all/_stats"


async def test_models_and_deployments_are_found_with_one_request(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(elser("deployed"), 30)
    await cluster.create(openai("endpoint"), 30)
    bench.standin.log.clear()
    for _ in range(3):
        assert await cluster.pipelines.model_exists(".elser_model_2") is True
        assert await cluster.pipelines.model_exists("deployed") is True
    assert bench.counts == {STATS: 1}


async def test_a_model_that_is_missing_is_asked_for_by_name_each_time(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.pipelines.model_exists("none") is False
    assert await cluster.pipelines.model_exists("none") is False
    assert bench.counts == {STATS: 1, "GET /_ml/trained_models/none/_stats": 2}


async def test_an_alias_is_found_by_a_question_of_its_own_once_a_round(bench: Bench, cluster: Cluster) -> None:
    found = answer('{"count":1,"trained_model_stats":[{"model_id":"m-2026"}]}')
    bench.standin.faults.add(Fault(path="/_ml/trained_models/alias/_stats", answer=found))
    assert [await cluster.pipelines.model_exists("alias") for _ in range(3)] == [True] * 3
    assert bench.counts == {STATS: 1, "GET /_ml/trained_models/alias/_stats": 1}


async def test_without_the_privilege_it_can_t_be_told() -> None:
    roles = {"operator": Role(("manage_pipeline",))}
    bench = Bench(security=Security(users={"operator": User("pw", roles=("operator",))}, roles=roles))
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        failure = await cluster.pipelines.model_exists("m")
    assert isinstance(failure, HttpFailure)
    assert failure.status == 403
