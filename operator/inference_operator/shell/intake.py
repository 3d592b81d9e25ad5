"""From what is heard to what is queued: the table of triggers. Every trigger leads to the same reconcile.

    an object came, or its spec or metadata changed     that object, those with the same id, those that need it;
                                                        also those of an id that it does not stand for any more
    an object went                                      those with the same id, those that need it, those that it needed
    a Secret or ConfigMap changed                       the objects that take a value from it
    the resync is due                                   all objects, after one new reading of each cluster

Knows neither kopf nor a client; does no I/O but one listing per resync.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import structlog

from inference_operator.api.invalid import InvalidObject
from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import ObjectMeta
from inference_operator.core.clock import Clock
from inference_operator.core.values import ObjectRef
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.kind import AnyKind
from inference_operator.shell.ports import Body, KubernetesPort, ObjectKey
from inference_operator.shell.queue import Priority, WorkQueue
from inference_operator.shell.roll_call import RollCall
from inference_operator.shell.store import Identity, Known, ObjectStore, Unreadable

log: Any = structlog.get_logger(__name__)


class Reader(Protocol):
    """The part of a kind that reads objects."""

    def parse(self, body: Body) -> Any: ...
    def status_of(self, body: Body) -> ManagedStatus: ...


def read(kind: Reader, body: Body) -> Known:
    """An object as it was heard of."""
    try:
        found: Known = kind.parse(body)
    except InvalidObject as fault:
        return Unreadable(ObjectMeta.model_validate(body.get("metadata") or {}), kind.status_of(body), fault)
    return found


class Intake:
    """Takes in everything that can be heard about the objects."""

    def __init__(
        self,
        kinds: Mapping[str, AnyKind],
        *,
        store: ObjectStore,
        queue: WorkQueue[ObjectKey],
        kubernetes: KubernetesPort,
        clusters: Clusters,
        clock: Clock,
    ) -> None:
        self._kinds = kinds
        self._store = store
        self._queue = queue
        self._kubernetes = kubernetes
        self._clusters = clusters
        self._clock = clock
        self._roll_call = RollCall(kubernetes, store, clock, self.gone)

    async def all_heard(self) -> None:
        """Return when the objects that are there are known, in the version of this moment, and no others."""
        await self._roll_call.complete(self._kinds)

    def heard(self, plural: str, event: str | None, body: Body) -> None:
        """Take a watch event: `ADDED`, `MODIFIED`, `DELETED`, or None for an object of the first listing."""
        meta = body["metadata"]
        key = ObjectKey(plural, meta["namespace"], meta["name"])
        if event == "DELETED":
            self.gone(key, meta["uid"])
        else:
            self._take(plural, event, key, body)
        self._roll_call.heard(key, ended=event == "DELETED")

    def _take(self, plural: str, event: str | None, key: ObjectKey, body: Body) -> None:
        meta = body["metadata"]
        if meta.get("deletionTimestamp") and self._store.keeps(key):
            self._store.leaves(meta["uid"], self._clock.monotonic())
        if self._store.is_old(key, meta):
            return  # mostly our own write, whose answer was taken in
        change = self._store.observe(key, read(self._kinds[plural], body))
        if change is None or not change.is_news:
            return
        if change.before is not None and change.before.metadata.uid != meta["uid"]:
            self.forget(key, change.before)
        self._queue.succeeded(key)
        self._queue.add(key, _priority(change.after, is_listed=event is None))
        self._wake_others(key, change.after)
        if change.before is not None and _id_of(change.before) != _id_of(change.after):
            self._wake_others(key, change.before)

    def gone(self, key: ObjectKey, uid: str) -> None:
        """The object is not there any more."""
        needed = self._store.needs_of(key)
        known = self._store.remove(key, uid)
        if known is not None:
            self._queue.drop(key)
            self.forget(key, known)
            self._wake_others(key, known)
            self.wake_holders(needed)

    def changed(self, ref: ObjectRef) -> None:
        """A Secret or ConfigMap was created, changed or deleted."""
        for key in self._store.referrers(ref):
            self._queue.succeeded(key)
            self._queue.add(key, Priority.SECRET)

    def wake_holders(self, needed: Iterable[Identity]) -> None:
        """Somebody who names these changed: they may have lost or won a user."""
        for identity in needed:
            for key, _ in self._store.holders(identity):
                self._queue.add(key, Priority.DEPENDENCY)

    def wake_dependants(self, identity: Identity) -> None:
        """What stands under this identity came, went, or changed its mind about being ready."""
        for key in self._store.dependants(identity):
            self._queue.succeeded(key)
            self._queue.add(key, Priority.DEPENDENCY)

    async def resync(self, pause: float = 0.0) -> None:
        """Begin a new round: read each cluster anew and compare everything with it, one object every `pause` seconds."""
        for plural in self._kinds:
            await self._roll_call.prune(plural)  # what vanished while the watch was broken is never reported as deleted
        self._clusters.begin_round()
        for number, key in enumerate(self._store):
            self._queue.add(key, Priority.RESYNC, number * pause)

    def forget(self, key: ObjectKey, known: Known) -> None:
        """Hold nothing for an object any more: no client, no probe, no watch. May be called again."""
        self._kinds[key.plural].forget(key, known.metadata.uid)
        self._clusters.forget(key)
        self._store.refer(key, ())
        self._kubernetes.refer(key, ())

    def _wake_others(self, key: ObjectKey, known: Known) -> None:
        if isinstance(known, Unreadable):
            return
        for other, _ in self._store.namesakes(key, known.external_id):
            self._queue.add(other, Priority.DEPENDENCY)
        self.wake_dependants(Identity(key.plural, known.external_id))


def _priority(known: Known, *, is_listed: bool) -> Priority:
    """After a start most objects are as they were left, and must not hold up those that were edited."""
    meta = known.metadata
    if meta.deletion_timestamp is not None:
        return Priority.DELETION
    is_reported = known.status.observed_generation == meta.generation
    return Priority.RESYNC if is_listed and is_reported else Priority.EDIT


def _id_of(known: Known) -> str | None:
    """What it stands for in Elasticsearch; nothing while it can't be read."""
    return None if isinstance(known, Unreadable) else known.external_id
