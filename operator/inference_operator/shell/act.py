"""Carries out one step, against Elasticsearch or on the object's metadata, and brings back the answer. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER
from inference_operator.core.compare import with_defaults
from inference_operator.core.failure import Failure
from inference_operator.core.situation import Answer, Patched, Situation
from inference_operator.core.values import Observed
from inference_operator.core.verdict import (
    Claim,
    Create,
    Delete,
    DryRun,
    Inspect,
    Look,
    Resolve,
    SetFinalizer,
    Step,
    Unclaim,
    Update,
    Validate,
)
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.ports import Body, Conflict, Gone, KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.sources import Sources
from inference_operator.shell.store import ObjectStore


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Kubernetes did not take a patch: the object is another one by now (`Conflict`, `Gone`), or can't be written."""

    by: Conflict | Gone | KubernetesFailure
    uid: str


Outcome: TypeAlias = Answer | Interrupted


class Actor:
    """The hands of a reconcile."""

    def __init__(self, kubernetes: KubernetesPort, store: ObjectStore, sources: Sources) -> None:
        self._kubernetes = kubernetes
        self._store = store
        self._sources = sources

    async def act(self, key: ObjectKey, found: InferenceEndpoint, s: Situation, step: Step, cluster: Cluster | None) -> Outcome:
        """Do it. `found` must be the latest version of the object; `cluster` is needed for all but the patches."""
        if isinstance(step, Claim | Unclaim | SetFinalizer):
            return await self._patch(key, found, s, step)
        if isinstance(step, Resolve):
            return await self._sources.desired(found, read_all=True)
        assert cluster is not None, f"{step} needs a cluster"
        match step:
            case Create() | Update() | Validate():
                return await self._write(s, step, cluster)
            case Look():
                return await cluster.look(s.inference_id)
            case DryRun():
                # A forced deletion goes on whatever is found, so it must not depend on the search.
                return await cluster.users(s.inference_id, search=not (s.deleting and s.spec.force_delete))
            case Delete(force=force):
                return await cluster.delete(s.inference_id, force=force)
            case Inspect():
                return await cluster.deployment(s.deployment_id)

    async def _write(self, s: Situation, step: Create | Update | Validate, cluster: Cluster) -> Answer:
        assert s.desired is not None
        timeout = s.spec.timeout_seconds
        answer: Observed | Failure
        if isinstance(step, Update):
            answer = await cluster.update(with_defaults(s.desired, s.mendable), step.paths, timeout)
        else:
            put = cluster.create if isinstance(step, Create) else cluster.validate
            answer = await put(s.desired, timeout)
        if isinstance(answer, Observed):
            self._sources.note_sent(s.uid, s.desired)
        return answer

    async def _patch(
        self, key: ObjectKey, found: InferenceEndpoint, s: Situation, step: Claim | Unclaim | SetFinalizer
    ) -> Patched | Interrupted:
        meta = found.metadata
        others = tuple(name for name in meta.finalizers if name != FINALIZER)
        finalizers = (*others, FINALIZER) if _wants_finalizer(s, step) else others
        annotations: dict[str, str | None] = {}
        if not isinstance(step, SetFinalizer):
            annotations[CLAIM_ANNOTATION] = str(s.new_claim) if isinstance(step, Claim) else None
        answer = await self._kubernetes.patch_metadata(
            key, uid=meta.uid, resource_version=meta.resource_version, finalizers=finalizers, annotations=annotations or None
        )
        if isinstance(answer, Conflict | Gone | KubernetesFailure):
            return Interrupted(answer, meta.uid)
        self._note(key, answer)
        return Patched()

    def _note(self, key: ObjectKey, body: Body) -> None:
        """Our own write is the latest that is known; its watch event comes later and is no news then.

        An object whose last finalizer went is left to its DELETED event. That may be here already: noting it would bring it back.
        """
        meta = body["metadata"]
        known = self._store.get(key)
        is_last = "deletionTimestamp" in meta and not meta.get("finalizers")
        if known is not None and known.metadata.uid == meta["uid"] and not is_last:
            self._store.observe(key, body)


def _wants_finalizer(s: Situation, step: Claim | Unclaim | SetFinalizer) -> bool:
    match step:
        case Claim():
            return s.deletes
        case Unclaim():
            return False
        case SetFinalizer(present=present):
            return present
