"""Situations of a pipeline to plan for, written down in one line each. The world is that of `tests.core.situations`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference_operator.api.ingest_pipeline import IngestPipelineSpec, IngestPipelineStatus
from inference_operator.api.pipeline_tests import TrialStatus
from inference_operator.api.status import Applied, ClusterStatus
from inference_operator.core.pipeline.compare import digest, set_paths
from inference_operator.core.pipeline.situation import PipelineSituation, Unmet
from inference_operator.core.pipeline.stamp import Ownership, Stamp
from inference_operator.core.pipeline.trials import tried
from inference_operator.core.pipeline.values import ObservedPipeline, desired_of
from inference_operator.core.situation import Rehearsed
from inference_operator.core.values import Json, dotted
from tests.core.situations import CLAIM, ID, SERVER, UID, condition

OWN = Stamp("kubernetes-one", "search", "products", UID)
OTHER_OBJECT = Stamp("kubernetes-one", "other", "theirs", "their-uid")
OTHER_KUBERNETES = Stamp("kubernetes-two", "other", "theirs", "their-uid")
UNMET = (Unmet("spec.processors[0].inference.model_id", "inference endpoint e waits"),)

TESTS: list[dict[str, Any]] = [
    {"name": "keeps the text", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"text": "shoe"}}]}
]
GOOD, BAD = (Rehearsed(({"doc": {"_source": {"text": text}}},)) for text in ("shoe", "boot"))


def there(
    wanted: IngestPipelineSpec, stamp: Stamp | None = OWN, ownership: Ownership = Ownership.OURS, **keys: Json
) -> ObservedPipeline:
    """The pipeline as it reads back after a write of `wanted`; `keys` differ from it."""
    return ObservedPipeline(ID, {**desired_of(wanted, ID).body, **keys}, stamp, ownership)


def stranger(wanted: IngestPipelineSpec, **keys: Json) -> ObservedPipeline:
    """One that nobody marked."""
    return there(wanted, None, Ownership.NOBODY, **keys)


def theirs(wanted: IngestPipelineSpec, **keys: Json) -> ObservedPipeline:
    """One with the mark of another object of the same Kubernetes cluster."""
    return there(wanted, OTHER_OBJECT, Ownership.ANOTHER_OBJECT, **keys)


def of_another_kubernetes(wanted: IngestPipelineSpec, **keys: Json) -> ObservedPipeline:
    return there(wanted, OTHER_KUBERNETES, Ownership.ANOTHER_KUBERNETES, **keys)


def applied(wanted: IngestPipelineSpec) -> Applied:
    desired = desired_of(wanted, ID)
    return Applied(generation=1, digest=digest(desired), paths=tuple(map(dotted, set_paths(desired))))


def written(wanted: IngestPipelineSpec, **fields: Any) -> IngestPipelineStatus:
    """The status of an object that was Ready with `wanted`."""
    return IngestPipelineStatus(
        observed_generation=1,
        conditions=(condition("Ready", "True", "Available"), condition("Synced", "True", "Available")),
        cluster=ClusterStatus(uuid=SERVER.uuid, version=SERVER.version),
        applied=applied(wanted),
    ).model_copy(update=fields)


def trials(wanted: IngestPipelineSpec, results: Rehearsed) -> TrialStatus:
    """What was reported of a run of the tests."""
    return tried(desired_of(wanted, ID), wanted.tests, results.results)


def new(wanted: IngestPipelineSpec, **fields: Any) -> PipelineSituation:
    """An object that the operator sees for the first time; `fields` are those of `PipelineSituation`."""
    plain = PipelineSituation(
        uid=UID,
        generation=1,
        external_id=ID,
        spec=wanted,
        previous=IngestPipelineStatus(),
        server=SERVER,
        desired=desired_of(wanted, ID),
    )
    return replace(plain, **fields)


def ours(wanted: IngestPipelineSpec, **fields: Any) -> PipelineSituation:
    """An object that wrote its pipeline and was Ready, seen through the bulk read."""
    plain = new(wanted, claim=CLAIM, has_finalizer=True, previous=written(wanted), observed=there(wanted))
    return replace(plain, **fields)


def edited(before: IngestPipelineSpec, after: IngestPipelineSpec, **fields: Any) -> PipelineSituation:
    """`ours(before)`, and then the spec was edited."""
    plain = ours(after, generation=2, previous=written(before), observed=there(before), fresh=True)
    return replace(plain, **fields)


def going(wanted: IngestPipelineSpec, **fields: Any) -> PipelineSituation:
    """An object of ours that is being deleted; what is there was looked at for its mark."""
    return replace(ours(wanted, deleting=True, desired=None, fresh=True), **fields)
