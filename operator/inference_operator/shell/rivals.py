"""Two objects, one id: who owns it.

The one that holds the claim; without a claim the older, then the smaller uid. An object that only observes never owns, and one
that is on its way out without a claim does not either. On which cluster another object is, is asked of its connection, so that
the first to be worked off after a start has no advantage.
"""

from __future__ import annotations

from typing import Protocol

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.managed import ManagedObject
from inference_operator.api.meta import CLAIM_ANNOTATION
from inference_operator.api.policies import ManagementPolicy
from inference_operator.core.situation import ClaimMark
from inference_operator.core.values import Server
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.store import ObjectStore


class Whereabouts(Protocol):
    """Tells on which cluster an object is; `shell.clusters` does."""

    async def is_on(self, key: ObjectKey, ref: ElasticsearchRef | None, server: Server) -> bool:
        """False where it can't be told: who can't reach a cluster owns nothing there."""
        ...


class Rivals:
    """Finds who else has a right to an id."""

    def __init__(self, store: ObjectStore, whereabouts: Whereabouts) -> None:
        self._store = store
        self._whereabouts = whereabouts

    async def of(self, key: ObjectKey, found: ManagedObject, server: Server) -> str | None:
        """The owner of the id, as `namespace/name`, if it is another object."""
        for other_key, other in self._store.namesakes(key, found.external_id):
            if other.spec.management_policy is ManagementPolicy.OBSERVE:
                continue
            if await self._precedes(other_key, other, found, server):
                return f"{other_key.namespace}/{other_key.name}"
        return None

    async def _precedes(self, key: ObjectKey, other: ManagedObject, found: ManagedObject, server: Server) -> bool:
        own, claim = claim_of(found), claim_of(other)
        claims_here = claim is not None and claim.cluster in (server.uuid, server.address)
        if own is not None and server.is_called(own.cluster):
            return claims_here and _age(other) < _age(found)  # two claims are a fault of the past; the older one holds
        if claims_here:
            return True
        if not await self._whereabouts.is_on(key, other.spec.elasticsearch_ref, server):
            return False
        if claim is not None:
            return True  # it was made on a cluster that was at this address before
        return other.metadata.deletion_timestamp is None and _age(other) < _age(found)


def claim_of(found: ManagedObject) -> ClaimMark | None:
    """The claim of an object, if it counts: for its own uid and id."""
    claim = ClaimMark.parse(found.metadata.annotations.get(CLAIM_ANNOTATION))
    if claim is None or claim.uid != found.metadata.uid or claim.external_id != found.external_id:
        return None
    return claim


def _age(found: ManagedObject) -> tuple[str, str]:
    return (found.metadata.creation_timestamp or "", found.metadata.uid)
