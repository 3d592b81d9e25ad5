"""What stands between an in-cluster model and its use. Pure."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

from inference_operator.core import rules
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.endpoint import words
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.values import ObservedEndpoint
from inference_operator.core.verdict import Inspect, Suspended, Unusable, Verdict


def failed_inspection_leaves_the_endpoint_in_sync(s: EndpointSituation) -> Verdict | None:
    if not isinstance(s.done.tried, Inspect):
        return None
    return Unusable(replace(rules.failure_of(s), area=Area.MODEL))


def inspected(s: EndpointSituation) -> Verdict | None:
    """What stands between an in-cluster model and its use; None when it serves, or is none."""
    if not s.runs_in_cluster or not isinstance(s.observed, ObservedEndpoint):
        return None
    if not s.done.inspected:
        return Inspect()
    return _serving(s)


def _serving(s: EndpointSituation) -> Unusable | None:
    deployment = s.deployment
    if deployment is None:
        return None if s.starts_on_demand else Unusable(_missing_deployment(s))
    if deployment.state == "failed":
        return Unusable(Disposition(Mood.STALL, Reason.MODEL_FAILED, words.deployment_failed(deployment), Area.MODEL))
    # Serverless hides state and allocations: what is not said is not held against the model.
    serves = deployment.state in (None, "started") and (
        deployment.allocation_state in (None, "fully_allocated") or deployment.target_allocation_count == 0
    )
    if serves:
        return None
    return Unusable(Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, words.deploying(deployment), Area.MODEL))


def _missing_deployment(s: EndpointSituation) -> Disposition:
    """Elasticsearch stores an endpoint, then downloads its model, then starts it: in between there is no deployment."""
    before = next((c for c in s.previous.conditions if c.type == "Ready"), None)
    if isinstance(s.failure, HttpFailure) and not _is_slow(s.failure):
        return Disposition(Mood.STALL, Reason.MODEL_FAILED, words.start_failed(s, rules.failure_of(s).message), Area.MODEL)
    if before is not None and before.reason == Reason.MODEL_FAILED and before.observed_generation == s.generation:
        return Disposition(Mood.STALL, Reason.MODEL_FAILED, before.message, Area.MODEL)
    if s.previous.applied is None or (before is not None and before.reason == Reason.MODEL_DEPLOYING):
        return Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, words.not_yet_deployed(s), Area.MODEL)
    return Disposition(Mood.STALL, Reason.MODEL_FAILED, words.no_deployment(s), Area.MODEL)


def _is_slow(failure: HttpFailure) -> bool:
    """True when Elasticsearch only gave up waiting for the start, which goes on."""
    return failure.status == HTTPStatus.REQUEST_TIMEOUT or failure.type == "timeout_exception"


def suspended_endpoint_is_left_alone(s: EndpointSituation) -> Verdict | None:
    """Nothing is written, and what its model does is told all the same."""
    if not s.spec.suspend:
        return None
    state = inspected(s) if s.done.tried is None else None
    return state if isinstance(state, Inspect) else Suspended(state.disposition if isinstance(state, Unusable) else None)


def observed_endpoint_is_inspected(s: EndpointSituation) -> Verdict | None:
    return inspected(s) if s.observes_only else None
