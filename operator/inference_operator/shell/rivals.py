"""Two objects, one endpoint: who owns it.

The one that holds the claim; without a claim the older, then the smaller uid. An object that only observes never owns, and one
that is on its way out without a claim does not either. Looks into memory only.
"""

from __future__ import annotations

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.meta import CLAIM_ANNOTATION
from inference_operator.api.policies import ManagementPolicy
from inference_operator.core.situation import ClaimMark
from inference_operator.core.values import Server
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.store import ObjectStore


class Rivals:
    """Knows which cluster each object was last seen to belong to."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._clusters: dict[str, Server] = {}

    def of(self, key: ObjectKey, found: InferenceEndpoint, server: Server) -> str | None:
        """The owner of the id, as `namespace/name`, if it is another object."""
        self._clusters[found.metadata.uid] = server
        own = _claim(found)
        if own is not None and server.is_called(own.cluster):
            return None
        for other_key, other in sorted(self._store.namesakes(key, found.resolved_inference_id)):
            if other.spec.management_policy is not ManagementPolicy.OBSERVE and self._precedes(other, found, server):
                return f"{other_key.namespace}/{other_key.name}"
        return None

    def forget(self, uid: str) -> None:
        """The object is gone."""
        self._clusters.pop(uid, None)

    def _precedes(self, other: InferenceEndpoint, found: InferenceEndpoint, server: Server) -> bool:
        claim = _claim(other)
        if claim is not None and (claim.cluster in (server.uuid, server.address) or self._is_on(other, server)):
            return True
        if other.metadata.deletion_timestamp is not None or not self._is_on(other, server):
            return False
        return _age(other) < _age(found)

    def _is_on(self, other: InferenceEndpoint, server: Server) -> bool:
        known = self._clusters.get(other.metadata.uid)
        if known is None:
            return False
        return known.address == server.address if None in (known.uuid, server.uuid) else known.uuid == server.uuid


def _claim(found: InferenceEndpoint) -> ClaimMark | None:
    claim = ClaimMark.parse(found.metadata.annotations.get(CLAIM_ANNOTATION))
    if claim is None or claim.uid != found.metadata.uid or claim.inference_id != found.resolved_inference_id:
        return None
    return claim


def _age(found: InferenceEndpoint) -> tuple[str, str]:
    return (found.metadata.creation_timestamp or "", found.metadata.uid)
