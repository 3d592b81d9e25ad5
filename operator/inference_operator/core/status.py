"""From the end of a pass to the whole status: the only place where conditions are made.

Lawful in the sense of kstatus: `Ready` is always there; `Reconciling` and `Stalled` only while true and never both; whatever
is not usable and will not mend itself is `Stalled`. Nothing in here changes without news, so an unchanged world gives an
equal status, and no write. Pure: the time of a transition is an argument.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.meta import Condition
from inference_operator.api.status import (
    MAX_DRIFT,
    MAX_REFERRERS,
    Applied,
    ClusterStatus,
    DeploymentStatus,
    ModelStatus,
    SecretVersion,
    UsedBy,
)
from inference_operator.api.status import Difference as DriftEntry
from inference_operator.core import words
from inference_operator.core.compare import Difference, digest, masked, set_paths
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import refreshed
from inference_operator.core.situation import Situation
from inference_operator.core.values import Absent, Deployment, Json, Observed, Tree, Usage, dotted, show
from inference_operator.core.verdict import (
    Blocked,
    Conclusion,
    Deploying,
    Held,
    Nothing,
    Released,
    Suspended,
    Watching,
)

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Line:
    """A condition before it knows since when."""

    type: str
    status: Truth
    reason: Reason
    message: str


def next_status(s: Situation, conclusion: Conclusion, *, now: str, handled: str | None) -> InferenceEndpointStatus:
    """The status after a pass. `now` is RFC 3339; `handled` the value of the reconcile-now annotation, if there is one."""
    return InferenceEndpointStatus(
        observed_generation=s.generation,
        conditions=_dated(s.previous.conditions, tuple(_lines(s, conclusion)), s.generation, now),
        inference_id=s.inference_id,
        cluster=_cluster(s),
        observed=_observed(s),
        model=_model(s),
        deployment=_deployment(s),
        used_by=_used_by(s),
        drift=_drift(s),
        applied=_applied(s, conclusion),
        secret_versions=_secret_versions(s, conclusion),
        last_handled_reconcile_at=handled or s.previous.last_handled_reconcile_at,
        last_probe=s.previous.last_probe,
    )


def unreadable_status(previous: InferenceEndpointStatus, *, generation: int, fault: str, now: str) -> InferenceEndpointStatus:
    """The status of an object that does not have the form of its kind. `fault` names the field."""
    message = f"{fault}. The installed CRD lets this through, so it is older than the operator: upgrade it and correct the object"
    lines = tuple(Line(name, status, Reason.VALIDATION_FAILED, message) for name, status in _UNREADABLE)
    conditions = _dated(previous.conditions, lines, generation, now)
    return previous.model_copy(update={"observed_generation": generation, "conditions": conditions})


_UNREADABLE: tuple[tuple[str, Truth], ...] = (("Ready", "False"), ("Stalled", "True"))


# ---------------------------------------------------------------- conditions


def _lines(s: Situation, conclusion: Conclusion) -> Iterator[Line]:
    match conclusion:
        case Nothing() | Released():
            yield Line("Ready", "True", Reason.AVAILABLE, words.available(s))
            yield from _resolved_and_synced(s)
            yield from _model_ready(s)
        case Watching():
            yield Line("Ready", "True", Reason.OBSERVED, words.observed(s))
            yield from _watched(s)
            yield from _model_ready(s)
        case Deploying(disposition=cause):
            yield Line("Ready", "False", cause.reason, cause.message)
            yield from _resolved_and_synced(s)
            yield Line(Area.MODEL.value, "False", cause.reason, cause.message)
            yield _mood(cause)
        case Held(disposition=cause):
            yield from _held(s, cause)
        case Blocked(usage=usage):
            yield from _blocked(s, words.blocked(s, usage))
        case Suspended():
            yield from _suspended(s)


def _resolved_and_synced(s: Situation) -> Iterator[Line]:
    yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
    yield Line(Area.SYNC.value, "True", Reason.AVAILABLE, words.in_sync(s))


def _watched(s: Situation) -> Iterator[Line]:
    yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
    if s.differences:
        yield Line(Area.SYNC.value, "False", Reason.OBSERVED, words.differs(s))
        yield Line("Drifted", "True", Reason.OBSERVED, words.differs(s))
    else:
        yield Line(Area.SYNC.value, "True", Reason.OBSERVED, words.in_sync(s))


def _model_ready(s: Situation) -> Iterator[Line]:
    if s.runs_in_cluster and s.deployment is not None:
        yield Line(Area.MODEL.value, "True", Reason.AVAILABLE, words.model_serves(s.deployment))


def _mood(cause: Disposition) -> Line:
    return Line("Stalled" if cause.mood is Mood.STALL else "Reconciling", "True", cause.reason, cause.message)


def _held(s: Situation, cause: Disposition) -> Iterator[Line]:
    known: Truth = "Unknown" if cause.blind else "False"
    yield Line("Ready", known, cause.reason, cause.message)
    if cause.area is Area.REFERENCES:
        yield Line(Area.REFERENCES.value, "False", cause.reason, cause.message)
        yield Line(Area.SYNC.value, "Unknown", cause.reason, cause.message)
    else:
        if s.desired is not None:
            yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
        yield Line(Area.SYNC.value, known, cause.reason, cause.message)
    if cause.reason is Reason.DRIFTED:
        yield Line("Drifted", "True", cause.reason, cause.message)
    yield _mood(cause)


def _blocked(s: Situation, message: str) -> Iterator[Line]:
    yield Line("Ready", "False", Reason.DELETING, f"{s.inference_id} is to be deleted and still serves")
    yield Line("DeletionBlocked", "True", Reason.IN_USE, message)
    yield Line("Reconciling", "True", Reason.DELETING, message)


def _suspended(s: Situation) -> Iterator[Line]:
    message = words.suspended(s)
    for name in ("Ready", Area.SYNC.value):
        before = next((c for c in s.previous.conditions if c.type == name), None)
        if before is not None and s.spec_was_applied:
            yield Line(name, before.status, Reason(before.reason), before.message)
        else:
            yield Line(name, "Unknown", Reason.SUSPENDED, message)
    if s.desired is not None:
        yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
    yield Line("Suspended", "True", Reason.SUSPENDED, message)


def _dated(before: tuple[Condition, ...], lines: tuple[Line, ...], generation: int, now: str) -> tuple[Condition, ...]:
    """Conditions change their time only with their status."""
    since = {c.type: c for c in before}
    return tuple(
        Condition(
            type=line.type,
            status=line.status,
            reason=line.reason.value,
            message=line.message,
            observed_generation=generation,
            last_transition_time=since[line.type].last_transition_time
            if line.type in since and since[line.type].status == line.status
            else now,
        )
        for line in lines
    )


# ---------------------------------------------------------------- what was found


def _cluster(s: Situation) -> ClusterStatus | None:
    if s.server is None:
        return s.previous.cluster
    before = s.previous.cluster
    # What can't be read just now is not forgotten: an unknown UUID is not another cluster.
    return ClusterStatus(
        uuid=s.server.uuid or (before.uuid if before else None),
        version=s.server.version or (before.version if before else None),
    )


def _observed(s: Situation) -> dict[str, Json] | None:
    if s.observed is None:
        return s.previous.observed
    return masked(s.desired, s.observed) if isinstance(s.observed, Observed) else None


def _model(s: Situation) -> ModelStatus | None:
    if not isinstance(s.observed, Observed):
        return s.previous.model if s.observed is None else None
    shown = masked(s.desired, s.observed)["service_settings"]

    def text(*names: str) -> str | None:
        return next((shown[name] for name in names if isinstance(shown.get(name), str)), None)

    dimensions = shown.get("dimensions")
    return ModelStatus(
        id=text("model_id", "model", "deployment_id", "endpoint_name", "service_id"),
        dimensions=dimensions if isinstance(dimensions, int) else None,
        similarity=text("similarity"),
        element_type=text("element_type", "embedding_type"),
    )


def _deployment(s: Situation) -> DeploymentStatus | None:
    if not s.done.inspected:
        return s.previous.deployment if s.runs_in_cluster and not isinstance(s.observed, Absent) else None
    return _deployed(s.deployment) if s.deployment is not None else None


def _deployed(deployment: Deployment) -> DeploymentStatus:
    return DeploymentStatus(
        id=deployment.deployment_id,
        state=deployment.state,
        allocation_state=deployment.allocation_state,
        allocation_count=deployment.allocation_count,
        target_allocation_count=deployment.target_allocation_count,
        reason=deployment.reason,
    )


def _used_by(s: Situation) -> UsedBy | None:
    """Who uses the endpoint. Found while nobody deletes, it says nothing of indices, so that nobody does is not said then."""
    if s.usage is not None:
        return _users(s.usage)
    if isinstance(s.observed, Absent):
        return None
    if s.referrers is None:
        return s.previous.used_by
    known = refreshed(s.previous.used_by, s.referrers)
    return _users(known) if known.total else None


def _users(usage: Usage) -> UsedBy:
    return UsedBy(pipelines=usage.pipelines[:MAX_REFERRERS], indices=usage.indices[:MAX_REFERRERS], total=usage.total)


def _drift(s: Situation) -> tuple[DriftEntry, ...]:
    if s.observed is None:
        return s.previous.drift
    return tuple(_entry(difference) for difference in s.differences[:MAX_DRIFT])


def _entry(difference: Difference) -> DriftEntry:
    hidden = show(difference.desired) != difference.desired
    return DriftEntry(
        path=dotted(difference.path),
        desired=_text(difference.desired),
        observed="<hidden>" if hidden else _text(difference.observed),
    )


def _text(value: Tree) -> str | None:
    return None if value is None else json.dumps(show(value), sort_keys=True, ensure_ascii=False)


def _applied(s: Situation, conclusion: Conclusion) -> Applied | None:
    if not isinstance(conclusion, Nothing | Deploying) or s.desired is None:
        return s.previous.applied
    before, now = s.previous.applied, digest(s.desired)
    if before is not None and before.digest == now:
        return before
    return Applied(generation=s.generation, digest=now, paths=tuple(dotted(path) for path in set_paths(s.desired)))


def _secret_versions(s: Situation, conclusion: Conclusion) -> tuple[SecretVersion, ...]:
    sent = isinstance(conclusion, Nothing | Deploying | Watching) or s.done.written
    if not sent or s.desired is None:
        return s.previous.secret_versions
    return tuple(
        SecretVersion(kind=ref.kind, name=ref.name, uid=version.uid, resource_version=version.resource_version)
        for ref, version in s.desired.sources.items()
    )
