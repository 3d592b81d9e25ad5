"""From the end of a pass to the whole status of an InferenceEndpoint. Pure.

Nothing in here changes without news, so an unchanged world gives an equal status, and no write.
"""

from __future__ import annotations

from collections.abc import Iterator

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.status import MAX_DRIFT, DeploymentStatus, ModelStatus, SecretVersion
from inference_operator.api.status import Difference as DriftEntry
from inference_operator.core import status
from inference_operator.core.conditions import Line, dated, lines
from inference_operator.core.difference import Difference
from inference_operator.core.disposition import Area
from inference_operator.core.endpoint import words
from inference_operator.core.endpoint.compare import set_paths
from inference_operator.core.endpoint.masking import HIDDEN, bounded, masked, shows
from inference_operator.core.endpoint.probe import last_probe, probed
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.values import Absent, Deployment, Json, ObservedEndpoint, dotted
from inference_operator.core.verdict import Conclusion, Nothing, Released, Suspended, Watching

_MAX_COUNT = 2**31 - 1


def next_status(s: EndpointSituation, conclusion: Conclusion, *, now: str, handled: str | None) -> InferenceEndpointStatus:
    """The status after a pass. `now` is RFC 3339; `handled` the value of the reconcile-now annotation, if there is one."""
    probe, shown = last_probe(s, now), _shown(s)
    told = (*lines(s, conclusion), *_model_serves(s, conclusion), *probed(probe))
    return InferenceEndpointStatus(
        observed_generation=s.generation,
        conditions=dated(s.previous.conditions, told, s.generation, now),
        inference_id=s.external_id,
        cluster=status.cluster(s),
        observed=s.previous.observed if s.observed is None else _bounded(shown),
        model=_model(s, shown),
        deployment=_deployment(s),
        used_by=status.used_by(s),
        drift=_drift(s, shown),
        applied=status.applied(s, conclusion, set_paths(s.desired) if s.desired is not None else ()),
        secret_versions=_secret_versions(s),
        last_handled_reconcile_at=handled or s.previous.last_handled_reconcile_at,
        last_probe=probe,
    )


def unreadable_status(previous: InferenceEndpointStatus, *, generation: int, fault: str, now: str) -> InferenceEndpointStatus:
    """As `core.status`. Nobody could tell which Secrets this generation names, so none of them counts as sent."""
    told = status.unreadable_status(previous, generation=generation, fault=fault, now=now)
    return told.model_copy(update={"secret_versions": ()})


def _model_serves(s: EndpointSituation, conclusion: Conclusion) -> Iterator[Line]:
    """Of a model that can't serve the conclusion itself speaks."""
    if not isinstance(conclusion, Nothing | Released | Watching | Suspended):
        return
    if isinstance(conclusion, Suspended) and conclusion.unusable is not None:
        return
    if s.runs_in_cluster and s.deployment is not None:
        yield Line(Area.MODEL.value, "True", Reason.AVAILABLE, words.model_serves(s.deployment))
    elif s.starts_on_demand and s.done.inspected:
        yield Line(Area.MODEL.value, "True", Reason.AVAILABLE, words.starts_on_demand(s))


def _shown(s: EndpointSituation) -> dict[str, Json] | None:
    """What may be shown of the endpoint; None where there is none, or where that is unknown."""
    return masked(s.desired, s.observed, s.previous.observed) if isinstance(s.observed, ObservedEndpoint) else None


def _bounded(shown: dict[str, Json] | None) -> dict[str, Json] | None:
    return None if shown is None else bounded(shown)


def _model(s: EndpointSituation, document: dict[str, Json] | None) -> ModelStatus | None:
    if document is None:
        return s.previous.model if s.observed is None else None
    shown = document["service_settings"]

    def text(*names: str) -> str | None:
        return next((status.shortened(shown[name]) for name in names if isinstance(shown.get(name), str)), None)

    dimensions = shown.get("dimensions")
    return ModelStatus(
        id=text("model_id", "model", "deployment_id", "endpoint_name", "service_id"),
        dimensions=dimensions if _is_count(dimensions) else None,
        similarity=text("similarity"),
        element_type=text("element_type", "embedding_type"),
    )


def _is_count(value: Json) -> bool:
    """True for what the schema of the status takes as a number of dimensions."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_COUNT


def _deployment(s: EndpointSituation) -> DeploymentStatus | None:
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


def drift(s: EndpointSituation) -> tuple[DriftEntry, ...]:
    """The differences, secrets masked."""
    return _drift(s, _shown(s))


def _drift(s: EndpointSituation, shown: dict[str, Json] | None) -> tuple[DriftEntry, ...]:
    if shown is None:
        return s.previous.drift if s.observed is None else ()
    return tuple(_entry(difference, shown) for difference in s.differences[:MAX_DRIFT])


def _entry(difference: Difference, shown: dict[str, Json]) -> DriftEntry:
    return DriftEntry(
        path=dotted(difference.path),
        desired=status.text(difference.desired),
        observed=status.text(difference.observed) if shows(difference, shown) else HIDDEN,
    )


def _secret_versions(s: EndpointSituation) -> tuple[SecretVersion, ...]:
    """Which content Elasticsearch is known to hold, for the references of this very generation.

    Another generation may name another key of the same Secret, so versions that were noted for an earlier one are dropped
    until the values are seen to be sent. So are those that were noted for another cluster, or before the endpoint was taken over.
    """
    is_ours = s.owned or (s.server is None and s.claimed_by_uid)
    if s.desired is not None and is_ours and not s.secrets_to_send:
        return tuple(
            SecretVersion(kind=ref.kind, name=ref.name, uid=version.uid, resource_version=version.resource_version)
            for ref, version in s.desired.sources.items()
        )
    still_hold = s.previous.observed_generation == s.generation and s.cluster_is_the_same and not s.done.claimed
    return s.previous.secret_versions if still_hold else ()
