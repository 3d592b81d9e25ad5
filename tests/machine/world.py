"""The whole operator in one process: the real shell between a Kubernetes in memory and the stand-in Elasticsearch.

Time is virtual, so hours of resyncs run in milliseconds. `World.kill` ends the operator as kill -9 does: nothing of it runs any
further, and what it did so far stays. Both sides count requests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeVar

import httpx

from inference_operator.api.inference_endpoint import InferenceEndpoint, InferenceEndpointStatus
from inference_operator.api.ingest_pipeline import IngestPipelineStatus
from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import Condition
from inference_operator.core.clock import Clock
from inference_operator.core.tracing import SILENT as UNTRACED
from inference_operator.core.tracing import Tracer
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kinds import KINDS
from inference_operator.kinds.pipeline.kind import PLURAL as PIPELINES
from inference_operator.kubernetes.connections import ConnectionResolver
from inference_operator.kubernetes.default_connection import DefaultConnection
from inference_operator.shell.audit import AuditLog
from inference_operator.shell.metrics.meter import SILENT, Meter
from inference_operator.shell.operator import Operator, Tuning
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.queue import Backoff
from tests.fake_kubernetes import FakeKubernetes
from tests.fake_kubernetes_store import PLURALS
from tests.lawful import assert_lawful
from tests.standin import StandIn, StandInTransport
from tests.standin.clock import EPOCH
from tests.virtual_clock import VirtualClock

Status = TypeVar("Status", bound=ManagedStatus)

NAMESPACE = "search"
CANARY = "canary-5f3a9-secret"
RESYNC = 600.0


class StandInClock:
    """The stand-in's view of the virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return EPOCH + self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        timer = self._clock.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        raise AssertionError("the test moves the virtual clock")


class World:
    """Use as an async context manager; the operator runs from `start` on.

    `beside` is another Kubernetes cluster, whose operator looks after the same Elasticsearch at the same time.
    """

    def __init__(self, *, version: str = "9.5.0", resync: float = RESYNC, beside: World | None = None, **standin: Any) -> None:
        self.clock: VirtualClock = beside.clock if beside else VirtualClock()
        self.standin: StandIn = beside.standin if beside else StandIn(version=version, clock=StandInClock(self.clock), **standin)
        self.kubernetes = FakeKubernetes(self.clock, first_uid=1_000_001 if beside else 1)
        if beside:
            self.kubernetes.uid = "uid-of-the-other-kube-system"
        self.intercept: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda transport: transport
        self.limits = Limits(requests_per_second=10_000, burst=10_000)
        self.elsewhere: dict[str, StandIn] = {}
        """More clusters, by their address."""
        self.keeps_audit: Callable[[], bool] = always
        """False while the operator is dead, and its last breath is not to be recorded."""
        self._resync = resync
        self.meter: Meter = SILENT
        self.tracer: Tracer = UNTRACED
        self.audit: list[dict[str, Any]] = []
        """The audit log, record by record, of all operators that have run."""
        self._operator: Operator | None = None
        self._pool: ClusterPool | None = None
        self._ends: list[Callable[[], None]] = []
        self._names = itertools.count(1)
        self.put_connection()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.kill()

    @property
    def operator(self) -> Operator:
        assert self._operator is not None, "the operator does not run"
        return self._operator

    @property
    def pool(self) -> ClusterPool:
        assert self._pool is not None, "the operator does not run"
        return self._pool

    # --- the operator -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the operator, as after a restart: it lists everything and remembers nothing."""
        self.kubernetes.forget_readings()
        self._pool = pool = ClusterPool(
            self.clock,
            lambda connection: self.intercept(StandInTransport(self.elsewhere.get(connection.address, self.standin))),
            self.limits,
            listener=self.meter,
            trail=AuditLog(self.clock, {"pod": "one", "namespace": "operators", "version": "0"}, self._keep, self.tracer),
            tracer=self.tracer,
        )
        self._operator = operator = assembled(self.kubernetes, pool, self.clock, self._resync, self.meter)
        self._ends = [
            self.kubernetes.subscribe(lambda event, body: operator.intake.heard(PLURALS[body["kind"]], event, body)),
            self.kubernetes.subscribe_changes(operator.intake.changed),
        ]
        operator.start()
        await self.clock.settle()

    def _keep(self, line: str) -> None:
        if self.keeps_audit():
            self.audit.append(json.loads(line))

    async def kill(self) -> None:
        """End the operator at once: no clean-up of its own, nothing more is sent."""
        for end in self._ends:
            end()
        self._ends = []
        if self._operator is not None:
            operator, self._operator = self._operator, None
            await operator.stop(0.0)

    async def restart(self) -> None:
        await self.kill()
        await self.start()

    async def rest(self, within: float = 300.0) -> None:
        """Let time pass until nothing is due for the next minute, or `within` seconds have passed."""
        await self.clock.settle()
        until = self.clock.monotonic() + within
        while self.clock.monotonic() < until:
            wait = self.clock.next_call
            if wait is None or wait > 60.0:
                return
            await self.clock.advance(wait)

    async def resync(self, times: int = 1) -> None:
        """Let whole resync intervals pass."""
        await self.clock.advance(self._resync * times)

    # --- the user -----------------------------------------------------------------------------------------------------

    def put_connection(self, **data: str) -> None:
        self.kubernetes.put_secret("operators", "default", {"url": "http://standin:9200"} | data)

    def put_key(self, value: str = CANARY, name: str = "openai") -> None:
        self.kubernetes.put_secret(NAMESPACE, name, {"api-key": value})

    def apply(self, name: str, spec: Mapping[str, Any] | None = None, *, namespace: str = NAMESPACE) -> ObjectKey:
        """`kubectl apply`; `spec` is merged over an OpenAI endpoint. Needs `put_key`."""
        return self.create("InferenceEndpoint", name, openai() | dict(spec or {}), namespace=namespace)

    def apply_pipeline(self, name: str, spec: Mapping[str, Any], *, namespace: str = NAMESPACE) -> ObjectKey:
        """`kubectl apply` of an IngestPipeline; without processors it has one that sets a field."""
        plain = {"processors": [{"set": {"field": "seen", "value": True}}]}
        return self.create("IngestPipeline", name, plain | dict(spec), namespace=namespace)

    def create(self, kind: str, name: str, spec: Mapping[str, Any], *, namespace: str = NAMESPACE) -> ObjectKey:
        """`kubectl apply` of an object of any kind, with just this spec."""
        self.kubernetes.create(
            {
                "apiVersion": "inference-operator.io/v1alpha1",
                "kind": kind,
                "metadata": {"name": name, "namespace": namespace},
                "spec": dict(spec),
            }
        )
        return ObjectKey(PLURALS[kind], namespace, name)

    def found(self, key: ObjectKey) -> InferenceEndpoint:
        body = self.kubernetes.store.get(key)
        assert body is not None, f"{key} is gone"
        return InferenceEndpoint.parse(body)

    def status(self, key: ObjectKey) -> InferenceEndpointStatus:
        """Its status, after checking that it is lawful."""
        body = self.kubernetes.store.get(key)
        assert body is not None, f"{key} is gone"
        return self._lawful(InferenceEndpointStatus.model_validate(body["status"]), body)

    def pipeline_status(self, key: ObjectKey) -> IngestPipelineStatus:
        """The same of an IngestPipeline."""
        body = self.kubernetes.store.get(key)
        assert body is not None, f"{key} is gone"
        return self._lawful(IngestPipelineStatus.model_validate(body["status"]), body)

    def _lawful(self, status: Status, body: dict[str, Any]) -> Status:
        if status.observed_generation == body["metadata"]["generation"]:
            assert_lawful(status, body["metadata"]["generation"])
        return status

    def status_of(self, key: ObjectKey) -> ManagedStatus:
        """The same of an object of either kind."""
        found: ManagedStatus = self.pipeline_status(key) if key.plural == PIPELINES else self.status(key)
        return found

    def conditions(self, key: ObjectKey) -> tuple[Condition, ...]:
        """Those of an object of either kind."""
        return self.status_of(key).conditions

    def is_gone(self, key: ObjectKey) -> bool:
        return self.kubernetes.store.get(key) is None

    def condition(self, key: ObjectKey, name: str = "Ready") -> tuple[str, str] | None:
        """`(status, reason)` of a condition, None where there is none."""
        return next(((c.status, c.reason) for c in self.conditions(key) if c.type == name), None)

    def message(self, key: ObjectKey, name: str = "Ready") -> str:
        return next(c.message for c in self.conditions(key) if c.type == name)

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What a person says to Elasticsearch directly. Counted like everything else."""
        async with httpx.AsyncClient(transport=StandInTransport(self.standin), base_url="http://standin:9200") as client:
            return await client.request(method, path, json=body)

    # --- figures ------------------------------------------------------------------------------------------------------

    def forget_requests(self) -> None:
        self.kubernetes.requests.clear()
        self.standin.log.clear()

    @property
    def writes(self) -> tuple[int, int]:
        """Writes since `forget_requests`: to Kubernetes, to Elasticsearch."""
        return self.kubernetes.writes, len(self.standin.log.writes)


def assembled(
    kubernetes: FakeKubernetes, pool: ClusterPool, clock: Clock, resync: float = RESYNC, meter: Meter = SILENT
) -> Operator:
    """An operator between these, with dice that always fall the same."""
    dice = itertools.cycle((0.1, 0.7, 0.4))
    return Operator(
        KINDS,
        kubernetes=kubernetes,
        resolver=ConnectionResolver(kubernetes, DefaultConnection("operators", (NAMESPACE,), secret="operators/default")),
        pool=pool,
        clock=clock,
        dice=lambda: next(dice),
        tuning=Tuning(resync, 8, Backoff()),
        meter=meter,
    )


def always() -> bool:
    """Say yes."""
    return True


def openai(**service_settings: Any) -> dict[str, Any]:
    """The spec of an OpenAI endpoint that takes its key from Secret `openai`."""
    return {
        "taskType": "text_embedding",
        "service": "openai",
        "serviceSettings": {
            "model_id": "text-embedding-3-small",
            "api_key": {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}},
        }
        | service_settings,
    }
