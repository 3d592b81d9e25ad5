"""One path for every object: gather, then plan and act until there is a conclusion, then report.

Level-based: it never asks what happened, only what should be and what is. Never raises for what the world does; a fault of our
own is caught in one place, told, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog

from inference_operator.api.inference_endpoint import KIND, InferenceEndpoint, InferenceEndpointStatus
from inference_operator.api.meta import API_VERSION, RECONCILE_ANNOTATION
from inference_operator.core.clock import Clock
from inference_operator.core.disposition import Disposition, Mood
from inference_operator.core.news import news
from inference_operator.core.plan import plan
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Situation, advance
from inference_operator.core.status import next_status, unreadable_status
from inference_operator.core.verdict import (
    Blocked,
    Claim,
    Conclusion,
    Create,
    Delete,
    Deploying,
    Held,
    Nothing,
    Released,
    SetFinalizer,
    Step,
    Suspended,
    Unclaim,
    Update,
    Validate,
    Watching,
)
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.act import Actor, Interrupted
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.gather import Gatherer, asked_to_reconcile
from inference_operator.shell.ports import Conflict, EventType, Gone, KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.prober import Prober
from inference_operator.shell.queue import Priority, WorkQueue
from inference_operator.shell.sources import Sources
from inference_operator.shell.store import Known, ObjectStore, Unreadable

log: Any = structlog.get_logger(__name__)

# A pass has at most: finalizer, resolve, look, claim, update, validate, dry run, delete, create, look, inspect, and one to spare.
_MOST_STEPS = 16
_WRITES = (Claim, Unclaim, SetFinalizer, Create, Update, Validate, Delete)
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

    store: ObjectStore
    clusters: Clusters
    sources: Sources
    gatherer: Gatherer
    actor: Actor
    prober: Prober
    kubernetes: KubernetesPort
    clock: Clock
    gone: Callable[[ObjectKey, str], None]


class Reconciler:
    """Works off keys of the queue."""

    def __init__(self, parts: Parts, queue: WorkQueue[ObjectKey]) -> None:
        self._parts = parts
        self._queue = queue
        # Two objects with one id must not see it absent at the same moment. Held per id, not per id and cluster: cheaper to know,
        # and two clusters with the same id in work at once are rare.
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._lock_users: defaultdict[str, int] = defaultdict(int)

    async def work(self, key: ObjectKey) -> None:
        """One pass over one object. The only place that catches everything: a bug in one object must not stop the others."""
        with structlog.contextvars.bound_contextvars(namespace=key.namespace, name=key.name):
            try:
                await self._work(key)
            except Exception as fault:  # noqa: BLE001 - the one boundary, see the docstring
                # The text and the locals of an unforeseen exception may hold anything, so only its type and place are told.
                log.error("reconcile failed", fault=type(fault).__name__, at=_place(fault))  # noqa: TRY400
                self._queue.retry(key, Priority.EDIT)

    async def _work(self, key: ObjectKey) -> None:
        found = self._parts.store.get(key)
        if found is None:
            return
        if isinstance(found, Unreadable):
            self._parts.prober.forget(key)
            now = _rfc3339(self._parts.clock.now())
            status = unreadable_status(found.status, generation=found.metadata.generation, fault=str(found.fault), now=now)
            await self._write_status(key, found, status)
            return
        inference_id = found.resolved_inference_id
        self._lock_users[inference_id] += 1
        try:
            async with self._locks[inference_id]:
                await self._reconcile(key)
        finally:
            self._lock_users[inference_id] -= 1
            if not self._lock_users[inference_id]:
                del self._lock_users[inference_id], self._locks[inference_id]

    async def _reconcile(self, key: ObjectKey) -> None:
        found = self._latest(key)
        if found is None:
            return
        self._listen(key, found)
        situation, cluster = await self._parts.gatherer.gather(key, found)
        if situation.abandoned:
            log.warning("released without deleting: no way to Elasticsearch is left", inference_id=situation.inference_id)
        end = await self._converge(key, situation, cluster)
        if isinstance(end, Interrupted):
            self._interrupted(key, end)
            return
        situation, conclusion = end
        self._parts.prober.follow(key, situation, conclusion, asked_to_reconcile(found))
        if not isinstance(conclusion, Released) and not await self._report(key, situation, conclusion):
            return
        self._schedule(key, conclusion, deleting=situation.deleting)

    async def _converge(
        self, key: ObjectKey, situation: Situation, cluster: Cluster | None
    ) -> tuple[Situation, Conclusion] | Interrupted:
        for _ in range(_MOST_STEPS):
            verdict = plan(situation)
            if not isinstance(verdict, Step):
                return situation, verdict
            found = self._latest(key)
            if found is None:
                return Interrupted(Gone(), situation.uid)
            answer = await self._parts.actor.act(key, found, situation, verdict, cluster)
            level = logging.INFO if isinstance(verdict, _WRITES) else logging.DEBUG
            log.log(level, "step", step=type(verdict).__name__, answer=type(answer).__name__, generation=situation.generation)
            if isinstance(answer, Interrupted):
                return answer
            situation = advance(situation, verdict, answer)
        raise RuntimeError("a pass does not come to an end")

    def _latest(self, key: ObjectKey) -> InferenceEndpoint | None:
        found = self._parts.store.get(key)
        return found if isinstance(found, InferenceEndpoint) else None

    def _listen(self, key: ObjectKey, found: InferenceEndpoint) -> None:
        """Be woken by what the object depends on."""
        refs = {*self._parts.sources.objects(found), *self._parts.clusters.sources_of(key, found.spec.elasticsearch_ref)}
        if self._parts.store.refer(key, refs):
            self._parts.kubernetes.refer(key, refs)

    async def _report(self, key: ObjectKey, situation: Situation, conclusion: Conclusion) -> bool:
        """Write the status if it is another one. Returns False where the pass must be repeated."""
        found = self._latest(key)
        if found is None or found.metadata.uid != situation.uid:
            return False
        status = next_status(
            situation,
            conclusion,
            now=_rfc3339(self._parts.clock.now()),
            handled=found.metadata.annotations.get(RECONCILE_ANNOTATION),
        )
        return await self._write_status(key, found, status)

    async def _write_status(self, key: ObjectKey, found: Known, status: InferenceEndpointStatus) -> bool:
        """Write it if it is news, and tell transitions as events. Returns False where the pass must be repeated."""
        if status == found.status:
            return True
        meta = found.metadata
        answer = await self._parts.kubernetes.apply_status(
            key,
            uid=meta.uid,
            resource_version=meta.resource_version,
            status=status.body(),
            api_version=API_VERSION,
            kind=KIND,
        )
        if isinstance(answer, Conflict | Gone | KubernetesFailure):
            self._interrupted(key, Interrupted(answer, meta.uid))
            return False
        self._parts.store.observe(key, answer)
        ready = next(condition for condition in status.conditions if condition.type == "Ready")
        log.info("status", ready=ready.status, reason=ready.reason, generation=status.observed_generation)
        for item in news(found.status, status):
            await self._parts.kubernetes.emit_event(
                key,
                meta.uid,
                API_VERSION,
                KIND,
                type=EventType(item.type),
                reason=item.reason,
                action="Reconcile",
                note=item.note,
            )
        return True

    def _interrupted(self, key: ObjectKey, end: Interrupted) -> None:
        match end.by:
            case Gone():
                # Its DELETED event is late, or was lost while the watch was broken.
                self._parts.gone(key, end.uid)
            case Conflict(message=message):
                log.debug("object is another one by now", message=message)
                # The version that we lack is on its way; the pause is for the case that its event came before the answer.
                self._queue.retry(key, Priority.EDIT)
            case KubernetesFailure() as failure:
                log.warning("Kubernetes refused a write", operation=failure.operation, message=failure.message)
                self._queue.retry(key, Priority.EDIT, at_least=failure.retry_after or 0.0)

    def _schedule(self, key: ObjectKey, conclusion: Conclusion, *, deleting: bool) -> None:
        priority = Priority.DELETION if deleting else Priority.EDIT
        match conclusion:
            case Nothing() | Watching() | Suspended() | Released():
                self._queue.succeeded(key)
            case Blocked():
                self._queue.retry(key, priority, at_most=_BLOCKED_SECONDS)
            case Held(disposition=cause) | Deploying(disposition=cause):
                self._schedule_again(key, cause, priority)

    def _schedule_again(self, key: ObjectKey, cause: Disposition, priority: Priority) -> None:
        match cause.mood:
            case Mood.RETRY:
                self._queue.retry(key, priority, at_least=cause.after or 0.0)
            case Mood.WAIT if cause.reason is Reason.MODEL_DEPLOYING:
                self._queue.retry(key, priority, at_most=_POLL_SECONDS)
            case Mood.WAIT:
                self._queue.retry(key, priority)
            case Mood.STALL if cause.reason in _CURED_ELSEWHERE:
                self._queue.retry(key, priority, at_least=_SLOW_SECONDS)
            case Mood.STALL:
                self._queue.succeeded(key)  # the next edit, Secret or resync will tell


def _rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _place(fault: BaseException) -> str:
    traceback = fault.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return f"{traceback.tb_frame.f_code.co_qualname}:{traceback.tb_lineno}" if traceback else "unknown"
