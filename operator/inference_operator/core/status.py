"""From the end of a pass to the whole status: conditions, what was found, and what later passes must remember.

Nothing in here changes without news, so an unchanged world gives an equal status, and no write. Pure: the time of a
transition is an argument.
"""

from __future__ import annotations

import json

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
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
from inference_operator.core.compare import Difference, digest, set_paths
from inference_operator.core.conditions import Line, Truth, dated, lines
from inference_operator.core.masking import HIDDEN, masked, shows
from inference_operator.core.probe import last_probe, probed
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import refreshed
from inference_operator.core.situation import Situation
from inference_operator.core.values import Absent, Deployment, Json, Observed, Tree, Usage, dotted, show
from inference_operator.core.verdict import (
    Conclusion,
    Deploying,
    Nothing,
)


def next_status(s: Situation, conclusion: Conclusion, *, now: str, handled: str | None) -> InferenceEndpointStatus:
    """The status after a pass. `now` is RFC 3339; `handled` the value of the reconcile-now annotation, if there is one."""
    probe = last_probe(s, now)
    return InferenceEndpointStatus(
        observed_generation=s.generation,
        conditions=dated(s.previous.conditions, (*lines(s, conclusion), *probed(probe)), s.generation, now),
        inference_id=s.inference_id,
        cluster=_cluster(s),
        observed=_observed(s),
        model=_model(s),
        deployment=_deployment(s),
        used_by=_used_by(s),
        drift=_drift(s),
        applied=_applied(s, conclusion),
        secret_versions=_secret_versions(s),
        last_handled_reconcile_at=handled or s.previous.last_handled_reconcile_at,
        last_probe=probe,
    )


def unreadable_status(previous: InferenceEndpointStatus, *, generation: int, fault: str, now: str) -> InferenceEndpointStatus:
    """The status of an object that does not have the form of its kind. `fault` names the field."""
    message = f"{fault}. The installed CRD lets this through, so it is older than the operator: upgrade it and correct the object"
    told = tuple(Line(name, status, Reason.VALIDATION_FAILED, message) for name, status in _UNREADABLE)
    conditions = dated(previous.conditions, told, generation, now)
    # Nobody could tell which Secrets this generation names, so none of them counts as sent.
    changes = {"observed_generation": generation, "conditions": conditions, "secret_versions": ()}
    return previous.model_copy(update=changes)


_UNREADABLE: tuple[tuple[str, Truth], ...] = (("Ready", "False"), ("Stalled", "True"))


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
    return _shown(s, s.observed) if isinstance(s.observed, Observed) else None


def _shown(s: Situation, observed: Observed) -> dict[str, Json]:
    return masked(s.desired, observed, s.previous.observed)


def _model(s: Situation) -> ModelStatus | None:
    if not isinstance(s.observed, Observed):
        return s.previous.model if s.observed is None else None
    shown = _shown(s, s.observed)["service_settings"]

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
    if isinstance(s.observed, Absent):
        return ()
    shown = _shown(s, s.observed)
    return tuple(_entry(difference, shown) for difference in s.differences[:MAX_DRIFT])


def _entry(difference: Difference, shown: dict[str, Json]) -> DriftEntry:
    return DriftEntry(
        path=dotted(difference.path),
        desired=_text(difference.desired),
        observed=_text(difference.observed) if shows(difference, shown) else HIDDEN,
    )


def _text(value: Tree) -> str | None:
    return None if value is None else json.dumps(show(value), sort_keys=True, ensure_ascii=False)


def _applied(s: Situation, conclusion: Conclusion) -> Applied | None:
    if not isinstance(conclusion, Nothing | Deploying) or s.desired is None or s.observes_only:
        return s.previous.applied
    before, now = s.previous.applied, digest(s.desired)
    if before is not None and before.digest == now:
        return before
    return Applied(generation=s.generation, digest=now, paths=tuple(dotted(path) for path in set_paths(s.desired)))


def _secret_versions(s: Situation) -> tuple[SecretVersion, ...]:
    """Which content Elasticsearch is known to hold, for the references of this very generation.

    Another generation may name another key of the same Secret, so versions that were noted for an earlier one are dropped
    until the values are seen to be sent.
    """
    if s.desired is not None and (s.done.written or not s.secrets_changed):
        return tuple(
            SecretVersion(kind=ref.kind, name=ref.name, uid=version.uid, resource_version=version.resource_version)
            for ref, version in s.desired.sources.items()
        )
    return s.previous.secret_versions if s.previous.observed_generation == s.generation else ()
