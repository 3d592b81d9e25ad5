"""What every kind has in common, whatever it stands for in Elasticsearch: the policies of `spec`, the report of `status`.

The kinds' own models satisfy these protocols by their fields; nothing inherits from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.meta import Condition, ObjectMeta
from inference_operator.api.policies import AdoptionPolicy, DeletionPolicy, DriftPolicy, ManagementPolicy
from inference_operator.api.status import Applied, ClusterStatus, Difference, UsedBy


class ManagedSpec(Protocol):
    """Where it lives in Elasticsearch, and what the operator may do with it."""

    @property
    def elasticsearch_ref(self) -> ElasticsearchRef | None: ...
    @property
    def adoption_policy(self) -> AdoptionPolicy: ...
    @property
    def drift_policy(self) -> DriftPolicy: ...
    @property
    def deletion_policy(self) -> DeletionPolicy: ...
    @property
    def management_policy(self) -> ManagementPolicy: ...
    @property
    def force_delete(self) -> bool: ...
    @property
    def suspend(self) -> bool: ...


class ManagedStatus(Protocol):
    """What the operator said last."""

    @property
    def observed_generation(self) -> int: ...
    @property
    def conditions(self) -> tuple[Condition, ...]: ...
    @property
    def cluster(self) -> ClusterStatus | None: ...
    @property
    def observed(self) -> dict[str, Any] | None: ...
    @property
    def used_by(self) -> UsedBy | None: ...
    @property
    def drift(self) -> tuple[Difference, ...]: ...
    @property
    def applied(self) -> Applied | None: ...
    @property
    def last_handled_reconcile_at(self) -> str | None: ...

    def body(self) -> dict[str, Any]:
        """The status as it is written."""
        ...

    def model_copy(self, *, update: Mapping[str, Any] | None = None) -> Any:
        """The same status with some fields changed."""
        ...


class ManagedObject(Protocol):
    """An object of any kind."""

    @property
    def metadata(self) -> ObjectMeta: ...
    @property
    def spec(self) -> ManagedSpec: ...
    @property
    def status(self) -> ManagedStatus: ...

    @property
    def external_id(self) -> str:
        """The id in Elasticsearch."""
        ...
