"""From the end of a pass to the whole status of an IngestPipeline. Pure.

Nothing in here changes without news, so an unchanged world gives an equal status, and no write.
"""

from __future__ import annotations

from inference_operator.api.ingest_pipeline import IngestPipelineStatus
from inference_operator.api.pipeline_tests import TrialStatus
from inference_operator.api.status import MAX_DRIFT, MAX_REFERRERS
from inference_operator.api.status import Difference as DriftEntry
from inference_operator.core import status
from inference_operator.core.conditions import dated, lines
from inference_operator.core.pipeline.compare import set_paths
from inference_operator.core.pipeline.needs import needs_of
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.values import Absent, Json, dotted
from inference_operator.core.verdict import Conclusion


def next_status(s: PipelineSituation, conclusion: Conclusion, *, now: str, handled: str | None) -> IngestPipelineStatus:
    """The status after a pass. `now` is RFC 3339; `handled` the value of the reconcile-now annotation, if there is one."""
    return IngestPipelineStatus(
        observed_generation=s.generation,
        conditions=dated(s.previous.conditions, tuple(lines(s, conclusion)), s.generation, now),
        pipeline_id=s.external_id,
        cluster=status.cluster(s),
        observed=_observed(s),
        processors=_processors(s),
        endpoints=_endpoints(s),
        used_by=status.used_by(s),
        drift=_drift(s),
        applied=status.applied(s, conclusion, set_paths(s.desired) if s.desired is not None else ()),
        tests=_tests(s),
        last_handled_reconcile_at=handled or s.previous.last_handled_reconcile_at,
    )


def _observed(s: PipelineSituation) -> dict[str, Json] | None:
    if s.observed is None:
        return s.previous.observed
    if isinstance(s.observed, Absent) or not status.fits(s.observed.body):
        return None
    return dict(s.observed.body)


def _processors(s: PipelineSituation) -> int | None:
    if s.observed is None:
        return s.previous.processors
    return s.observed.processors if isinstance(s.observed, ObservedPipeline) else None


def _endpoints(s: PipelineSituation) -> tuple[str, ...]:
    if s.desired is None:
        return s.previous.endpoints
    return tuple(sorted(needs_of(s.desired.body).endpoints))[:MAX_REFERRERS]


def _drift(s: PipelineSituation) -> tuple[DriftEntry, ...]:
    if s.observed is None:
        return s.previous.drift
    found = s.differences[:MAX_DRIFT]
    return tuple(DriftEntry(path=dotted(d.path), desired=status.text(d.desired), observed=status.text(d.observed)) for d in found)


def _tests(s: PipelineSituation) -> TrialStatus | None:
    if not s.spec.tests:
        return None
    return s.trials or s.previous.tests
