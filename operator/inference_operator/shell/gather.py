"""Everything that a decision needs to know, read from both sides into one `Situation`.

Reads as little as will do: nothing at all for a spec that can't be used, no Secret whose version is the known one, no endpoint
but through the bulk read. Decides nothing; what can't be read is a failure in the situation.
"""

from __future__ import annotations

from dataclasses import replace

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER, RECONCILE_ANNOTATION
from inference_operator.api.services import catalogue
from inference_operator.core import words
from inference_operator.core.failure import HttpFailure, ReferenceFailure, TransportFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.references import MalformedReference, blocks, inline_secrets, references
from inference_operator.core.situation import ClaimMark, Problem, Situation
from inference_operator.core.values import Server, dotted
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.heirs import Heirs
from inference_operator.shell.ports import KubernetesPort, NotFound, NotInstalled, ObjectKey
from inference_operator.shell.prober import Prober
from inference_operator.shell.rivals import Rivals
from inference_operator.shell.sources import Sources


def asked_to_reconcile(found: InferenceEndpoint) -> str | None:
    """The value of the reconcile-now annotation while it was not yet acted upon."""
    asked = found.metadata.annotations.get(RECONCILE_ANNOTATION)
    return asked if asked != found.status.last_handled_reconcile_at else None


def problem_of(found: InferenceEndpoint) -> Problem | None:
    """What is wrong with a spec beyond what its model says, as far as it can be told without asking anybody."""
    for reference in references(found.spec):
        if isinstance(reference, MalformedReference):
            return Problem(Reason.VALIDATION_FAILED, f"spec.{dotted(reference.path)}: {reference.message}")
    plain = inline_secrets(blocks(found.spec), catalogue().sensitive_names())
    return Problem(Reason.INLINE_SECRET, words.inline_secrets(plain)) if plain else None


class Gatherer:
    """Reads the world for one object at a time."""

    def __init__(
        self, kubernetes: KubernetesPort, clusters: Clusters, sources: Sources, rivals: Rivals, heirs: Heirs, prober: Prober
    ) -> None:
        self._kubernetes = kubernetes
        self._clusters = clusters
        self._sources = sources
        self._rivals = rivals
        self._heirs = heirs
        self._prober = prober

    async def gather(self, key: ObjectKey, found: InferenceEndpoint) -> tuple[Situation, Cluster | None]:
        """The situation, and the cluster to act on, None where it can't be told which."""
        situation = replace(_of_object(found), probe=self._prober.latest(key, found.metadata.uid))
        if situation.deleting and not situation.has_finalizer:
            return situation, None
        if situation.problem is not None and not situation.deleting:
            return situation, None
        cluster = await self._clusters.cluster_of(key, found.spec.elasticsearch_ref)
        if isinstance(cluster, ReferenceFailure):
            return await self._cut_off(key, found, situation, cluster)
        if situation.deleting:
            return await self._of_end(key, found, situation, cluster), cluster
        return await self._of_world(key, found, situation, cluster), cluster

    async def _cut_off(
        self, key: ObjectKey, found: InferenceEndpoint, situation: Situation, failure: ReferenceFailure
    ) -> tuple[Situation, Cluster | None]:
        """A deletion goes on with the client that the object used last; it is given up where there won't ever be one."""
        if not situation.deleting:
            return replace(situation, failure=failure), None
        last = self._clusters.last_cluster_of(key)
        if last is not None:
            return await self._of_end(key, found, situation, last), last
        return replace(situation, failure=failure, abandoned=await self._is_abandoned(key, found)), None

    async def _is_abandoned(self, key: ObjectKey, found: InferenceEndpoint) -> bool:
        """True when there is no client and won't be one: the ECK cluster is gone, or the namespace goes with its Secrets."""
        ref = found.spec.elasticsearch_ref
        if ref is not None and ref.name is not None:
            cluster = await self._kubernetes.get_elasticsearch(ref.namespace or key.namespace, ref.name)
            if isinstance(cluster, NotFound | NotInstalled):
                return True
        return await self._kubernetes.namespace_terminating(key.namespace) is True

    async def _of_end(self, key: ObjectKey, found: InferenceEndpoint, situation: Situation, cluster: Cluster) -> Situation:
        situation = await _with_server(situation, cluster)
        if situation.server is None or not situation.owned or not situation.deletes:
            return situation
        return replace(situation, heir=await self._heirs.of(key, found, situation.server, cluster))

    async def _of_world(self, key: ObjectKey, found: InferenceEndpoint, situation: Situation, cluster: Cluster) -> Situation:
        desired = await self._sources.desired(found)
        if isinstance(desired, ReferenceFailure):
            return replace(situation, failure=desired)
        situation = replace(situation, desired=desired, secrets_changed=self._sources.changed(found, desired))
        situation = await _with_server(situation, cluster)
        if situation.server is None:
            return situation
        situation = replace(situation, rival=self._rivals.of(key, found, situation.server))
        return await self._with_endpoint(found, situation, cluster)

    async def _with_endpoint(self, found: InferenceEndpoint, situation: Situation, cluster: Cluster) -> Situation:
        asked = asked_to_reconcile(found) is not None
        observed = await (cluster.look if asked else cluster.peek)(situation.inference_id)
        if isinstance(observed, HttpFailure | TransportFailure | ReferenceFailure):
            return replace(situation, failure=observed)
        referrers = await cluster.referrers(situation.inference_id)
        return replace(situation, observed=observed, fresh=asked, referrers=referrers)


def _of_object(found: InferenceEndpoint) -> Situation:
    meta = found.metadata
    return Situation(
        uid=meta.uid,
        generation=meta.generation,
        inference_id=found.resolved_inference_id,
        spec=found.spec,
        previous=found.status,
        deleting=meta.deletion_timestamp is not None,
        has_finalizer=FINALIZER in meta.finalizers,
        claim=ClaimMark.parse(meta.annotations.get(CLAIM_ANNOTATION)),
        problem=problem_of(found),
    )


async def _with_server(situation: Situation, cluster: Cluster) -> Situation:
    server = await cluster.server()
    return replace(situation, server=server) if isinstance(server, Server) else replace(situation, failure=server)
