"""Pipelines against the stand-in: what each question and each write means, and how many requests it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline
from inference_operator.core.values import ABSENT
from inference_operator.elasticsearch.cluster import Cluster, pipeline_usage_of
from tests.elasticsearch.pipeline_bodies import SET, STAMP, answer, foreign, observed, pipeline
from tests.elasticsearch.virtual_stand_in import Bench
from tests.standin import Answer, Fault

LIST = "GET /_ingest/pipeline"
ONE = "GET /_ingest/pipeline/p"
VERSIONS = ["8.17.0", "8.19.0", "9.2.0", "9.5.0"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        yield cluster


# --- one pipeline -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_pipeline_lives_on_every_version(version: str) -> None:
    bench = Bench(version)
    async with bench.cluster() as cluster:
        assert await cluster.pipelines.look("p") is ABSENT
        assert await cluster.pipelines.peek("p") is ABSENT
        desired = pipeline(description="d", version=3, on_failure=[SET], _meta={"team": "search"}, deprecated=True)
        assert await cluster.pipelines.put(desired, STAMP) is None
        assert await cluster.pipelines.look("p") == observed(desired)
        changed = pipeline("p", {"drop": {}})
        assert await cluster.pipelines.put(changed, STAMP) is None
        assert await cluster.pipelines.look("p") == observed(changed)
        assert await cluster.pipelines.delete("p") is ABSENT
        assert await cluster.pipelines.look("p") is ABSENT
        assert await cluster.pipelines.delete("p") is ABSENT


async def test_the_mark_is_sent_and_dates_never_are(bench: Bench, cluster: Cluster) -> None:
    bench.standin.log.keep_bodies = True
    await cluster.pipelines.put(pipeline(_meta={"team": "search"}), STAMP)

    (entry,) = bench.standin.log
    assert (entry.method, entry.path, entry.query) == ("PUT", "/_ingest/pipeline/p", {})
    sent = json.loads(entry.body or b"")
    assert sent == {"processors": [SET], "_meta": {"team": "search", OWNER_KEY: STAMP.document}}


async def test_what_was_read_can_be_sent_again(bench: Bench, cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline(), STAMP)
    found = await cluster.pipelines.look("p")
    assert isinstance(found, ObservedPipeline)
    assert await cluster.pipelines.put(DesiredPipeline("p", {**found.body, "description": "d"}), STAMP) is None


async def test_any_number_of_pipelines_costs_one_request_a_round(bench: Bench, cluster: Cluster) -> None:
    for number in range(3):
        await cluster.pipelines.put(pipeline(f"p{number}"), STAMP)
    bench.standin.log.clear()
    for _ in range(3):
        cluster.invalidate()
        found = await asyncio.gather(*(cluster.pipelines.peek(f"p{number}") for number in range(100)))
        assert found[:4] == [*(observed(pipeline(f"p{number}")) for number in range(3)), ABSENT]
    assert bench.counts == {LIST: 3}


async def test_an_empty_cluster_has_no_pipelines_and_says_so_once(bench: Bench, cluster: Cluster) -> None:
    assert [await cluster.pipelines.peek(name) for name in "abc"] == [ABSENT] * 3
    assert bench.counts == {LIST: 1}


async def test_a_write_is_known_without_a_reading(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.pipelines.peek("p") is ABSENT
    await cluster.pipelines.put(pipeline(), STAMP)
    assert await cluster.pipelines.peek("p") == observed(pipeline())
    await cluster.pipelines.delete("p")
    assert await cluster.pipelines.peek("p") is ABSENT
    assert bench.counts == {LIST: 1, "PUT /_ingest/pipeline/p": 1, "DELETE /_ingest/pipeline/p": 1}


async def test_a_foreign_edit_after_our_write_is_seen_by_a_look(bench: Bench, cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline(), STAMP)
    await foreign(bench, "PUT", "/_ingest/pipeline/p", {"processors": [], "_meta": {"managed": True}})
    assert await cluster.pipelines.look("p") == ObservedPipeline("p", {"processors": [], "_meta": {"managed": True}}, None)


@pytest.mark.parametrize("lose", ["before", "after"])
async def test_a_lost_write_is_looked_up(bench: Bench, cluster: Cluster, lose: str) -> None:
    assert await cluster.pipelines.peek("p") is ABSENT
    bench.standin.faults.add(Fault(method="PUT", lose=lose, times=1))  # type: ignore[arg-type]
    failure = await cluster.pipelines.put(pipeline(), STAMP)
    assert isinstance(failure, TransportFailure)
    assert await cluster.pipelines.peek("p") == (ABSENT if lose == "before" else observed(pipeline()))
    assert bench.counts[ONE] == 1


async def test_a_lost_deletion_is_looked_up(bench: Bench, cluster: Cluster) -> None:
    await cluster.pipelines.put(pipeline(), STAMP)
    bench.standin.faults.add(Fault(method="DELETE", lose="after", times=1))
    assert isinstance(await cluster.pipelines.delete("p"), TransportFailure)
    assert await cluster.pipelines.peek("p") is ABSENT
    assert bench.counts[ONE] == 1


async def test_a_write_that_is_not_acknowledged_is_no_write_and_no_absence_of_one(bench: Bench, cluster: Cluster) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline/p", answer=answer('{"acknowledged":false}')))
    for failure in (await cluster.pipelines.put(pipeline(), STAMP), await cluster.pipelines.delete("p")):
        assert isinstance(failure, TransportFailure)
        assert (failure.kind, failure.sent) == (TransportKind.GARBLED, True)


@pytest.mark.parametrize("body", ["[]", '{"other":{"processors":[]}}', '{"p":[]}'])
async def test_an_answer_of_another_shape_is_never_absence(bench: Bench, cluster: Cluster, body: str) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline/p", answer=answer(body)))
    failure = await cluster.pipelines.look("p")
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED


async def test_a_page_of_a_proxy_is_never_absence(bench: Bench, cluster: Cluster) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline/p", answer=Answer(404, "not found", (("Content-Type", "text/html"),))))
    assert isinstance(await cluster.pipelines.look("p"), TransportFailure)


async def test_a_refused_body_is_a_failure_in_the_words_of_the_server(cluster: Cluster) -> None:
    failure = await cluster.pipelines.put(pipeline("p", {"no_such": {}}), STAMP)
    assert isinstance(failure, HttpFailure)
    assert (failure.status, failure.type) == (400, "parse_exception")
    assert "No processor type exists with name [no_such]" in failure.reason


@pytest.mark.parametrize("name", ["", "a,b", "a*", "_all", "_simulate"])
async def test_what_names_several_pipelines_or_none_never_gets_into_a_url(bench: Bench, cluster: Cluster, name: str) -> None:
    for asking in (cluster.pipelines.delete(name), cluster.pipelines.put(pipeline(name), STAMP)):
        with pytest.raises(ValueError, match="is not a single id"):
            await asking
    assert await cluster.pipelines.model_exists(name) is False
    assert bench.counts == {}
    assert await cluster.pipelines.look(name) is ABSENT
    assert bench.counts == {"GET /_ingest/pipeline": 1}


@pytest.mark.parametrize("name", ["logs-nginx.access@custom", "A+b", ".p", "a..b", "x_y"])
async def test_every_id_that_a_spec_may_have_reaches_its_pipeline(cluster: Cluster, name: str) -> None:
    assert await cluster.pipelines.put(pipeline(name), STAMP) is None
    assert await cluster.pipelines.look(name) == observed(pipeline(name))
    cluster.invalidate()
    assert await cluster.pipelines.peek(name) == observed(pipeline(name))


# --- simulate ---------------------------------------------------------------------------------------------------------


async def test_a_pipeline_is_tried_before_it_is_written(bench: Bench, cluster: Cluster) -> None:
    body = {"processors": [{"drop": {"if": "ctx.gone == true"}}, {"rename": {"field": "a", "target_field": "b"}}]}
    docs = [{"_id": "1", "_source": {"a": 1}}, {"_source": {"gone": True}}, {"_source": {}}]

    results = await cluster.pipelines.simulate(body, docs)

    assert isinstance(results, tuple)
    kept, dropped, failed = results
    assert (kept["doc"]["_id"], kept["doc"]["_source"]) == ("1", {"b": 1})
    assert dropped is None
    assert failed["error"]["reason"] == "field [a] doesn't exist"
    assert bench.counts == {"POST /_ingest/pipeline/_simulate": 1}


async def test_a_body_that_the_server_does_not_take_is_a_failure_of_the_trial(cluster: Cluster) -> None:
    failure = await cluster.pipelines.simulate({"processors": [{"no_such": {}}]}, [{"_source": {}}])
    assert isinstance(failure, HttpFailure)
    assert failure.status == 400


async def test_nothing_to_try_asks_nobody(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.pipelines.simulate({"processors": []}, []) == ()
    assert bench.counts == {}


@pytest.mark.parametrize("body", ['{"docs":[]}', '{"docs":{}}', "{}"])
async def test_a_trial_without_a_result_for_each_document_is_malformed(bench: Bench, cluster: Cluster, body: str) -> None:
    bench.standin.faults.add(Fault(path="/_ingest/pipeline/_simulate", answer=answer(body)))
    failure = await cluster.pipelines.simulate({"processors": []}, [{"_source": {}}])
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED


# --- file settings ----------------------------------------------------------------------------------------------------


async def test_what_file_settings_own_is_refused_in_words_that_can_be_told(bench: Bench, cluster: Cluster) -> None:
    bench.standin.apply_file_settings({"p": {"processors": []}})
    refusals = (await cluster.pipelines.put(pipeline(), STAMP), await cluster.pipelines.delete("p"))
    for failure in refusals:
        assert isinstance(failure, HttpFailure)
        assert failure.status == 400
        assert "set as read-only by [file_settings]" in failure.reason
        assert pipeline_usage_of(failure) is None
    assert await cluster.pipelines.look("p") == ObservedPipeline("p", {"processors": []})
