"""Carries out one step, against Elasticsearch or on the object's metadata, and brings back the answer. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from inference_operator.api.managed import ManagedObject
from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER
from inference_operator.core.failure import Failure
from inference_operator.core.situation import Answer, Patched, Situation
from inference_operator.core.values import Server
from inference_operator.core.verdict import SENT, Claim, Resolve, SetFinalizer, Step, Unclaim
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.intake import read
from inference_operator.shell.kind import AnyKind
from inference_operator.shell.ports import Body, Conflict, Gone, KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.store import ObjectStore

_IDENTITY_BELIEVED = 5.0
"""For how many seconds a reading may serve many writes that tells which cluster answers at an address."""


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another cluster answers at the address by now than the one that was looked at."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The world is another one than the one that was looked at.

    Kubernetes did not take a patch, as the object is another one by now (`Conflict`, `Gone`), or can't be written; or the cluster
    is another one.
    """

    by: Conflict | Gone | KubernetesFailure | Replaced
    uid: str


Outcome: TypeAlias = Answer | Interrupted


class Actor:
    """The hands of a reconcile."""

    def __init__(self, kubernetes: KubernetesPort, store: ObjectStore) -> None:
        self._kubernetes = kubernetes
        self._store = store

    async def act(
        self, key: ObjectKey, found: ManagedObject, kind: AnyKind, s: Situation, step: Step, cluster: Cluster | None
    ) -> Outcome:
        """Do it. `found` must be the latest version of the object of `s`; `cluster` is needed for all but the patches."""
        if isinstance(step, Claim | Unclaim | SetFinalizer):
            return await self._patch(key, found, kind, s, step)
        if isinstance(step, Resolve):
            return await kind.resolve(found)
        assert cluster is not None, f"{step} needs a cluster"
        if isinstance(step, SENT) and (stop := await _fenced(s, cluster)) is not None:
            return Interrupted(stop, s.uid) if isinstance(stop, Replaced) else stop
        return await kind.act(found, s, step, cluster)

    async def _patch(
        self, key: ObjectKey, found: ManagedObject, kind: AnyKind, s: Situation, step: Claim | Unclaim | SetFinalizer
    ) -> Patched | Interrupted:
        meta = found.metadata
        others = tuple(name for name in meta.finalizers if name != FINALIZER)
        finalizers = (*others, FINALIZER) if _wants_finalizer(s, step) else others
        annotations: dict[str, str | None] = {}
        if not isinstance(step, SetFinalizer):
            annotations[CLAIM_ANNOTATION] = str(s.new_claim) if isinstance(step, Claim) else None
        answer = await self._kubernetes.patch_metadata(
            key, uid=s.uid, resource_version=meta.resource_version, finalizers=finalizers, annotations=annotations or None
        )
        if isinstance(answer, Conflict | Gone | KubernetesFailure):
            return Interrupted(answer, s.uid)
        self._note(key, kind, answer)
        return Patched()

    def _note(self, key: ObjectKey, kind: AnyKind, body: Body) -> None:
        """Our own write is the latest that is known; its watch event comes later and is no news then.

        An object whose last finalizer went is left to its DELETED event. That may be here already: noting it would bring it back.
        """
        meta = body["metadata"]
        known = self._store.get(key)
        is_last = "deletionTimestamp" in meta and not meta.get("finalizers")
        if known is not None and known.metadata.uid == meta["uid"] and not is_last:
            self._store.observe(key, read(kind, body))


async def _fenced(s: Situation, cluster: Cluster) -> Replaced | Failure | None:
    """Why nothing may be written, None where it may.

    What is ours is so by a claim that names the cluster: in another one the same id may be a stranger's. Where it can't be told
    who answers, it may be another one.
    """
    now = await cluster.server(_IDENTITY_BELIEVED)
    if not isinstance(now, Server):
        return now
    return Replaced() if s.server is not None and not now.is_same(s.server) else None


def _wants_finalizer(s: Situation, step: Claim | Unclaim | SetFinalizer) -> bool:
    match step:
        case Claim():
            return s.deletes
        case Unclaim():
            return False
        case SetFinalizer(present=present):
            return present
