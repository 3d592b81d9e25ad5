"""Whether the endpoint of an object that goes is handed over instead of deleted.

It is, when another object wants the same id on the same cluster, and just what is there: who uses the endpoint notices
nothing. Asks what an adoption under `IfIdentical` asks, so that the heir takes what it is left. Without an object of the
same id it asks nobody.
"""

from __future__ import annotations

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.policies import AdoptionPolicy, ManagementPolicy
from inference_operator.core.compare import Yardstick, compare
from inference_operator.core.values import Desired, Observed, Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.sources import Sources
from inference_operator.shell.store import ObjectStore


class Heirs:
    """Finds who comes after an object."""

    def __init__(self, store: ObjectStore, clusters: Clusters, sources: Sources) -> None:
        self._store = store
        self._clusters = clusters
        self._sources = sources

    async def of(self, key: ObjectKey, found: InferenceEndpoint, server: Server, cluster: Cluster) -> str | None:
        """The heir as `namespace/name`; None where the endpoint is to go with its object."""
        candidates = [c for c in sorted(self._store.namesakes(key, found.resolved_inference_id)) if _may_inherit(c[1])]
        if not candidates:
            return None
        there = await cluster.look(found.resolved_inference_id)
        if not isinstance(there, Observed):
            return None
        for other_key, other in candidates:
            if await self._wants(other_key, other, server, there):
                return f"{other_key.namespace}/{other_key.name}"
        return None

    async def _wants(self, key: ObjectKey, other: InferenceEndpoint, server: Server, there: Observed) -> bool:
        cluster = await self._clusters.cluster_of(key, other.spec.elasticsearch_ref)
        if not isinstance(cluster, Cluster) or not _is_same(await cluster.server(), server):
            return False
        desired = await self._sources.desired(other, read_all=True)
        if not isinstance(desired, Desired):
            return False
        return not compare(desired, there, Yardstick(server.parsed_version, absent_counts=True))


def _may_inherit(other: InferenceEndpoint) -> bool:
    """True for an object that would adopt an endpoint now if it found one."""
    spec = other.spec
    if other.metadata.deletion_timestamp is not None or spec.suspend:
        return False
    return spec.management_policy is not ManagementPolicy.OBSERVE and spec.adoption_policy is not AdoptionPolicy.NEVER


def _is_same(one: object, other: Server) -> bool:
    if not isinstance(one, Server):
        return False
    return one.address == other.address if None in (one.uuid, other.uuid) else one.uuid == other.uuid
