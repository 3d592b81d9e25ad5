"""The one place where everything is made and joined: clients, queue, watches, probes, signals; and taken down in order.

Order matters. kopf cancels, at its end, every task that was made after its start, and it takes over SIGTERM: so signals are
taken back once it is ready, and on SIGTERM the work in hand ends first, then the watches.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

import kopf
import structlog

from inference_operator.core.clock import Clock
from inference_operator.core.tracing import Tracer
from inference_operator.core.values import ObjectRef
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kubernetes.adapter import KubernetesAdapter
from inference_operator.kubernetes.client import KubernetesClient
from inference_operator.kubernetes.connections import ConnectionResolver
from inference_operator.kubernetes.credentials import Credentials, load_credentials
from inference_operator.kubernetes.default_connection import DefaultConnection, watch_folder
from inference_operator.kubernetes.discovery import await_kinds
from inference_operator.kubernetes.lease import Leadership
from inference_operator.kubernetes.lease_record import LeaseTiming
from inference_operator.kubernetes.lease_requests import LeaseName
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.kubernetes.namespace_watch import NamespaceWatch
from inference_operator.kubernetes.objects import Objects
from inference_operator.kubernetes.stream_ages import StreamAges
from inference_operator.settings import Settings
from inference_operator.shell import handlers
from inference_operator.shell.audit import AuditLog, audit_log
from inference_operator.shell.clock import SystemClock
from inference_operator.shell.kind import MakeKind
from inference_operator.shell.metrics.serving import ServedMetrics
from inference_operator.shell.metrics.vitals import Vitals
from inference_operator.shell.operator import Operator, Tuning
from inference_operator.shell.probes import Probes
from inference_operator.shell.queue import Backoff
from inference_operator.shell.selection import Selection
from inference_operator.shell.tracing import tracing

log: Any = structlog.get_logger(__name__)


async def run(settings: Settings, kinds: Iterable[MakeKind]) -> int:
    """Run until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigurationError: No API server is configured, the audit log can't be opened, or traces are wanted and can't be.
    """
    clock = SystemClock()
    async with tracing(settings.tracing, os.environ, clock, _identity(settings)) as tracer:
        return await _run(settings, kinds, clock, tracer)


async def _run(settings: Settings, kinds: Iterable[MakeKind], clock: Clock, tracer: Tracer) -> int:
    credentials = await load_credentials(clock, kubeconfig=settings.kubeconfig, context=settings.context)
    client = KubernetesClient(credentials, tracer=tracer)
    # With connections of its own a renewal never waits until one of the operator's many requests gives one back.
    client_of_lease = KubernetesClient(credentials)
    leadership = _leadership(settings, client_of_lease, clock)
    try:
        with audit_log(settings.audit_log, clock, _identity(settings), tracer) as audit:
            return await _Process(settings, kinds, clock, credentials, client, leadership, audit, tracer).run()
    finally:
        await client.close()
        await client_of_lease.close()


class _Process:
    """All parts of one running operator."""

    def __init__(
        self,
        settings: Settings,
        kinds: Iterable[MakeKind],
        clock: Clock,
        credentials: Credentials,
        client: KubernetesClient,
        leadership: Leadership | None,
        audit: AuditLog | None,
        tracer: Tracer,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._credentials = credentials
        self._stopping = asyncio.Event()
        self._leadership = leadership
        may_write = leadership.may_write if leadership is not None else _always
        self._watch = MetadataWatch(client, clock, on_change=self._changed, namespaces=settings.namespace)
        self._informer_ages = StreamAges(clock)
        self._namespaces = self._choose_namespaces(client)
        kubernetes = KubernetesAdapter(client, self._watch, clock, settings.namespace, may_write)
        limits = Limits(concurrency=settings.concurrency_per_cluster + 2, requests_per_second=settings.requests_per_second)
        self._metrics = ServedMetrics(settings, client, clock)
        pool = ClusterPool(
            clock,
            limits=limits,
            may_write=may_write,
            listener=self._metrics.meter,
            extra_ca_file=settings.extra_ca_file,
            trail=audit,
            tracer=tracer,
        )
        self._operator = Operator(
            kinds,
            kubernetes=kubernetes,
            resolver=ConnectionResolver(kubernetes, _default_connection(settings)),
            pool=pool,
            clock=clock,
            dice=random.random,
            tuning=self._tuning(),
            meter=self._metrics.meter,
        )
        self._selection = self._select(Objects(client))
        lease_age = self._leadership.age if self._leadership is not None else None
        self._metrics.watch(self._operator, pool, Vitals(self._silence, may_write, lease_age))
        self._client = client
        self._missing: str | None = None
        self._kopf_ready = asyncio.Event()
        self._kopf_stop = asyncio.Event()
        self._all_known = asyncio.Event()

    def _changed(self, ref: ObjectRef) -> None:
        self._operator.intake.changed(ref)

    def _choose_namespaces(self, client: KubernetesClient) -> NamespaceWatch | None:
        """Those of a selector; None where they are listed, or all."""
        selector = self._settings.namespace_selector
        on_change = self._chosen
        return NamespaceWatch(client, self._clock, selector, on_change=on_change) if selector else None

    def _tuning(self) -> Tuning:
        backoff = Backoff(longest=self._settings.backoff_max)
        return Tuning(self._settings.resync_interval, self._settings.concurrency_per_cluster, backoff, self._watches)

    def _select(self, objects: Objects) -> Selection:
        plurals, intake, store = tuple(self._operator.kinds), self._operator.intake, self._operator.store
        return Selection(self._watches, plurals=plurals, intake=intake, store=store, objects=objects, clock=self._clock)

    def _chosen(self, namespace: str) -> None:
        self._selection.changed(namespace)

    def _watches(self, namespace: str) -> bool:
        if self._namespaces is not None:
            return self._namespaces.has(namespace)
        return not self._settings.namespace or namespace in self._settings.namespace

    async def run(self) -> int:
        """Start everything, wait for the end of anything, take everything down."""
        self._take_signals()  # PID 1 of a container is deaf to those that it has no handler for
        async with self._probing(), self._metrics.listening():
            watching = asyncio.create_task(self._watch_references(), name="watch references")
            informing = asyncio.create_task(self._inform(), name="kopf")
            stopping = asyncio.create_task(self._stopping.wait(), name="stop")
            leading = asyncio.create_task(self._lead(), name="leadership")
            starting = asyncio.create_task(self._start(), name="start")
            parts = {watching, informing, leading, starting, stopping}
            ended, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
            failed = stopping not in ended
            # What was begun under a lease that is lost must not be brought to its end.
            grace = 0.0 if leading in ended else self._settings.shutdown_grace
            starting.cancel()
            stopping.cancel()
            await self._take_down(grace)
            if not self._kopf_ready.is_set():
                informing.cancel()  # it may still wait for the CRDs, and hears of nothing else
            watching.cancel()
            leading.cancel()
            await asyncio.gather(watching, informing, leading, starting, stopping, return_exceptions=True)
        for task in ended - {stopping}:
            fault = None if task.cancelled() else task.exception()
            log.error("a part ended, so the operator ends, to be started again", part=task.get_name(), fault=repr(fault))
        return 1 if failed else 0

    async def _lead(self) -> None:
        """Compete once this replica could work. Returns when the lease is lost; never without leader election."""
        await self._all_known.wait()
        await (self._leadership.run() if self._leadership is not None else asyncio.Event().wait())

    async def _start(self) -> None:
        """Objects are taken in from the start; worked off, once all objects and versions of Secrets are known, under a lease."""
        await self._kopf_ready.wait()
        self._take_signals()  # once more: kopf has taken them over
        await self._watch.synced.wait()
        await self._operator.intake.all_heard()
        self._all_known.set()
        if self._leadership is not None:
            await self._leadership.held.wait()
        await self._operator.take_over()
        log.info("operator started", namespaces=self._settings.namespace or self._settings.namespace_selector or "all")
        await asyncio.Event().wait()  # so that its end is a failure, as with the other parts

    async def _watch_references(self) -> None:
        """Secrets and ConfigMaps by their metadata, namespaces by their labels, the mounted default connection by its files."""
        folder = self._settings.default_connection_path
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch.run())
            if self._namespaces is not None:
                tasks.create_task(self._namespaces.run())
            if folder is not None:
                tasks.create_task(watch_folder(folder, self._clock, self._operator.resync_now))

    async def _inform(self) -> None:
        registry = kopf.OperatorRegistry()
        await await_kinds(self._client, self._clock, tuple(self._operator.kinds), self._note_missing)
        if self._namespaces is not None:
            await self._namespaces.settled.wait()
        for plural in self._operator.kinds:
            handlers.register(registry, plural, partial(self._operator.intake.heard, plural))
        handlers.register_login(registry, self._credentials.connection_info, self._informer_ages)
        await kopf.operator(
            registry=registry,
            settings=handlers.settings(),
            standalone=True,
            clusterwide=not self._settings.namespace,
            namespaces=self._settings.namespace,
            ready_flag=self._kopf_ready,
            stop_flag=self._kopf_stop,
        )

    def _note_missing(self, what: str | None) -> None:
        self._missing = what

    def _take_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)

    async def _take_down(self, grace: float) -> None:
        """Let the work in hand end, then another replica begin, then the watches go."""
        self._selection.close()
        late = await self._operator.stop(grace)
        log.info("operator stopped", cut_off=late)
        if self._leadership is not None:
            await self._leadership.release()
        self._kopf_stop.set()

    @asynccontextmanager
    async def _probing(self) -> AsyncIterator[None]:
        probes = Probes(live=self._what_is_dead, ready=self._what_is_missing)
        await probes.start(self._settings.probe_address, self._settings.probe_port)
        try:
            yield
        finally:
            await probes.stop()

    def _what_is_dead(self) -> str | None:
        """Nothing before all was listed once: an API server that is away at the start is waited for."""
        if not self._all_known.is_set():
            return None
        silent = self._silence()
        return f"no word from a watch for {silent:.0f} s" if silent > self._settings.watch_silence else None

    def _silence(self) -> float:
        """Of Secrets and ConfigMaps, of our own kinds, or of namespaces that are chosen, whichever is silent for longest."""
        heard = [self._watch.last_heard, self._informer_ages.last_heard]
        if self._namespaces is not None:
            heard.append(self._namespaces.last_heard)
        return self._clock.monotonic() - min(heard)

    def _what_is_missing(self) -> str | None:
        choice = self._namespaces.missing if self._namespaces is not None else None
        if not self._kopf_ready.is_set():
            return self._missing or choice or "the watches of our own objects are starting"
        if choice is not None:
            return choice
        if not self._watch.synced.is_set():
            return "the versions of Secrets are not all known yet"
        return None if self._all_known.is_set() else "the objects are not all known yet"


def _default_connection(settings: Settings) -> DefaultConnection:
    return DefaultConnection(
        operator_namespace=settings.operator_namespace,
        namespaces=settings.default_connection_namespaces,
        path=settings.default_connection_path,
        secret=settings.default_connection_secret,
    )


def _identity(settings: Settings) -> dict[str, str]:
    """Who writes, for the audit log. The host of a pod is named as the pod is."""
    return {
        "pod": socket.gethostname(),
        "namespace": settings.operator_namespace,
        "version": version("inference-operator"),
    }


def _leadership(settings: Settings, client: KubernetesClient, clock: Clock) -> Leadership | None:
    if not settings.leader_elect:
        return None
    name = LeaseName(settings.lease_namespace or settings.operator_namespace, settings.lease_name)
    deadline = settings.lease_renew_deadline
    timing = LeaseTiming(settings.lease_duration, deadline, renew_interval=deadline / 5, request_timeout=deadline / 4)
    return Leadership(client, name, clock, timing=timing)


def _always() -> bool:
    return True
