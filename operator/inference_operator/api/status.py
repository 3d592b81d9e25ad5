"""What every kind reports in `status`, and the parts of it. Writers may rely on the bounds named here.

Imports only the shared model parts.
"""

from enum import StrEnum
from typing import Literal

from pydantic import Field

from inference_operator.api.meta import ApiModel

MAX_REFERRERS = 20
MAX_DRIFT = 20


class ClusterStatus(ApiModel):
    """The Elasticsearch cluster, as it names itself."""

    uuid: str | None = None
    """The cluster's own UUID; left out while it could not be read."""
    version: str | None = None
    """The version of Elasticsearch, for example 9.2.0."""


class ModelStatus(ApiModel):
    """The model behind the endpoint, as Elasticsearch reports it."""

    id: str | None = None
    """Name of the model, as the service calls it."""
    dimensions: int | None = None
    """Length of the embedding vectors."""
    similarity: str | None = None
    """Similarity measure of the vectors: cosine, dot_product or l2_norm."""
    element_type: str | None = None
    """Element type of the vectors, for example float, byte or bit."""


class DeploymentStatus(ApiModel):
    """The deployment of a model that runs inside the cluster."""

    id: str | None = None
    """Id of the deployment; normally the inference id."""
    state: str | None = None
    """State of the deployment: starting, started, stopping or failed."""
    allocation_state: str | None = None
    """How far the allocations have come: starting, started or fully_allocated."""
    allocation_count: int | None = None
    """Allocations that are running."""
    target_allocation_count: int | None = None
    """Allocations that are wanted. 0: adaptive allocations scaled an idle model to zero, which is healthy."""
    reason: str | None = None
    """Why the deployment failed or waits, in the words of Elasticsearch."""


class UsedBy(ApiModel):
    """Who referred to it when last checked."""

    pipelines: tuple[str, ...] = Field(default=(), max_length=MAX_REFERRERS)
    """Ingest pipelines that use it, at most 20 of them."""
    indices: tuple[str, ...] = Field(default=(), max_length=MAX_REFERRERS)
    """Indices and index templates that use it, at most 20 of them."""
    total: int = Field(default=0, ge=0)
    """How many there are altogether."""


class Difference(ApiModel):
    """One setting that is not what the spec says."""

    path: str
    """The setting, for example serviceSettings.rate_limit.requests_per_minute or processors[2].set.value."""
    desired: str | None = None
    """What the spec says, as JSON; a value from a Secret reads <secret name/key>. Left out when the spec has no such
    setting."""
    observed: str | None = None
    """What Elasticsearch holds, as JSON. Left out when it holds no such setting."""


class Applied(ApiModel):
    """What the operator last wrote to Elasticsearch with success."""

    generation: int
    """The metadata.generation that was written."""
    digest: str | None = None
    """Digest of the settings as written, references instead of secret values. Left out where they are not there as a whole."""
    paths: tuple[str, ...] = ()
    """The settings that were set, so that one which is left out later counts as a change, too."""


class SourceKind(StrEnum):
    """The kind of object that values come from."""

    SECRET = "Secret"  # noqa: S105 - the name of a kind
    CONFIG_MAP = "ConfigMap"


class SecretVersion(ApiModel):
    """The version of a Secret or ConfigMap whose values were last written to Elasticsearch."""

    kind: SourceKind = SourceKind.SECRET
    """Secret or ConfigMap."""
    name: str
    """Name of the Secret or ConfigMap."""
    uid: str
    """Its metadata.uid: another one means that it was deleted and created again."""
    resource_version: str
    """Its metadata.resourceVersion: another one means that its values may have changed."""


class LastProbe(ApiModel):
    """The outcome of the last inference that the operator made to test the endpoint."""

    outcome: Literal["Succeeded", "Failed"]
    """Succeeded or Failed."""
    message: str = ""
    """What the probe found, for humans."""
    since: str = Field(json_schema_extra={"format": "date-time"})
    """Since when the outcome is the same (RFC 3339)."""
