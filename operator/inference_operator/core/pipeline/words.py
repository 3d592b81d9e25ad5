"""Sentences about pipelines only: needs, tests, owners. The others are in `core.words`. Decides nothing."""

from __future__ import annotations

from inference_operator.api.pipeline_tests import TrialStatus
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.words import where

_SHOWN = 5


def unmet(s: PipelineSituation) -> str:
    first = "; ".join(f"{each.path}: {each.message}" for each in s.unmet[:_SHOWN])
    more = f"; and {len(s.unmet) - _SHOWN} more" if len(s.unmet) > _SHOWN else ""
    kept = " The pipeline that is there is kept as it is." if isinstance(s.observed, ObservedPipeline) else ""
    return f"{first}{more}.{kept}"


def circle(s: PipelineSituation) -> str:
    assert s.circle is not None
    return (
        f"Pipelines call each other in a circle: {' → '.join(s.circle)}. Every document that comes to one of them would fail,"
        " so nothing is written; take one of the calls out"
    )


def tests_failed(s: PipelineSituation, trials: TrialStatus) -> str:
    first = trials.failures[0]
    more = f" ({len(trials.failures)} documents failed)" if len(trials.failures) > 1 else ""
    kept = ", so the old pipeline stays" if isinstance(s.observed, ObservedPipeline) else ", so nothing was written"
    return (
        f"Test {first.name!r} failed at document {first.document}: {first.message}{more}{kept}."
        " See status.tests; correct the pipeline or the test"
    )


def taken_over(s: PipelineSituation) -> str:
    assert isinstance(s.observed, ObservedPipeline)
    mark = s.observed.stamp
    owner = f"IngestPipeline {mark}" if mark is not None else "another object"
    place = "" if mark is None or mark.kubernetes is None else f" (Kubernetes cluster {mark.kubernetes})"
    return (
        f"{s.id_field}: {s.external_id} in {where(s)} carries the mark of {owner}{place}, so it is left alone."
        " Choose another id, delete one of the two objects, or take the pipeline over with a new object that has"
        " spec.adoptionPolicy: Always"
    )


def outrun(s: PipelineSituation) -> str:
    return f"{s.noun} {s.external_id} was written, and somebody else wrote it at the same time; it is compared again in a moment"
