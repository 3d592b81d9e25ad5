"""What a scrape says of a story that the test knows, and that the number of objects adds nothing to it."""

from __future__ import annotations

import asyncio

import pytest

from inference_operator.elasticsearch.traffic import Exchange, Unsent
from inference_operator.shell.metrics.census import CONDITION_TYPES
from inference_operator.shell.metrics.definitions import LABELS, METRICS, PROCESS
from inference_operator.shell.metrics.scrape import Metrics
from tests.fake_kubernetes import Verb
from tests.fake_kubernetes_requests import Moment, Request
from tests.machine.probing import HOUR, PROBE
from tests.machine.world import CANARY, NAMESPACE, openai
from tests.shell.metrics_story import ELSER, MeasuredWorld, measured, read, tell
from tests.standin import Fault, Pace
from tests.virtual_clock import VirtualClock

ENDPOINT, PIPELINE = "InferenceEndpoint", "IngestPipeline"
CLUSTER = "http://standin:9200"


# --- events -----------------------------------------------------------------------------------------------------------


async def test_a_new_endpoint_is_ready_once_and_a_resync_is_one_more_pass() -> None:
    async with measured() as world:
        world.apply("a")
        await world.rest()
        told = world.scrape()
        passes = told.value("reconciles_total", kind=ENDPOINT, result="done", reason="Available")
        assert passes is not None
        assert (told.all("reconciles_total"), told.value("reconcile_duration_seconds_count", kind=ENDPOINT)) == (passes, passes)
        assert told.value("time_to_first_ready_seconds_count", kind=ENDPOINT) == 1
        assert told.value("elasticsearch_requests_total", cluster=CLUSTER, operation="inference.put", status="2xx") == 1
        assert told.all("elasticsearch_requests_total") == len(world.standin.log)
        assert told.all("elasticsearch_request_duration_seconds_count") == len(world.standin.log)
        await world.resync()
        assert world.scrape().all("reconciles_total", result="done") == passes + 1


async def test_a_first_ready_is_counted_once_and_from_the_creation_on() -> None:
    async with measured(pace=Pace(deployment=90.0)) as world:
        key = world.apply("model", ELSER)
        await world.rest()
        await world.clock.advance(100)
        assert world.condition(key) == ("True", "Available")
        world.standin.fail_deployment("model", "node left the cluster")
        await world.resync()
        assert world.condition(key) == ("False", "ModelFailed")
        world.standin.fail_deployment("model", None)
        await world.resync()
        assert world.condition(key) == ("True", "Available")
        told = world.scrape()
        assert told.value("time_to_first_ready_seconds_count", kind=ENDPOINT) == 1
        assert told.value("time_to_first_ready_seconds_bucket", kind=ENDPOINT, le="60.0") == 0
        assert told.value("time_to_first_ready_seconds_bucket", kind=ENDPOINT, le="120.0") == 1


async def test_an_object_that_was_ready_before_the_operator_began_is_not_ready_for_the_first_time() -> None:
    async with measured() as world:
        world.apply("a")
        await world.rest()
        await world.restart()
        world.standin.reachable = False
        await world.resync()
        world.standin.reachable = True
        await world.resync()
        assert world.scrape().all("time_to_first_ready_seconds_count") == 0


async def test_objects_that_go_before_they_were_ready_are_not_remembered() -> None:
    async with measured() as world:
        key = world.apply("refused", {"service": "nobody-offers-this"})
        await world.rest()
        world.scrape()
        assert len(world.metrics.meter.first_ready) == 1
        world.kubernetes.delete(key)
        await world.rest()
        world.scrape()
        assert len(world.metrics.meter.first_ready) == 0


async def test_a_repair_is_counted_and_drift_is_while_it_lasts() -> None:
    async with measured() as world:
        detected = world.apply("a", {"driftPolicy": "Detect"})
        corrected = world.apply("b")
        await world.rest()
        for name in "ab":
            body = {"service_settings": {"api_key": CANARY, "rate_limit": {"requests_per_minute": 7}}}
            await world.ask("PUT", f"/_inference/text_embedding/{name}/_update", body)
        for key in (detected, corrected):
            wanted = openai(rate_limit={"requests_per_minute": 500})["serviceSettings"]
            world.kubernetes.edit_spec(key, {"serviceSettings": wanted})
        await world.rest()
        assert world.scrape().value("objects_drifted", kind=ENDPOINT) == 0
        for name in "ab":
            body = {"service_settings": {"api_key": CANARY, "rate_limit": {"requests_per_minute": 7}}}
            await world.ask("PUT", f"/_inference/text_embedding/{name}/_update", body)
        await world.resync()
        told = world.scrape()
        assert told.value("objects_drifted", kind=ENDPOINT) == 1
        assert told.value("drift_repairs_total", kind=ENDPOINT) == 1
        assert told.value("object_conditions", kind=ENDPOINT, condition="Drifted", status="True") == 1


async def test_a_failure_is_counted_with_its_reason_its_retries_and_the_breaker() -> None:
    async with measured() as world:
        world.apply("a")
        await world.rest()
        assert world.scrape().value("elasticsearch_breaker_open", cluster=CLUSTER) == 0
        world.standin.reachable = False
        world.apply("b")
        await world.rest()
        told = world.scrape()
        passes = told.value("reconciles_total", kind=ENDPOINT, result="retry", reason="Unreachable")
        assert passes is not None
        assert passes > 1
        assert told.value("queue_retries_total") == passes
        assert told.value("queue_failing") == 1
        assert told.value("queue_delayed") == 1
        assert told.value("queue_depth") == 0
        assert told.value("elasticsearch_breaker_open", cluster=CLUSTER) == 1
        assert told.all("elasticsearch_requests_total", status="connect") > 0


async def test_a_probe_is_counted_by_its_outcome_and_timed_where_it_was_answered() -> None:
    async with measured() as world:
        world.apply("a", {"probe": PROBE})
        await world.rest()
        world.standin.faults.add(Fault(path="/_inference/text_embedding/a", method="POST", lose="before"))
        await world.clock.advance(HOUR)
        told = world.scrape()
        assert told.value("probes_total", outcome="Succeeded") == 1
        assert told.value("probes_total", outcome="Failed") == 1
        assert told.value("probe_duration_seconds_count") == 1


async def test_what_is_rare_begins_with_0_so_that_its_first_time_is_a_rise() -> None:
    async with measured() as world:
        told = world.scrape()
        for name, labels in (
            ("reconciles_total", {"result": "fault", "reason": "Fault"}),
            ("drift_repairs_total", {}),
            ("abandoned_total", {}),
        ):
            assert [told.value(name, kind=kind, **labels) for kind in (ENDPOINT, PIPELINE)] == [0, 0]
        assert [told.value("probes_total", outcome=outcome) for outcome in ("Succeeded", "Failed")] == [0, 0]


async def test_an_error_of_our_own_is_a_fault() -> None:
    async with measured() as world:
        world.kubernetes.interceptor = _break
        world.apply("a")
        await world.clock.settle()
        told = world.scrape()
        assert told.value("reconciles_total", kind=ENDPOINT, result="fault", reason="Fault") == 1
        assert told.value("reconcile_duration_seconds_count", kind=ENDPOINT) == 1
        assert told.value("queue_failing") == 1


async def test_a_lost_race_is_an_interruption() -> None:
    async with measured() as world:
        world.kubernetes.store.hold_events()
        key = world.apply("a")
        world.kubernetes.store.release_events()
        world.kubernetes.store.hold_events()
        world.kubernetes.annotate(key, {"team": "search"})
        await world.clock.settle()
        told = world.scrape()
        assert told.value("reconciles_total", kind=ENDPOINT, result="interrupted", reason="Conflict") == 1


def _break(request: Request, moment: Moment) -> None:
    if request.verb is Verb.PATCH:
        raise RuntimeError("something that nobody thought of")


# --- states -----------------------------------------------------------------------------------------------------------


async def test_objects_are_counted_by_every_condition_that_they_carry() -> None:
    async with measured() as world:
        world.apply("good")
        world.apply("bad", {"service": "nobody-offers-this"})
        world.apply_pipeline("pipeline", {})
        await world.rest()
        told = world.scrape()
        assert (told.value("objects", kind=ENDPOINT), told.value("objects", kind=PIPELINE)) == (2, 1)
        assert told.value("objects_unreadable", kind=ENDPOINT) == 0
        assert told.value("object_conditions", kind=ENDPOINT, condition="Ready", status="True") == 1
        assert told.value("object_conditions", kind=ENDPOINT, condition="Ready", status="False") == 1
        assert told.value("object_conditions", kind=ENDPOINT, condition="Stalled", status="True") == 1
        assert told.value("object_conditions", kind=PIPELINE, condition="Ready", status="True") == 1
        assert told.value("object_conditions", kind=PIPELINE, condition="Stalled", status="True") == 0


async def test_those_that_are_not_ready_are_counted_by_their_reason_and_the_oldest_tells_since_when() -> None:
    async with measured() as world:
        world.apply("good")
        world.apply("bad", {"service": "nobody-offers-this"})
        await world.rest()
        await world.clock.advance(300)
        world.apply("worse", {"service": "nobody-offers-this"})
        await world.rest()
        before = world.scrape()
        await world.clock.advance(60)
        told = world.scrape()
        assert told.value("objects_not_ready", kind=ENDPOINT, reason="UnknownService") == 2
        assert told.all("objects_not_ready") == 2
        stalled = {"kind": ENDPOINT, "condition": "Stalled", "status": "True"}
        for name, labels in (
            ("objects_not_ready_oldest_seconds", {"kind": ENDPOINT, "reason": "UnknownService"}),
            ("object_conditions_oldest_seconds", stalled),
        ):
            age = before.value(name, **labels)
            assert age is not None
            assert age >= 300
            assert told.value(name, **labels) == age + 60
        assert told.all("objects_not_ready_oldest_seconds") == told.value(
            "objects_not_ready_oldest_seconds", kind=ENDPOINT, reason="UnknownService"
        )
        assert told.value("object_conditions_oldest_seconds", kind=PIPELINE, condition="Stalled", status="True") == 0


@pytest.mark.parametrize("time", ["yesterday", "2000-01-01T00:00:00", "9999-01-01T00:00:00Z"])
async def test_a_time_that_others_wrote_spoils_no_scrape(time: str) -> None:
    async with measured() as world:
        key = world.apply("a", {"service": "nobody-offers-this"})
        await world.rest()
        body = world.kubernetes.store.get(key)
        assert body is not None
        for condition in body["status"]["conditions"]:
            condition["lastTransitionTime"] = time
        body["metadata"]["resourceVersion"] = str(int(body["metadata"]["resourceVersion"]) + 1000)
        world.operator.intake.heard("inferenceendpoints", "MODIFIED", body)
        told = world.scrape()
        assert told.value("objects_not_ready_oldest_seconds", kind=ENDPOINT, reason="UnknownService") == 0
        assert told.value("objects_not_ready", kind=ENDPOINT, reason="UnknownService") == 1


async def test_allocations_are_summed_over_the_models() -> None:
    async with measured(pace=Pace(deployment=60.0)) as world:
        keys = [world.apply(name, ELSER) for name in ("one", "two")]
        await world.clock.advance(45)
        before = world.scrape()
        told = [deployment for key in keys if (deployment := world.status(key).deployment) is not None]
        assert before.value("model_allocations_wanted", kind=ENDPOINT) == 4
        assert before.value("model_allocations", kind=ENDPOINT) == sum(each.allocation_count or 0 for each in told) < 4
        await world.clock.advance(120)
        assert world.scrape().value("model_allocations", kind=ENDPOINT) == 4


async def test_the_leader_says_so_and_since_when_and_the_other_does_not() -> None:
    async with measured() as world:
        alone = world.scrape()
        assert (alone.value("leader"), alone.value("lease_age_seconds")) == (1, None)
        await world.compete()
        held = world.scrape()
        assert held.value("leader") == 1
        age = held.value("lease_age_seconds")
        assert age is not None
        await world.clock.advance(0.5)
        assert world.scrape().value("lease_age_seconds") == pytest.approx(age + 0.5)
    async with measured() as world:
        await world.compete(after_another=True)
        waiting = world.scrape()
        assert (waiting.value("leader"), waiting.value("lease_age_seconds")) == (0, None)


async def test_the_queue_tells_how_long_the_oldest_has_been_due() -> None:
    async with measured() as world:
        world.standin.faults.add(Fault(delay=40.0))
        for number in range(12):
            world.apply(f"e{number}")
        await world.clock.advance(7)
        told = world.scrape()
        assert (told.value("queue_working"), told.value("queue_depth")) == (8, 4)
        assert told.value("queue_oldest_due_seconds") == pytest.approx(7)


# --- bounds and secrets -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [20, pytest.param(500, marks=pytest.mark.full)])
async def test_many_objects_have_as_many_series_as_one(count: int) -> None:
    async with measured() as world:
        world.apply("a")
        world.apply_pipeline("a", {})
        await world.rest()
        few = set(world.scrape().series)
        for number in range(count):
            world.apply(f"e{number}")
            world.apply_pipeline(f"p{number}", {})
        await world.rest()
        told = world.scrape()
        assert told.value("objects", kind=ENDPOINT) == count + 1
        assert set(told.series) == few


async def test_every_condition_that_is_ever_written_is_counted() -> None:
    async with measured() as world:
        await tell(world)
        written = {
            c.type for key in world.operator.store if (known := world.operator.store.get(key)) for c in known.status.conditions
        }
        assert written <= set(CONDITION_TYPES)
        assert {"Ready", "Reconciling", "Synced", "ReferencesResolved"} <= written


async def test_a_condition_that_others_wrote_makes_no_series() -> None:
    async with measured() as world:
        key = world.apply("a")
        await world.rest()
        body = world.kubernetes.store.get(key)
        assert body is not None
        foreign = body["status"]["conditions"][0] | {"type": "MadeUpBySomebody"}
        body["status"]["conditions"].append(foreign)
        body["metadata"]["resourceVersion"] = str(int(body["metadata"]["resourceVersion"]) + 1000)
        world.operator.intake.heard("inferenceendpoints", "MODIFIED", body)
        assert "MadeUpBySomebody" not in world.scrape().text


def test_no_path_of_an_address_is_told() -> None:
    metrics = Metrics(VirtualClock())
    metrics.meter.exchanged(Exchange(f"https://one:9200/{CANARY}", "info", "2xx", 0.1))
    metrics.meter.unsent(f"https://one:9200/{CANARY}", Unsent.BUDGET)
    text = metrics.scrape()[0].decode()
    assert CANARY not in text
    assert read(text).value("elasticsearch_requests_unsent_total", cluster="https://one:9200", cause="budget") == 1


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
async def test_no_secret_and_no_name_of_an_object_is_in_a_scrape(accept: str) -> None:
    async with MeasuredWorld() as world:
        world.put_key()
        await world.start()
        world.put_connection(username="elastic", password=CANARY)
        await tell(world)
        body, content_type = world.metrics.scrape(accept)
        assert content_type.startswith(accept.partition(";")[0] or "text/plain")
        assert CANARY not in body.decode()
        said = {value for _, labels in world.scrape().series for _, value in labels}
        assert {ENDPOINT, PIPELINE, CLUSTER} < said
        assert said.isdisjoint({NAMESPACE, "going", "a", "model", "refused", "pipeline", "abandoned", "nobody-offers-this"})


# --- the definitions --------------------------------------------------------------------------------------------------


def test_every_label_is_explained_and_every_explanation_used() -> None:
    assert {label for metric in METRICS for label in metric.labels} == set(LABELS)


def test_names_are_unique_and_of_the_form_that_prometheus_wants() -> None:
    names = [metric.name for metric in (*METRICS, *PROCESS)]
    assert len(set(names)) == len(names)
    assert all(metric.name.endswith("_total") == (metric.type == "counter") for metric in (*METRICS, *PROCESS))
    assert all(bool(metric.buckets) == (metric.type == "histogram") for metric in METRICS)
    assert all(list(metric.buckets) == sorted(set(metric.buckets)) for metric in METRICS)


async def test_a_scrape_asks_nobody_and_changes_nothing() -> None:
    async with measured() as world:
        world.apply("a")
        await world.rest()
        world.forget_requests()
        assert world.scrape().series.keys() == world.scrape().series.keys()
        await asyncio.sleep(0)
        assert (len(world.standin.log), len(world.kubernetes.requests)) == (0, 0)
