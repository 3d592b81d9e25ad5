"""From what is heard to what is queued: the table of triggers. Every trigger leads to the same reconcile.

    an object came, or its spec or metadata changed     that object, and those with the same id
    an object went                                      those with the same id
    a Secret or ConfigMap changed                       the objects that take a value from it
    the resync is due                                   all objects, after one new reading of each cluster

Knows neither kopf nor a client; does no I/O but one listing per resync.
"""

from __future__ import annotations

from typing import Any

import structlog

from inference_operator.core.values import ObjectRef
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.ports import KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.prober import Prober
from inference_operator.shell.queue import Priority, WorkQueue
from inference_operator.shell.rivals import Rivals
from inference_operator.shell.sources import Sources
from inference_operator.shell.store import Known, ObjectStore, Unreadable

log: Any = structlog.get_logger(__name__)


class Intake:
    """Takes in everything that can be heard about the objects of one kind."""

    def __init__(
        self,
        plural: str,
        *,
        store: ObjectStore,
        queue: WorkQueue[ObjectKey],
        kubernetes: KubernetesPort,
        clusters: Clusters,
        sources: Sources,
        rivals: Rivals,
        prober: Prober,
    ) -> None:
        self._plural = plural
        self._store = store
        self._queue = queue
        self._kubernetes = kubernetes
        self._clusters = clusters
        self._sources = sources
        self._rivals = rivals
        self._prober = prober

    def heard(self, event: str | None, body: dict[str, Any]) -> None:
        """Take a watch event: `ADDED`, `MODIFIED`, `DELETED`, or None for an object of the first listing."""
        meta = body["metadata"]
        key = ObjectKey(self._plural, meta["namespace"], meta["name"])
        if event == "DELETED":
            self.gone(key, meta["uid"])
            return
        change = self._store.observe(key, body)
        if change is None or not change.is_news:
            return
        if change.before is not None and change.before.metadata.uid != meta["uid"]:
            self._forget(key, change.before)
        self._queue.succeeded(key)
        leaving = change.after.metadata.deletion_timestamp is not None
        self._queue.add(key, Priority.DELETION if leaving else Priority.EDIT)
        self._wake_namesakes(key, change.after)

    def gone(self, key: ObjectKey, uid: str) -> None:
        """The object is not there any more."""
        known = self._store.remove(key, uid)
        if known is not None:
            self._queue.drop(key)
            self._forget(key, known)
            self._wake_namesakes(key, known)

    def changed(self, ref: ObjectRef) -> None:
        """A Secret or ConfigMap was created, changed or deleted."""
        for key in self._store.referrers(ref):
            self._queue.succeeded(key)
            self._queue.add(key, Priority.SECRET)

    async def resync(self) -> None:
        """Begin a new round: read each cluster anew and compare everything with it."""
        await self._prune()
        self._clusters.begin_round()
        for key in self._store:
            self._queue.add(key, Priority.RESYNC)

    async def _prune(self) -> None:
        """Objects that vanished while the watch was broken are never reported as deleted: compare with a listing."""
        known = {key: found.metadata.uid for key in self._store if (found := self._store.get(key)) is not None}
        listed = await self._kubernetes.list_keys(self._plural)
        if isinstance(listed, KubernetesFailure):
            log.warning("objects can't be listed", operation=listed.operation, message=listed.message)
            return
        there = {entry.key: entry.uid for entry in listed}
        for key, uid in known.items():
            if there.get(key) != uid:
                self.gone(key, uid)

    def _forget(self, key: ObjectKey, known: Known) -> None:
        self._prober.forget(key)
        self._clusters.forget(key)
        self._kubernetes.refer(key, ())
        self._sources.forget(known.metadata.uid)
        self._rivals.forget(known.metadata.uid)

    def _wake_namesakes(self, key: ObjectKey, known: Known) -> None:
        if isinstance(known, Unreadable):
            return
        for other, _ in self._store.namesakes(key, known.resolved_inference_id):
            self._queue.add(other, Priority.DEPENDENCY)
