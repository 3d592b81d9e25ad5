"""One path for every object: gather, then plan and act until there is a conclusion, then report.

Level-based: it never asks what happened, only what should be and what is. Never raises for what the world does; a fault of our
own is caught in one place, told, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from inference_operator.api.managed import ManagedObject, ManagedStatus
from inference_operator.api.meta import API_VERSION, RECONCILE_ANNOTATION, Condition
from inference_operator.core import words
from inference_operator.core.advance import advance
from inference_operator.core.clock import Clock
from inference_operator.core.disposition import Disposition, Mood
from inference_operator.core.news import News, news, news_of_repair
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Situation
from inference_operator.core.tracing import SILENT_SPAN, Span, Tracer
from inference_operator.core.verdict import (
    SENT,
    Blocked,
    Claim,
    Conclusion,
    Held,
    Nothing,
    Released,
    SetFinalizer,
    Step,
    Suspended,
    Unclaim,
    Unusable,
    Watching,
)
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.act import Actor, Interrupted, Replaced
from inference_operator.shell.audit import Cause, because, new_pass
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.gather import Gatherer, asked_to_reconcile
from inference_operator.shell.intake import Intake, read
from inference_operator.shell.kind import AnyKind
from inference_operator.shell.metrics.meter import FAULT, Interruption, Meter, PassEnd, Result, end_of
from inference_operator.shell.ports import Conflict, EventType, Gone, KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.queue import Priority, WorkQueue
from inference_operator.shell.store import Identity, Known, ObjectStore, Unreadable

log: Any = structlog.get_logger(__name__)

# A pass has at most: finalizer, resolve, look, claim, update, validate, dry run, delete, create, look, inspect, and one to spare.
_MOST_STEPS = 16
_WRITES = (Claim, Unclaim, SetFinalizer, *SENT)
_POLL_SECONDS = 10.0
_SLOW_SECONDS = 10.0
# Elasticsearch does not say when a referrer goes, and a person who removed the last one waits for the deletion.
_BLOCKED_SECONDS = 60.0
# A person outside Kubernetes may cure these without anything that we would hear of.
_CURED_ELSEWHERE = {
    Reason.UNAUTHORIZED,
    Reason.FORBIDDEN,
    Reason.LICENSE_NON_COMPLIANT,
    Reason.PROVIDER_REFUSED,
    Reason.MODEL_FAILED,
    Reason.CROSS_NAMESPACE_DENIED,
    Reason.CONNECTION_NOT_FOUND,
}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a reconciler works with."""

    kinds: Mapping[str, AnyKind]
    store: ObjectStore
    clusters: Clusters
    gatherer: Gatherer
    actor: Actor
    intake: Intake
    kubernetes: KubernetesPort
    clock: Clock
    meter: Meter
    tracer: Tracer


class Reconciler:
    """Works off keys of the queue."""

    def __init__(self, parts: Parts, queue: WorkQueue[ObjectKey]) -> None:
        self._parts = parts
        self._queue = queue
        # Two objects with one id must not see it absent at the same moment. Held per id, not per id and cluster: cheaper to know,
        # and two clusters with the same id in work at once are rare.
        self._locks: defaultdict[Identity, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lock_users: defaultdict[Identity, int] = defaultdict(int)

    async def work(self, key: ObjectKey) -> None:
        """One pass over one object. The only place that catches everything: a bug in one object must not stop the others."""
        about = structlog.contextvars.bound_contextvars
        with about(namespace=key.namespace, name=key.name), self._trace(key) as span, about(**self._trace_id()):
            begun = self._parts.clock.monotonic()
            end: PassEnd | None = PassEnd(Result.FAULT, FAULT)
            try:
                end = await self._work(key)
            except Exception as fault:  # noqa: BLE001 - the one boundary, see the docstring
                # The text and the locals of an unforeseen exception may hold anything, so only its type and place are told.
                log.error("reconcile failed", fault=type(fault).__name__, at=_place(fault))  # noqa: TRY400
                span.fail(type(fault).__name__)
                self._queue.retry(key, Priority.EDIT)
            if end is not None:
                seconds = self._parts.clock.monotonic() - begun
                self._parts.meter.reconciled(self._parts.kinds[key.plural].name, end, seconds)
                span.note({"inference_operator.result": end.result.value, "inference_operator.reason": str(end.reason)})

    def _trace(self, key: ObjectKey) -> AbstractContextManager[Span]:
        found = self._parts.store.get(key)
        if found is None:
            return SILENT_SPAN
        kind, priority = self._parts.kinds[key.plural].name, self._queue.priority_of(key)
        about: dict[str, str | int] = {
            "inference_operator.kind": kind,
            "inference_operator.namespace": key.namespace,
            "inference_operator.name": key.name,
            "inference_operator.uid": found.metadata.uid,
            "inference_operator.generation": found.metadata.generation,
            **({"inference_operator.priority": priority.name.lower()} if priority is not None else {}),
        }
        return self._parts.tracer.begin(f"reconcile {kind}", about)

    def _trace_id(self) -> dict[str, str]:
        """For the log of a pass, to find its trace."""
        trace_id = self._parts.tracer.trace_id()
        return {"trace_id": trace_id} if trace_id is not None else {}

    async def _work(self, key: ObjectKey) -> PassEnd | None:
        found = self._parts.store.get(key)
        if found is None:
            return None
        if isinstance(found, Unreadable):
            return await self._report_unreadable(key, found)
        identity = Identity(key.plural, found.external_id)
        self._lock_users[identity] += 1
        try:
            async with self._locks[identity]:
                return await self._reconcile(key, self._parts.kinds[key.plural])
        finally:
            self._lock_users[identity] -= 1
            if not self._lock_users[identity]:
                del self._lock_users[identity], self._locks[identity]
            if self._parts.store.get(key) is None:
                self._parts.intake.forget(key, found)  # what the pass began for it after it was heard that it is gone

    async def _report_unreadable(self, key: ObjectKey, found: Unreadable) -> PassEnd:
        kind = self._parts.kinds[key.plural]
        kind.forget(key, found.metadata.uid)
        status = kind.unreadable_status(
            found.status,
            generation=found.metadata.generation,
            fault=str(found.fault),
            now=_rfc3339(self._parts.clock.now()),
        )
        refused = await self._write_status(key, found, status)
        return refused or PassEnd(Result.STALL, Reason.VALIDATION_FAILED)

    async def _reconcile(self, key: ObjectKey, kind: AnyKind) -> PassEnd | None:
        found = self._latest(key)
        if found is None:
            return None
        self._listen(key, found, kind)
        with self._parts.tracer.within("gather", {}):
            s, cluster = await self._parts.gatherer.gather(key, found, kind)
        if s.abandoned:
            log.warning("released without deleting: no way to Elasticsearch is left", external_id=s.external_id)
        named = kind.named(s)
        end = await self._converge(key, kind, s, cluster)
        if isinstance(end, Interrupted):
            return self._interrupted(key, end)
        s, conclusion = end
        kind.concluded(key, s, conclusion, asked_to_reconcile(found))
        if s.done.written or isinstance(conclusion, Released):
            self._parts.intake.wake_holders(named | self._parts.store.needs_of(key))
        if s.abandoned and isinstance(conclusion, Released):
            self._parts.meter.abandoned(kind.name)
        if not isinstance(conclusion, Released) and (cut := await self._report(key, kind, s, conclusion, found)):
            return cut
        self._schedule(key, conclusion, deleting=s.deleting)
        return end_of(conclusion)

    async def _converge(
        self, key: ObjectKey, kind: AnyKind, s: Situation, cluster: Cluster | None
    ) -> tuple[Situation, Conclusion] | Interrupted:
        pass_id = new_pass()
        for _ in range(_MOST_STEPS):
            verdict = kind.plan(s)
            if not isinstance(verdict, Step):
                return s, verdict
            found = self._latest(key)
            if found is None or found.metadata.uid != s.uid:
                return Interrupted(Gone(), s.uid)
            step = self._parts.tracer.within(f"step {type(verdict).__name__}", {})
            with because(self._cause(key, kind, s, verdict, pass_id)), step as span:
                answer = await self._parts.actor.act(key, found, kind, s, verdict, cluster)
                span.note({"inference_operator.answer": type(answer).__name__})
            level = logging.INFO if isinstance(verdict, _WRITES) else logging.DEBUG
            log.log(level, "step", step=type(verdict).__name__, answer=type(answer).__name__, generation=s.generation)
            if isinstance(answer, Interrupted):
                return answer
            s = advance(s, verdict, answer)
        raise RuntimeError("a pass does not come to an end")

    def _cause(self, key: ObjectKey, kind: AnyKind, s: Situation, step: Step, pass_id: str) -> Cause | None:
        """What the audit log is to tell of the writes that a step sends."""
        if not isinstance(step, SENT):
            return None
        return Cause(
            pass_id,
            kind.name,
            key.namespace,
            key.name,
            s.uid,
            s.generation,
            s.external_id,
            type(step).__name__,
            s.server.uuid if s.server is not None else None,
            self._parts.clusters.credentials_of(key),
            kind.deed(s, step),
        )

    def _latest(self, key: ObjectKey) -> ManagedObject | None:
        found = self._parts.store.get(key)
        return None if isinstance(found, Unreadable) else found

    def _listen(self, key: ObjectKey, found: ManagedObject, kind: AnyKind) -> None:
        """Be woken by what the object depends on."""
        store = self._parts.store
        refs = {*kind.sources(found), *self._parts.clusters.sources_of(key, found.spec.elasticsearch_ref)}
        if store.refer(key, refs):
            self._parts.kubernetes.refer(key, refs)
        store.need(key, kind.needs(found))

    async def _report(
        self, key: ObjectKey, kind: AnyKind, s: Situation, conclusion: Conclusion, begun_with: ManagedObject
    ) -> PassEnd | None:
        """Write the status if it is another one. Returns how the pass ended where it must be repeated."""
        found = self._latest(key)
        if s.done.repaired:
            self._parts.meter.repaired(kind.name)
        if found is None or found.metadata.uid != s.uid:
            return PassEnd(Result.INTERRUPTED, Interruption.GONE)
        if s.done.repaired:
            # Before the status is written: should that fail, the next pass finds all in order and knows of no repair.
            await self._tell(key, kind, found, news_of_repair(found.status, words.put_back(s, s.done.repaired)))
        status = kind.status(
            s,
            conclusion,
            now=_rfc3339(self._parts.clock.now()),
            handled=begun_with.metadata.annotations.get(RECONCILE_ANNOTATION),  # one that came meanwhile is for the next pass
        )
        return await self._write_status(key, found, status)

    async def _write_status(self, key: ObjectKey, found: Known, status: ManagedStatus) -> PassEnd | None:
        """Write it if it is news, and tell transitions as events. Returns how the pass ended where it must be repeated."""
        kind, before = self._parts.kinds[key.plural], found.status
        if status != before:
            meta = found.metadata
            answer = await self._parts.kubernetes.apply_status(
                key,
                uid=meta.uid,
                resource_version=meta.resource_version,
                status=status.body(),
                api_version=API_VERSION,
                kind=kind.name,
            )
            if isinstance(answer, Conflict | Gone | KubernetesFailure):
                return self._interrupted(key, Interrupted(answer, meta.uid))
            self._parts.store.observe(key, read(kind, answer))
            self._parts.meter.reported(kind.name, meta, before, status)
            ready = _ready(status)
            log.info("status", ready=ready and ready.status, reason=ready and ready.reason, generation=status.observed_generation)
            self._tell_dependants(key, found, status)
        await self._tell(key, kind, found, tuple(news(before, status)))
        return None

    def _tell_dependants(self, key: ObjectKey, found: Known, status: ManagedStatus) -> None:
        """Those who need it wait for it to be ready."""
        if isinstance(found, Unreadable) or _truth(found.status) == _truth(status):
            return
        self._parts.intake.wake_dependants(Identity(key.plural, found.external_id))

    async def _tell(self, key: ObjectKey, kind: AnyKind, found: Known, items: Iterable[News]) -> None:
        for item in items:
            await self._parts.kubernetes.emit_event(
                key,
                found.metadata.uid,
                API_VERSION,
                kind.name,
                type=EventType(item.type),
                reason=item.reason,
                action="Reconcile",
                note=item.note,
            )

    def _interrupted(self, key: ObjectKey, end: Interrupted) -> PassEnd:
        match end.by:
            case Gone():
                # Its DELETED event is late, or was lost while the watch was broken.
                self._parts.intake.gone(key, end.uid)
                return PassEnd(Result.INTERRUPTED, Interruption.GONE)
            case Conflict(message=message):
                log.debug("object is another one by now", message=message)
                # The version that we lack is on its way; the pause is for the case that its event came before the answer.
                self._queue.retry(key, Priority.EDIT)
                return PassEnd(Result.INTERRUPTED, Interruption.CONFLICT)
            case Replaced():
                log.info("another cluster answers at the address by now")
                self._queue.retry(key, Priority.EDIT)
                return PassEnd(Result.INTERRUPTED, Interruption.REPLACED)
            case KubernetesFailure() as failure:
                log.warning("Kubernetes refused a write", operation=failure.operation, message=failure.message)
                self._queue.retry(key, Priority.EDIT, at_least=failure.retry_after or 0.0)
                return PassEnd(Result.INTERRUPTED, Interruption.KUBERNETES)

    def _schedule(self, key: ObjectKey, conclusion: Conclusion, *, deleting: bool) -> None:
        priority = Priority.DELETION if deleting else Priority.EDIT
        match conclusion:
            case Nothing() | Watching() | Suspended() | Released():
                self._queue.succeeded(key)
            case Blocked():
                self._queue.poll(key, priority, at_most=_BLOCKED_SECONDS)
            case Held(disposition=cause) | Unusable(disposition=cause):
                self._schedule_again(key, cause, priority)

    def _schedule_again(self, key: ObjectKey, cause: Disposition, priority: Priority) -> None:
        match cause.mood:
            case Mood.RETRY:
                self._queue.retry(key, priority, at_least=cause.after or 0.0)
            case Mood.WAIT if cause.reason is Reason.MODEL_DEPLOYING:
                self._queue.poll(key, priority, at_most=_POLL_SECONDS)
            case Mood.WAIT:
                self._queue.retry(key, priority)
            case Mood.STALL if cause.reason in _CURED_ELSEWHERE:
                self._queue.retry(key, priority, at_least=_SLOW_SECONDS)
            case Mood.STALL:
                self._queue.succeeded(key)  # the next edit, Secret or resync will tell


def _ready(status: ManagedStatus) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == "Ready"), None)


def _truth(status: ManagedStatus) -> str | None:
    ready = _ready(status)
    return ready.status if ready is not None else None


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(fault: BaseException) -> str:
    traceback = fault.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_qualname}:{traceback.tb_lineno}" if traceback else "unknown"
