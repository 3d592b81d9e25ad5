"""The kind `InferenceEndpoint`: what a user writes in `spec` and reads in `status`.

Decides which documents are valid, as far as one document can tell; what may not change between two versions of an
object is said by CEL rules alone. Must not do I/O.
"""

from typing import Any, Self

from pydantic import ConfigDict, Field, model_validator

from inference_operator.api.connection import CLUSTER_STAYS_CHOSEN, ElasticsearchRef
from inference_operator.api.durations import Interval, Timeout, seconds
from inference_operator.api.ids import InferenceId, ServiceName, TaskType, is_reserved
from inference_operator.api.kubernetes_object import KubernetesObject, id_stays
from inference_operator.api.meta import ApiModel, Condition
from inference_operator.api.policies import (
    AdoptionPolicy,
    DeletionPolicy,
    DriftPolicy,
    ManagementPolicy,
    ReplacePolicy,
)
from inference_operator.api.rules import Rule, validations
from inference_operator.api.secret_settings import type_secrets
from inference_operator.api.status import (
    MAX_DRIFT,
    Applied,
    ClusterStatus,
    DeploymentStatus,
    Difference,
    LastProbe,
    ModelStatus,
    SecretVersion,
    UsedBy,
)

KIND = "InferenceEndpoint"


class Probe(ApiModel):
    """A real inference, made regularly to see that the endpoint answers."""

    enabled: bool = False
    """Whether to probe. Each probe calls the provider and may cost money."""
    interval: Interval = "1h"
    """Time between two probes, from 10s to 720h, for example 1h or 30m."""
    input: str = Field(default="ping", min_length=1, max_length=4096)
    """The text to send. For rerank it is both the query and the document."""


_RESERVED_ID = (
    "ids with a leading dot belong to Elasticsearch: choose another inferenceId,"
    " or set managementPolicy: Observe to watch the endpoint without changing it"
)


class InferenceEndpointSpec(ApiModel):
    """The inference endpoint as it should be."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            Rule(
                "!has(self.inferenceId) || !self.inferenceId.startsWith('.') || self.managementPolicy == 'Observe'",
                _RESERVED_ID,
                field_path=".inferenceId",
            ),
            CLUSTER_STAYS_CHOSEN,
        )
    )

    elasticsearch_ref: ElasticsearchRef | None = None
    """The Elasticsearch cluster that holds the endpoint. Left out: the operator's default connection, where the
    operator offers one to this namespace. Which cluster it is can't be changed later; delete the object and create
    it anew."""
    inference_id: InferenceId | None = None
    """Id of the endpoint in Elasticsearch, the one that mappings and queries use. Default: metadata.name. It can't
    be changed later. Ids with a leading dot belong to Elasticsearch and can only be observed (managementPolicy:
    Observe)."""
    task_type: TaskType
    """What the endpoint does: text_embedding, sparse_embedding, rerank, completion, chat_completion, or another task
    type that the Elasticsearch version knows."""
    service: ServiceName
    """The service that runs the model, in the words of Elasticsearch: openai, cohere, elasticsearch, custom and so
    on."""
    service_settings: dict[str, Any] = Field(default={}, max_length=128, json_schema_extra=type_secrets)
    """Settings of the service, passed to Elasticsearch as they are, so their names are snake_case. Any value, at any
    depth, may be a reference {valueFrom: {secretKeyRef: {name, key}}} or {valueFrom: {configMapKeyRef: {name,
    key}}}. Secret settings such as api_key must be references: plain text is refused."""
    task_settings: dict[str, Any] = Field(default={}, max_length=128)
    """Settings of the task, passed to Elasticsearch as they are, so their names are snake_case. Values may be
    references, as in serviceSettings."""
    chunking_settings: dict[str, Any] | None = Field(default=None, max_length=32)
    """How long texts are cut for text_embedding and sparse_embedding, passed to Elasticsearch as they are: strategy
    (sentence, word, recursive, none), max_chunk_size, sentence_overlap, overlap, separators, separator_group."""
    adoption_policy: AdoptionPolicy = AdoptionPolicy.IF_IDENTICAL
    """What to do when the endpoint is already there and no object owns it. Never: leave it alone and report.
    IfIdentical: take it over if its settings are those of this object. Always: take it over and make it so. An
    endpoint that was taken over is deleted together with this object, unless deletionPolicy is Retain."""
    replace_policy: ReplacePolicy = ReplacePolicy.NEVER
    """What to do with a change that Elasticsearch can't make in place. Never: keep the old endpoint and report which
    settings need it. WhenUnused: delete and create the endpoint if no index and no pipeline refers to it. Always:
    even if they do; they fail for the moment in which the endpoint is absent."""
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    """What to do when somebody else changed the endpoint in Elasticsearch. Correct: put it back. Detect: list the
    differences in status.drift. Changes of this object are applied in both cases."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """What happens to the endpoint when this object is deleted. Delete: it is deleted, too. Retain: it stays in
    Elasticsearch."""
    management_policy: ManagementPolicy = ManagementPolicy.MANAGE
    """Manage: the operator creates, changes and deletes the endpoint. Observe: it only reads it and reports; it
    never writes to Elasticsearch. The only way for endpoints that Elasticsearch ships itself, whose ids start with a
    dot."""
    force_delete: bool = False
    """Delete the endpoint together with this object although indices or pipelines refer to it. They fail from then
    on."""
    suspend: bool = False
    """Stop creating and changing the endpoint until this is false again. Deletion of the object is still carried
    out."""
    timeout: Timeout = "30s"
    """How long Elasticsearch may take for one write, which includes its test call to the provider: from 1ms to 1h,
    for example 30s or 2m. The download of an in-cluster model is not bounded by it."""
    probe: Probe = Probe()
    """A real inference, made regularly to see that the endpoint answers. Off by default."""

    @property
    def timeout_seconds(self) -> float:
        """The timeout in seconds."""
        return seconds(self.timeout)

    @model_validator(mode="after")
    def _only_observed_when_reserved(self) -> Self:
        reserved = self.inference_id is not None and is_reserved(self.inference_id)
        if reserved and self.management_policy is not ManagementPolicy.OBSERVE:
            raise ValueError(_RESERVED_ID)
        return self


class InferenceEndpointStatus(ApiModel):
    """The inference endpoint as the operator last saw it."""

    observed_generation: int = -1
    """The metadata.generation that this status describes; -1 before the operator has seen the object."""
    conditions: tuple[Condition, ...] = Field(
        default=(),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """State of the object. Ready says whether the endpoint can be used; Stalled, that a person must act."""
    inference_id: str | None = None
    """Id of the endpoint in Elasticsearch."""
    cluster: ClusterStatus | None = None
    """The Elasticsearch cluster that holds the endpoint."""
    observed: dict[str, Any] | None = None
    """The endpoint as Elasticsearch returns it. Values that come from a Secret are never shown."""
    model: ModelStatus | None = None
    """The model behind the endpoint."""
    deployment: DeploymentStatus | None = None
    """The deployment of an in-cluster model."""
    used_by: UsedBy | None = None
    """What refers to the endpoint and so blocks its deletion, as last checked."""
    drift: tuple[Difference, ...] = Field(default=(), max_length=MAX_DRIFT)
    """Where the endpoint in Elasticsearch differs from the spec; at most 20 entries."""
    applied: Applied | None = None
    """What the operator last wrote to Elasticsearch with success."""
    secret_versions: tuple[SecretVersion, ...] = ()
    """The Secrets and ConfigMaps whose values were last written, with their versions, never their values."""
    last_handled_reconcile_at: str | None = None
    """The value of the annotation inference-operator.io/reconcile-requested-at that was last acted upon."""
    last_probe: LastProbe | None = None
    """The outcome of the last probe."""


class InferenceEndpoint(KubernetesObject):
    """An Elasticsearch inference endpoint that the operator keeps as it is written here."""

    model_config = ConfigDict(json_schema_extra=validations(id_stays("inferenceId")))

    spec: InferenceEndpointSpec
    status: InferenceEndpointStatus = InferenceEndpointStatus()

    @property
    def external_id(self) -> str:
        """The id in Elasticsearch: `spec.inferenceId`, else the object's name."""
        return self.spec.inference_id or self.metadata.name
