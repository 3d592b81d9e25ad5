"""Traces, as a collector receives them: what belongs to what, what is left out, and that nobody waits for the collector."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import Tracer as SdkTracer
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from structlog.testing import capture_logs

from inference_operator.core.tracing import Tracer
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.connection import ApiKey, Connection
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.traffic import Witnesses
from inference_operator.kubernetes.client import MERGE_PATCH, Request
from inference_operator.kubernetes.credentials import ConfigurationError
from inference_operator.shell.otlp import OtlpTracer
from inference_operator.shell.tracing import tracing
from tests.kubernetes.scripted_api import Answer, client_for, metadata, scripted_api
from tests.machine.collector import Collector, collecting
from tests.machine.probing import PROBE
from tests.machine.scenarios_of_pipelines import asking
from tests.machine.things import KEY
from tests.machine.world import CANARY, World
from tests.standin import Fault
from tests.virtual_clock import VirtualClock

OPERATOR = {"pod": "one", "namespace": "operators", "version": "0"}
RESOURCE = {"service.name": "inference-operator"}
READY = ("True", "Available")
PUT = "PUT /_inference/{task_type}/{inference_id}"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        yield collector


class Wire(httpx.AsyncBaseTransport):
    """Notes the headers of every request, and does what a test wants to happen."""

    def __init__(self, inner: httpx.AsyncBaseTransport, seen: list[httpx.Request], fault: Exception | None = None) -> None:
        self._inner = inner
        self._seen = seen
        self._fault = fault

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._seen.append(request)
        if self._fault is not None and request.method == "PUT":
            raise self._fault
        return await self._inner.handle_async_request(request)


def delivered(tracer: OtlpTracer) -> None:
    """Wait until all that ended has been sent."""
    thread = tracer.close()
    thread.join(60)
    assert not thread.is_alive()


def assert_whole(collector: Collector) -> None:
    """Each trace has one span without a parent, and the parents of all others arrived."""
    spans = {span.id: span for span in collector.spans}
    roots = [span for span in spans.values() if not span.parent]
    assert len({span.trace for span in roots}) == len(roots) == len({span.trace for span in spans.values()})
    assert all(spans[span.parent].trace == span.trace for span in spans.values() if span.parent)


async def test_a_pass_is_a_trace_of_its_steps_and_their_requests(collector: Collector) -> None:
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    sent: list[httpx.Request] = []
    async with World() as world:
        world.tracer = tracer
        world.intercept = lambda transport: Wire(transport, sent)
        world.put_key()
        await world.start()
        key = world.apply("a")
        world.apply_pipeline("p", {"processors": [{"inference": {"model_id": "a", "input_output": []}}]})
        await world.rest()
        assert world.condition(key) == READY
        uid = world.found(key).metadata.uid
    delivered(tracer)
    assert_whole(collector)
    spans = {span.id: span for span in collector.spans}
    assert all(not span.parent for span in spans.values() if span.name.startswith("reconcile "))
    put = collector.span(PUT)
    step = spans[put.parent]
    root = spans[step.parent]
    assert (step.name, step.attributes) == ("step Create", {"inference_operator.answer": "ObservedEndpoint"})
    assert root.name == "reconcile InferenceEndpoint"
    assert root.attributes == {
        "inference_operator.kind": "InferenceEndpoint",
        "inference_operator.namespace": "search",
        "inference_operator.name": "a",
        "inference_operator.uid": uid,
        "inference_operator.generation": 1,
        "inference_operator.priority": "edit",
        "inference_operator.result": "done",
        "inference_operator.reason": "Available",
    }
    assert next(span.name for span in spans.values() if span.parent == root.id) == "gather"
    assert put.is_call
    assert not put.failed
    assert put.attributes == {
        "db.system.name": "elasticsearch",
        "db.operation.name": "inference.put",
        "http.request.method": "PUT",
        "http.response.status_code": 200,
        "url.template": "/_inference/{task_type}/{inference_id}",
        "url.full": "http://standin:9200/_inference/text_embedding/a",
        "server.address": "standin",
        "server.port": 9200,
    }
    [wire] = (request for request in sent if request.url.path == "/_inference/text_embedding/a" and request.method == "PUT")
    assert wire.headers["traceparent"][:-2] == f"00-{put.trace}-{put.id}-"
    assert is_sampled(wire.headers)
    assert [record["traceId"] for record in world.audit if record["operation"] == "inference.put"] == [put.trace, put.trace]


async def test_no_secret_is_in_a_trace_whatever_fails(collector: Collector) -> None:
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    async with World() as world:
        world.tracer = tracer
        world.put_connection(username="elastic", password=KEY)
        world.put_key()
        world.standin.refuse_key(CANARY)
        world.standin.faults.add(Fault(method="PUT", path="/_inference/*", lose="after", times=1))
        await world.start()
        world.apply("refused")
        await world.rest()
        await world.kill()
        world.intercept = lambda transport: Wire(transport, [], ValueError(f"{CANARY} {KEY}"))
        await world.start()
        world.apply("broken")
        await world.rest()
    delivered(tracer)
    assert_whole(collector)
    kinds = {str(span.attributes["error.type"]) for span in collector.spans if span.failed}
    assert {"400", "reset", "ValueError"} <= kinds
    told = b"".join(collector.bodies)
    assert b"refused" in told
    assert [secret for secret in (CANARY, KEY) if secret.encode() in told] == []


async def test_what_outlives_its_pass_is_no_part_of_it(collector: Collector) -> None:
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    ended = asyncio.Event()

    async def later() -> None:
        await ended.wait()
        with tracer.within("nobody's", {}), tracer.request("late", {}), tracer.within("nobody's either", {}):
            pass

    with tracer.begin("one", {}):
        task = asyncio.ensure_future(later())
        with tracer.begin("another", {}), tracer.request("asked", {}):
            pass
    ended.set()
    await task
    delivered(tracer)
    spans = {span.name: span for span in collector.spans}
    assert sorted(spans) == ["another", "asked", "late", "one"]
    assert spans["asked"].parent == spans["another"].id
    assert [spans[name].parent for name in ("one", "another", "late")] == ["", "", ""]
    assert len({span.trace for span in spans.values()}) == 3


async def test_writes_to_kubernetes_are_told_in_a_trace_only(collector: Collector, tmp_path: Path) -> None:
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    path = "/apis/inference-operator.io/v1alpha1/namespaces/search/inferenceendpoints/a/status"
    patch = Request(path, "PATCH", body={"status": CANARY}, content_type=MERGE_PATCH)
    async with scripted_api() as api, client_for(api, tmp_path, tracer=tracer) as client:
        for answer in (Answer(200, metadata("a", "1")), Answer(409, {"message": CANARY}), *[Answer(200, metadata("a", "2"))] * 2):
            api.plan(path, answer)
        with tracer.begin("pass", {}):
            for _ in range(2):
                await client.ask("patch it", patch)
            await client.ask("get it", Request(path))
        await client.ask("patch it", patch)
    delivered(tracer)
    root = collector.span("pass")
    route = "/apis/inference-operator.io/v1alpha1/namespaces/{namespace}/inferenceendpoints/{name}/status"
    writes = [span for span in collector.spans if span is not root and span.parent]
    assert [(span.name, span.parent, span.attributes["http.response.status_code"], span.failed) for span in writes] == [
        (f"PATCH {route}", root.id, 200, False),
        (f"PATCH {route}", root.id, 409, True),
    ]
    assert len(collector.spans) == 3
    assert CANARY.encode() not in b"".join(collector.bodies)


async def test_a_collector_that_hangs_holds_up_neither_the_work_nor_the_end(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
    collector.answers.clear()
    async with World() as world:
        world.put_key()
        async with tracing("otlp", os.environ, VirtualClock(), OPERATOR, 0.05) as tracer:
            world.tracer = tracer
            await world.start()
            world.apply("a")
            await world.rest()
            assert await asyncio.to_thread(collector.asked.wait, 60)
            b = world.apply("b")
            await world.rest()
            assert world.condition(b) == READY
        assert not collector.answers.is_set()
        assert collector.bodies == []


async def test_a_collector_that_is_down_is_told_once_in_a_while(
    collector: Collector, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "3600000")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization {CANARY}")
    clock = VirtualClock()

    def send(tracer: OtlpTracer, status: int) -> None:
        collector.status = status
        with tracer.begin("pass", {}):
            pass
        tracer._provider.force_flush()

    with capture_logs() as logs:
        tracer = OtlpTracer(clock, RESOURCE)
        for _ in range(3):
            send(tracer, 400)
        send(tracer, 200)
        send(tracer, 200)
        send(tracer, 400)
        clock.jump(600.0)
        send(tracer, 400)
        delivered(tracer)
    assert [(entry["log_level"], entry["event"][:28]) for entry in logs] == [
        ("warning", "traces can't be delivered, a"),
        ("info", "traces are delivered again"),
        ("warning", "traces can't be delivered, a"),
    ]
    assert CANARY not in str(logs)
    assert [record.name for record in caplog.records if record.name.startswith("opentelemetry")] == []


async def test_what_the_environment_says_goes_before(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    async with tracing("otlp", os.environ, VirtualClock(), OPERATOR) as tracer:
        with tracer.begin("pass", {}):
            pass
    [resource] = collector.resources
    assert resource["service.name"] == "mine"
    assert resource["deployment.environment.name"] == "test"
    assert (resource["service.version"], resource["k8s.pod.name"]) == ("0", "one")


def is_sampled(headers: httpx.Headers) -> bool:
    """The lowest bit of the flags; the others tell how the id was made."""
    return bool(int(headers["traceparent"][-2:], 16) & 1)


async def headers_of_a_request(tracer: Tracer | None) -> httpx.Headers:
    sent: list[httpx.Request] = []
    wire = Wire(httpx.MockTransport(lambda _: httpx.Response(500)), sent)
    witnesses = Witnesses(tracer=tracer) if tracer else None
    client = ElasticsearchClient(Connection("http://es:9200", ApiKey(KEY)), VirtualClock(), Limits(), wire, witnesses=witnesses)
    await client.send(requests.root())
    await client.aclose()
    return sent[0].headers


async def test_what_is_not_sampled_is_not_sent_and_not_named(collector: Collector, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    with tracer.begin("pass", {}):
        assert tracer.trace_id() is None
        assert not is_sampled(await headers_of_a_request(tracer))
    delivered(tracer)
    assert collector.bodies == []


class EndpointsOnly(Sampler):
    """Samples the passes over endpoints, and of requests outside a pass none."""

    def should_sample(self, parent_context: object, trace_id: int, name: str, *_: object, **__: object) -> SamplingResult:
        is_wanted = trace.get_current_span().is_recording() or name == "reconcile InferenceEndpoint"
        return SamplingResult(Decision.RECORD_AND_SAMPLE if is_wanted else Decision.DROP)

    def get_description(self) -> str:
        return "endpoints only"


async def test_what_a_sampled_pass_wakes_or_winds_up_is_not_logged_as_a_part_of_it(collector: Collector) -> None:
    tracer = OtlpTracer(VirtualClock(), RESOURCE)
    assert isinstance(tracer._tracer, SdkTracer)
    tracer._tracer.sampler = EndpointsOnly()
    with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
        async with World() as world:
            world.tracer = tracer
            world.put_key()
            await world.start()
            pipeline = world.apply_pipeline("p", asking("a"))
            await world.rest()
            world.apply("a", {"probe": PROBE})
            await world.rest()
            assert world.condition(pipeline) == READY, "the endpoint woke it"
    delivered(tracer)
    ids = {span.trace for span in collector.spans}
    steps = [entry for entry in logs if entry["event"] == "step"]
    assert {entry["name"] for entry in steps} == {"a", "p"}
    assert all(entry["trace_id"] in ids for entry in steps if entry["name"] == "a")
    assert [entry for entry in steps if entry["name"] == "p" and "trace_id" in entry] == []
    assert ["trace_id" in entry for entry in logs if entry["event"] == "probe"] == [False]


async def test_requests_say_who_sends_them_and_nothing_of_a_trace_without_one() -> None:
    headers = await headers_of_a_request(None)
    assert headers["x-opaque-id"] == "inference-operator"
    assert "traceparent" not in headers


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
        ({"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"}, "http/protobuf"),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "1"}, "OTEL_"),
    ],
)
async def test_an_environment_that_can_not_be_is_told(
    environment: dict[str, str], words: str, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=words):
        async with tracing("otlp", os.environ, VirtualClock(), OPERATOR):
            pass
