"""The cluster against the stand-in: what each question and each write means, and how many requests it costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import ABSENT, Absent, Deployment, ObservedEndpoint, Sealed, Server, Usage
from inference_operator.elasticsearch.cluster import Cluster, usage_of
from inference_operator.elasticsearch.connection import ApiKey, BasicAuth
from tests.elasticsearch.virtual_stand_in import CANARY, Bench, elser, openai
from tests.standin import Answer, Fault, Role, Security, StandInTransport, User
from tests.standin.state import Cluster as StandInCluster

LIST = "GET /_inference/_all"
STATS = "GET /_ml/trained_models/_all/_stats"
VERSIONS = ["8.17.0", "8.18.0", "8.19.0", "9.0.0", "9.1.0", "9.2.0", "9.5.0"]


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
async def cluster(bench: Bench) -> AsyncIterator[Cluster]:
    async with bench.cluster() as cluster:
        yield cluster


async def refer(bench: Bench, inference_id: str) -> None:
    """Let a pipeline and an index use an endpoint."""
    pipeline = {
        "processors": [
            {"inference": {"model_id": inference_id, "input_output": [{"input_field": "text", "output_field": "vector"}]}}
        ]
    }
    mapping = {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": inference_id}}}}
    async with httpx.AsyncClient(transport=StandInTransport(bench.standin), base_url="http://standin") as user:
        for path, body in (("/_ingest/pipeline/p1", pipeline), ("/i1", mapping)):
            (await user.put(path, json=body)).raise_for_status()


def observed(result: object) -> ObservedEndpoint:
    assert isinstance(result, ObservedEndpoint), result
    return result


# --- the server -------------------------------------------------------------------------------------------------------


async def test_server_is_asked_once_until_the_next_round(bench: Bench, cluster: Cluster) -> None:
    servers = await asyncio.gather(*(cluster.server() for _ in range(50)))
    assert set(servers) == {Server("http://standin:9200", bench.standin.state.cluster.uuid, "9.5.0")}
    assert bench.counts == {"GET /": 1}
    cluster.invalidate()
    await cluster.server()
    assert bench.counts == {"GET /": 2}


async def test_server_that_has_not_formed_yet_has_no_uuid() -> None:
    bench = Bench(cluster=StandInCluster(uuid="_na_"))
    async with bench.cluster() as cluster:
        assert await cluster.server() == Server("http://standin:9200", None, "9.5.0")


INFERENCE_ONLY = Security(
    users={"operator": User("pw", roles=("inference_only",))},
    roles={"inference_only": Role(cluster=("manage_inference",))},
)


async def test_a_user_who_may_not_read_the_server_can_work_all_the_same() -> None:
    bench = Bench(security=INFERENCE_ONLY)
    async with bench.cluster(BasicAuth("operator", "pw")) as cluster:
        assert await cluster.server() == Server("http://standin:9200", None, None)
        assert observed(await cluster.create(openai(), 30)).inference_id == "a"
        refused = await cluster.deployment("a")
    assert isinstance(refused, HttpFailure)
    assert (refused.status, refused.type) == (403, "security_exception")


@pytest.mark.parametrize("credentials", [None, BasicAuth("operator", "wrong"), ApiKey("d3Jvbmc6d3Jvbmc=")])
async def test_credentials_that_are_not_accepted_are_a_failure(credentials: BasicAuth | ApiKey | None) -> None:
    bench = Bench(security=INFERENCE_ONLY)
    async with bench.cluster(credentials) as cluster:
        for answer in (await cluster.server(), await cluster.peek("a"), await cluster.create(openai(), 30)):
            assert isinstance(answer, HttpFailure)
            assert (answer.status, answer.type) == (401, "security_exception")


async def test_another_cluster_behind_the_same_address_is_read_anew(bench: Bench, cluster: Cluster) -> None:
    await cluster.server()
    await cluster.create(openai(), 30)
    bench.standin.replace_cluster("another-uuid")
    assert isinstance(await cluster.peek("a"), ObservedEndpoint)  # nobody asked for the server yet
    assert await cluster.server(max_age=0) == Server("http://standin:9200", "another-uuid", "9.5.0")
    assert await cluster.peek("a") is ABSENT


# --- endpoints --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_every_request_is_understood_by_every_version(version: str) -> None:
    bench = Bench(version)
    async with bench.cluster() as cluster:
        created = observed(await cluster.create(openai(), 30))
        assert created.service_settings["model_id"] == "text-embedding-3-small"
        assert await cluster.look("a") == created
        faster = openai(service_settings={**openai().service_settings, "rate_limit": {"requests_per_minute": 9}})
        paths = [("serviceSettings", "rate_limit", "requests_per_minute")]
        updated = observed(await cluster.update(faster, paths, 30))
        taken = await cluster.validate(openai(), 30)
        assert isinstance(taken, HttpFailure)
        assert taken.type == "resource_already_exists_exception"
        assert await cluster.dry_run("a") == Usage()
        assert isinstance(await cluster.deployment("a"), Deployment | None)
        assert isinstance(await cluster.server(), Server)
        assert await cluster.peek("a") == updated
        assert await cluster.delete("a") == Usage()
        assert await cluster.look("a") is ABSENT
    assert bench.standin.endpoints.keys() & {"a"} == set()


async def test_timeouts_reach_a_server_that_knows_them(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 45)
    await cluster.update(openai(), [], 1.5)
    assert [dict(entry.query) for entry in bench.standin.log.writes] == [{"timeout": "45s"}, {"timeout": "1500ms"}]


async def test_peeking_at_any_number_of_endpoints_costs_one_request(bench: Bench, cluster: Cluster) -> None:
    for number in range(5):
        await cluster.create(openai(f"e{number}"), 30)
    cluster.invalidate()
    bench.standin.log.clear()
    found = await asyncio.gather(*(cluster.peek(f"e{number}") for number in range(200)))
    assert [isinstance(each, ObservedEndpoint) for each in found] == [True] * 5 + [False] * 195
    assert bench.counts == {LIST: 1}


async def test_own_writes_are_known_without_another_request(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.peek("a") is ABSENT
    created = observed(await cluster.create(openai(), 30))
    assert await cluster.peek("a") == created
    await cluster.delete("a")
    assert await cluster.peek("a") is ABSENT
    assert bench.counts == {LIST: 1, "GET /": 1, "PUT /_inference/text_embedding/a": 1, "DELETE /_inference/a": 1}


async def test_a_look_sees_what_others_did_and_the_next_peek_knows(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 30)
    stored = bench.standin.endpoints["a"]
    changed = replace(stored, service_settings={**stored.service_settings, "model_id": "foreign"})
    bench.standin.change(lambda state: state.with_endpoint(changed))
    assert observed(await cluster.peek("a")).service_settings["model_id"] != "foreign"
    assert observed(await cluster.look("a")).service_settings["model_id"] == "foreign"
    assert observed(await cluster.peek("a")).service_settings["model_id"] == "foreign"


async def test_secrets_go_with_every_update(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 30)
    rotated = openai(service_settings={**openai().service_settings, "api_key": Sealed("openai", "api-key", "rotated")})
    bench.standin.log.keep_bodies = True
    observed(await cluster.update(rotated, [], 30))
    entry = bench.standin.log.writes[-1]
    assert json.loads(entry.body or b"") == {"service_settings": {"api_key": "rotated"}}
    assert bench.standin.endpoints["a"].secrets["api_key"] == "rotated"


async def test_an_update_that_can_say_nothing_reads_instead_of_sending_nothing(bench: Bench, cluster: Cluster) -> None:
    created = observed(await cluster.create(elser(), 30))
    assert await cluster.update(elser(), [("serviceSettings", "gone")], 30) == created
    assert len(bench.standin.log.writes) == 1
    missing = await cluster.update(elser("missing"), [], 30)
    assert isinstance(missing, HttpFailure)
    assert (missing.status, missing.type) == (404, "resource_not_found_exception")


async def test_an_update_of_what_is_gone_is_a_failure(cluster: Cluster) -> None:
    failure = await cluster.update(openai(), [], 30)
    assert isinstance(failure, HttpFailure)
    assert failure.status == 404


async def test_validate_tells_good_settings_from_bad_ones(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 30)
    before = bench.standin.endpoints["a"]
    good = await cluster.validate(openai(), 30)
    bench.standin.refuse_key(CANARY)
    bad = await cluster.validate(openai(), 30)
    assert isinstance(good, HttpFailure)
    assert isinstance(bad, HttpFailure)
    assert good.type == "resource_already_exists_exception"
    assert bad.type == "status_exception"
    assert any("401" in cause for cause in bad.caused_by)
    assert bench.standin.endpoints["a"] == before


async def test_validate_of_what_had_gone_meanwhile_says_that_it_was_created(bench: Bench, cluster: Cluster) -> None:
    created = observed(await cluster.validate(openai(), 30))
    assert await cluster.peek("a") == created
    assert "a" in bench.standin.endpoints


async def test_a_delete_that_is_refused_names_who_refers(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 30)
    await refer(bench, "a")
    asked = await cluster.dry_run("a")
    assert isinstance(asked, Usage)
    assert (asked.pipelines, asked.indices) == (("p1",), ("i1",))
    refused = await cluster.delete("a")
    assert isinstance(refused, HttpFailure)
    assert refused.status == 409
    told = usage_of(refused)
    assert told is not None
    assert (told.pipelines, told.indices) == (("p1",), ("i1",))
    assert isinstance(await cluster.look("a"), ObservedEndpoint)
    forced = await cluster.delete("a", force=True)
    assert isinstance(forced, Usage)
    assert "a" not in bench.standin.endpoints


async def test_deleting_or_asking_about_what_is_gone_is_no_failure(cluster: Cluster) -> None:
    assert await cluster.delete("a") is ABSENT
    assert await cluster.delete("a", force=True) is ABSENT
    assert await cluster.dry_run("a") is ABSENT


# --- lost and foreign answers -----------------------------------------------------------------------------------------


async def test_a_create_whose_answer_was_lost_is_found_by_the_next_peek(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.peek("a") is ABSENT
    bench.standin.faults.add(Fault(method="PUT", lose="after", times=1))
    lost = await cluster.create(openai(), 30)
    assert isinstance(lost, TransportFailure)
    assert (lost.kind, lost.sent) == (TransportKind.RESET, True)
    assert isinstance(await cluster.peek("a"), ObservedEndpoint)
    assert bench.counts[LIST] == 1


async def test_a_delete_whose_answer_was_lost_is_found_by_the_next_peek(bench: Bench, cluster: Cluster) -> None:
    await cluster.create(openai(), 30)
    bench.standin.faults.add(Fault(method="DELETE", lose="half", times=1))
    assert isinstance(await cluster.delete("a"), TransportFailure)
    assert await cluster.peek("a") is ABSENT


async def test_a_cancelled_create_leaves_its_id_unknown(bench: Bench, cluster: Cluster) -> None:
    assert await cluster.peek("a") is ABSENT
    await cluster.server()
    bench.standin.faults.add(Fault(method="PUT", delay=5, times=1))
    creating = asyncio.create_task(cluster.create(openai(), 30))
    await bench.clock.advance(1)
    creating.cancel()
    await bench.clock.advance(10)
    assert creating.cancelled()
    assert isinstance(await cluster.peek("a"), ObservedEndpoint)


FOREIGN = [
    pytest.param(Answer(404, "<html>", (("Content-Type", "text/html"),)), id="a proxy's 404 page"),
    pytest.param(
        Answer(
            404,
            '{"error":{"root_cause":[],"type":"resource_not_found_exception","reason":"not found"},"status":404}',
            (("Content-Type", "application/json"),),
        ),
        id="a 404 like Elasticsearch's without its header",
    ),
    pytest.param(Answer(200, "", (("X-elastic-product", "Elasticsearch"),)), id="nothing"),
    pytest.param(Answer(200, '{"endpoints":[]}', (("X-elastic-product", "Elasticsearch"),)), id="an empty list"),
]


@pytest.mark.parametrize("answer", FOREIGN)
@pytest.mark.parametrize(
    "ask",
    [lambda cluster: cluster.look("a"), lambda cluster: cluster.dry_run("a"), lambda cluster: cluster.delete("a")],
    ids=["look", "dry run", "delete"],
)
async def test_a_foreign_answer_never_looks_like_absence(
    bench: Bench, cluster: Cluster, answer: Answer, ask: Callable[[Cluster], Awaitable[object]]
) -> None:
    await cluster.create(openai(), 30)
    bench.standin.faults.add(Fault(path="/_inference/a", answer=answer, times=1))
    failure = await ask(cluster)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED
    assert isinstance(await cluster.peek("a"), ObservedEndpoint)


async def test_one_endpoint_that_can_not_be_loaded_does_not_blind_the_others(bench: Bench, cluster: Cluster) -> None:
    for number in range(8):
        await cluster.create(openai(f"e{number}"), 30)
    cluster.invalidate()
    bench.standin.log.clear()
    body = '{"error":{"root_cause":[],"type":"illegal_state_exception","reason":"Failed to load"},"status":500}'
    broken = Answer(500, body, (("X-elastic-product", "Elasticsearch"),))
    bench.standin.faults.add(Fault(path="/_inference/_all", answer=broken))
    bench.standin.faults.add(Fault(path="/_inference/e3", answer=broken))
    found = await asyncio.gather(*(cluster.peek(f"e{number}") for number in range(9)))
    assert [type(each) for each in found] == [ObservedEndpoint] * 3 + [HttpFailure] + [ObservedEndpoint] * 4 + [Absent]
    assert bench.counts[LIST] == 1


async def test_no_secret_in_what_comes_back(bench: Bench, cluster: Cluster) -> None:
    misspelt = openai(service_settings={**openai().service_settings, "api_kei": Sealed("openai", "api-key", CANARY)})
    answers: list[Any] = [await cluster.create(misspelt, 30), await cluster.create(openai(), 30)]
    assert isinstance(answers[0], HttpFailure)
    assert CANARY in answers[0].reason  # the server quotes it: whoever shows a reason must scrub it
    bench.standin.reachable = False
    answers.append(await cluster.create(openai("b"), 30))
    assert CANARY not in repr(answers)


# --- the end ------------------------------------------------------------------------------------------------------------


async def test_closing_answers_who_waits_and_takes_no_more(bench: Bench) -> None:
    async with bench.cluster() as cluster:
        bench.standin.faults.add(Fault(path="/_inference/_all", delay=3600))
        waiting = asyncio.create_task(cluster.peek("a"))
        await bench.clock.settle()
    told = await waiting
    late = await cluster.look("a")
    assert isinstance(told, TransportFailure)
    assert isinstance(late, TransportFailure)
    assert not late.sent
