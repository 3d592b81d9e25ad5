"""Whether what an object leaves behind is handed over instead of deleted.

It is, when another object wants the same id on the same cluster, and just what is there: who uses it notices nothing. Asks what
an adoption under `IfIdentical` asks, so that the heir takes what it is left. Without an object of the same id it asks nobody.
"""

from __future__ import annotations

from inference_operator.api.managed import ManagedObject
from inference_operator.api.policies import AdoptionPolicy, ManagementPolicy
from inference_operator.core.values import Observed, Server
from inference_operator.shell.kind import AnyKind
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.rivals import Whereabouts
from inference_operator.shell.store import ObjectStore


class Heirs:
    """Finds who comes after an object."""

    def __init__(self, store: ObjectStore, whereabouts: Whereabouts) -> None:
        self._store = store
        self._whereabouts = whereabouts

    def candidates(self, key: ObjectKey, found: ManagedObject) -> tuple[tuple[ObjectKey, ManagedObject], ...]:
        """Who might come after it, as far as memory tells."""
        return tuple(c for c in self._store.namesakes(key, found.external_id) if _may_inherit(c[1]))

    async def of(self, key: ObjectKey, found: ManagedObject, kind: AnyKind, server: Server, there: Observed) -> str | None:
        """The heir of what is `there`, as `namespace/name`; None where it is to go with its object."""
        for other_key, other in self.candidates(key, found):
            is_here = await self._whereabouts.is_on(other_key, other.spec.elasticsearch_ref, server)
            if is_here and await kind.inherits(other, there, server):
                return f"{other_key.namespace}/{other_key.name}"
        return None


def _may_inherit(other: ManagedObject) -> bool:
    """True for an object that would adopt what it finds now."""
    spec = other.spec
    if other.metadata.deletion_timestamp is not None or spec.suspend:
        return False
    return spec.management_policy is not ManagementPolicy.OBSERVE and spec.adoption_policy is not AdoptionPolicy.NEVER
