"""The kind `IngestPipeline`: what a user writes in `spec` and reads in `status`.

Decides which documents are valid, as far as one document can tell; what may not change between two versions of an
object is said by CEL rules alone. Must not do I/O.
"""

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from inference_operator.api.connection import CLUSTER_STAYS_CHOSEN, ElasticsearchRef
from inference_operator.api.ids import PipelineId
from inference_operator.api.kubernetes_object import KubernetesObject, id_stays
from inference_operator.api.meta import ApiModel, Condition
from inference_operator.api.pipeline_tests import MAX_TESTS, PipelineTest, TrialStatus
from inference_operator.api.policies import (
    AdoptionPolicy,
    DeletionPolicy,
    DriftPolicy,
    FieldAccessPattern,
    ManagementPolicy,
)
from inference_operator.api.rules import validations
from inference_operator.api.status import MAX_DRIFT, MAX_REFERRERS, Applied, ClusterStatus, Difference, UsedBy

KIND = "IngestPipeline"

MAX_PROCESSORS = 1000
_INT32 = 2**31 - 1
_ONE_NAME = "no two tests may have the same name"

Processor = Annotated[dict[str, Any], Field(min_length=1, max_length=1)]
"""An object with one key, the type of the processor. The schema's bounds say so: CEL can't look into open objects."""


class IngestPipelineSpec(ApiModel):
    """The ingest pipeline as it should be."""

    model_config = ConfigDict(json_schema_extra=validations(CLUSTER_STAYS_CHOSEN))

    elasticsearch_ref: ElasticsearchRef | None = None
    """The Elasticsearch cluster that holds the pipeline. Left out: the operator's default connection, where the operator
    offers one to this namespace. Which cluster it is can't be changed later; delete the object and create it anew."""
    pipeline_id: PipelineId | None = None
    """Id of the pipeline in Elasticsearch, the one that requests and index settings use. Default: metadata.name. It
    can't be changed later. Letters, digits, hyphens, underscores, dots, @ and + are allowed: Elasticsearch takes more and
    warns that it will stop doing so."""
    description: str | None = Field(default=None, max_length=16384)
    """What the pipeline is for, stored with it."""
    version: int | None = Field(default=None, ge=-_INT32 - 1, le=_INT32)
    """A version number of your own, stored with the pipeline. Elasticsearch and the operator do not look at it."""
    processors: tuple[Processor, ...] = Field(max_length=MAX_PROCESSORS)
    """The steps in order, each an object with one key: the type of the processor, with its settings, passed to
    Elasticsearch as they are, so their names are snake_case. May be empty. The operator waits for the inference endpoints
    and pipelines that they name, unless the name is a template. Elasticsearch shows all of it to whoever may read
    pipelines, so references to Secrets are not possible here."""
    on_failure: tuple[Processor, ...] | None = Field(default=None, min_length=1, max_length=MAX_PROCESSORS)
    """Processors that run when a processor fails which does not handle that itself, in the same form as processors. Must
    not be empty; leave it out to have the document fail."""
    meta: dict[str, Any] | None = Field(default=None, max_length=128)
    """Anything that you want to keep with the pipeline; _meta in Elasticsearch. The key inference-operator.io/owner is
    the operator's own, which puts its mark there: what is written here under that key is ignored."""
    deprecated: bool = False
    """Whether Elasticsearch warns when the pipeline is used. Needs Elasticsearch 8.12 or later."""
    field_access_pattern: FieldAccessPattern = FieldAccessPattern.CLASSIC
    """How processors find fields whose names contain dots. classic: a dot always leads into an object. flexible: dotted
    names are found, too; needs Elasticsearch 9.2 or later."""
    tests: tuple[PipelineTest, ...] = Field(
        default=(),
        max_length=MAX_TESTS,
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    """Tests that Elasticsearch runs (_simulate) before the pipeline is written. If one fails, nothing is written, and
    status.tests says why. They run when the pipeline or a test changes. An inference processor really calls its endpoint,
    which may cost money."""
    adoption_policy: AdoptionPolicy = AdoptionPolicy.IF_IDENTICAL
    """What to do when the pipeline is already there and no object owns it. Never: leave it alone and report.
    IfIdentical: take it over if it is that of this object. Always: take it over and make it so. A pipeline that was
    taken over is deleted together with this object, unless deletionPolicy is Retain."""
    drift_policy: DriftPolicy = DriftPolicy.CORRECT
    """What to do when somebody else changed the pipeline in Elasticsearch. Correct: put it back. Detect: list the
    differences in status.drift. Changes of this object are applied in both cases."""
    deletion_policy: DeletionPolicy = DeletionPolicy.DELETE
    """What happens to the pipeline when this object is deleted. Delete: it is deleted, too. Retain: it stays in
    Elasticsearch."""
    management_policy: ManagementPolicy = ManagementPolicy.MANAGE
    """Manage: the operator creates, changes and deletes the pipeline. Observe: it only reads it and reports; it never
    writes to Elasticsearch."""
    force_delete: bool = False
    """Delete the pipeline together with this object although index templates name it or other pipelines call it. They
    fail from then on. Elasticsearch itself still refuses while it is the default or final pipeline of an index: change
    that setting of the index first."""
    suspend: bool = False
    """Stop creating and changing the pipeline until this is false again. Deletion of the object is still carried out."""

    @model_validator(mode="after")
    def _names_of_tests_are_unique(self) -> Self:
        if len({test.name for test in self.tests}) < len(self.tests):
            raise ValueError(_ONE_NAME)
        return self


class IngestPipelineStatus(ApiModel):
    """The ingest pipeline as the operator last saw it."""

    observed_generation: int = -1
    """The metadata.generation that this status describes; -1 before the operator has seen the object."""
    conditions: tuple[Condition, ...] = Field(
        default=(),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )
    """State of the object. Ready says whether the pipeline can be used; Stalled, that a person must act."""
    pipeline_id: str | None = None
    """Id of the pipeline in Elasticsearch."""
    cluster: ClusterStatus | None = None
    """The Elasticsearch cluster that holds the pipeline."""
    observed: dict[str, Any] | None = None
    """The pipeline as Elasticsearch returns it, without the dates that it adds and without the operator's mark."""
    processors: int | None = None
    """How many processors the pipeline in Elasticsearch has, those of onFailure not counted."""
    endpoints: tuple[str, ...] = Field(default=(), max_length=MAX_REFERRERS)
    """Inference endpoints and trained models that the pipeline names, at most 20 of them."""
    used_by: UsedBy | None = None
    """What refers to the pipeline and so blocks its deletion, as last checked: indices, templates, and pipelines that
    call it."""
    drift: tuple[Difference, ...] = Field(default=(), max_length=MAX_DRIFT)
    """Where the pipeline in Elasticsearch differs from the spec; at most 20 entries."""
    applied: Applied | None = None
    """What the operator last wrote to Elasticsearch with success."""
    tests: TrialStatus | None = None
    """How spec.tests last ended."""
    last_handled_reconcile_at: str | None = None
    """The value of the annotation inference-operator.io/reconcile-requested-at that was last acted upon."""


class IngestPipeline(KubernetesObject):
    """An Elasticsearch ingest pipeline that the operator keeps as it is written here."""

    model_config = ConfigDict(json_schema_extra=validations(id_stays("pipelineId")))

    spec: IngestPipelineSpec
    status: IngestPipelineStatus = IngestPipelineStatus()

    @property
    def external_id(self) -> str:
        """The id in Elasticsearch: `spec.pipelineId`, else the object's name."""
        return self.spec.pipeline_id or self.metadata.name
