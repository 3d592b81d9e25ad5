"""Everything that a decision needs to know, read from both sides into one `Situation`.

Reads as little as will do: nothing at all for a spec that can't be used, no Secret whose version is the known one, nothing of
Elasticsearch but through the bulk reads. Decides nothing; what can't be read is a failure in the situation.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.managed import ManagedObject
from inference_operator.api.meta import RECONCILE_ANNOTATION
from inference_operator.core.failure import Failure, ReferenceFailure, ReferenceKind
from inference_operator.core.situation import Situation
from inference_operator.core.values import Observed, Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.heirs import Heirs
from inference_operator.shell.kind import AnyKind
from inference_operator.shell.ports import KubernetesPort, NotFound, NotInstalled, ObjectKey
from inference_operator.shell.rivals import Rivals


def asked_to_reconcile(found: ManagedObject) -> str | None:
    """The value of the reconcile-now annotation while it was not yet acted upon."""
    asked = found.metadata.annotations.get(RECONCILE_ANNOTATION)
    return asked if asked != found.status.last_handled_reconcile_at else None


class Gatherer:
    """Reads the world for one object at a time."""

    def __init__(self, kubernetes: KubernetesPort, clusters: Clusters, rivals: Rivals, heirs: Heirs) -> None:
        self._kubernetes = kubernetes
        self._clusters = clusters
        self._rivals = rivals
        self._heirs = heirs

    async def gather(self, key: ObjectKey, found: ManagedObject, kind: AnyKind) -> tuple[Situation, Cluster | None]:
        """The situation, and the cluster to act on, None where it can't be told which."""
        s: Situation = kind.begin(key, found)
        if s.deleting and not s.has_finalizer:
            return s, None
        if s.problem is not None and not s.deleting:
            return s, None
        cluster = await self._clusters.cluster_of(key, found.spec.elasticsearch_ref)
        if isinstance(cluster, ReferenceFailure):
            return await self._cut_off(key, found, kind, s, cluster)
        if s.deleting:
            return await self._of_end(key, found, kind, s, cluster), cluster
        return await self._of_world(key, found, kind, s, cluster), cluster

    async def _cut_off(
        self, key: ObjectKey, found: ManagedObject, kind: AnyKind, s: Situation, failure: ReferenceFailure
    ) -> tuple[Situation, Cluster | None]:
        """A deletion goes on with the client that the object used last; it is given up where there won't ever be one."""
        if not s.deleting:
            return replace(s, failure=failure), None
        last = self._clusters.last_cluster_of(key)
        if last is not None:
            return await self._of_end(key, found, kind, s, last), last
        return replace(s, failure=failure, abandoned=await self._is_abandoned(key, found, failure)), None

    async def _is_abandoned(self, key: ObjectKey, found: ManagedObject, failure: ReferenceFailure) -> bool:
        """True when there is no client and won't be one: the ECK cluster is gone, or a Secret that went with the namespace.

        What can't be read, used or reached just now may be mended, and so may what is missing in a namespace that stays.
        """
        ref = found.spec.elasticsearch_ref
        if ref is not None and ref.name is not None:
            cluster = await self._kubernetes.get_elasticsearch(ref.namespace or key.namespace, ref.name)
            if isinstance(cluster, NotFound | NotInstalled):
                return True
        if failure.kind is not ReferenceKind.CONNECTION_NOT_FOUND:
            return False
        return await self._kubernetes.namespace_terminating(key.namespace) is True and await self._has_lost_a_secret(key, ref)

    async def _has_lost_a_secret(self, key: ObjectKey, ref: ElasticsearchRef | None) -> bool:
        """True when one that the connection is read from lay in the object's own namespace, and is gone."""
        own = [source for source in self._clusters.sources_of(key, ref) if source.namespace == key.namespace]
        found = await asyncio.gather(*(self._kubernetes.read_secret(source.namespace, source.name) for source in own))
        return any(isinstance(answer, NotFound) for answer in found)

    async def _of_end(self, key: ObjectKey, found: ManagedObject, kind: AnyKind, s: Situation, cluster: Cluster) -> Situation:
        s = await _with_server(s, cluster)
        if s.server is None or not s.claimed_by_uid or not s.deletes:
            return s
        if not self._heirs.candidates(key, found) and not kind.marks_its_own:
            return s
        there = await kind.look(found, s, cluster)
        if kind.marks_its_own:
            s = replace(s, failure=there) if isinstance(there, Failure) else kind.seen(found, s, there)
        if not isinstance(there, Observed) or not s.owned or s.server is None:
            return s
        return replace(s, heir=await self._heirs.of(key, found, kind, s.server, there))

    async def _of_world(self, key: ObjectKey, found: ManagedObject, kind: AnyKind, s: Situation, cluster: Cluster) -> Situation:
        s = await kind.desire(found, s)
        if s.failure is not None:
            return s
        s = await _with_server(s, cluster)
        if s.server is None:
            return s
        s = replace(s, rival=await self._rivals.of(key, found, s.server))
        observed: Situation = await kind.observe(key, found, s, cluster, anew=asked_to_reconcile(found) is not None)
        return observed


async def _with_server(s: Situation, cluster: Cluster) -> Situation:
    server = await cluster.server()
    return replace(s, server=server) if isinstance(server, Server) else replace(s, failure=server)
