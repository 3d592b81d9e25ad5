"""Sentences about endpoints only: secrets, replacements, models. The others are in `core.words`. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.values import Deployment, Path
from inference_operator.core.words import paths_of, users, where


def inline_secrets(paths: Iterable[Path]) -> str:
    return (
        f"{paths_of(paths)}: a secret must not stand in the object; put it into a Secret and write"
        " {valueFrom: {secretKeyRef: {name, key}}}. Whoever can read the object has seen the value: consider to replace it"
    )


def replacement_refused(cause: str) -> str:
    return f"The replacement was refused, so the old endpoint keeps serving with its old settings. {cause}"


def replace_required(s: EndpointSituation, paths: Sequence[Path], *, ignored: bool) -> str:
    if all(map(s.was_lost, paths)):
        return _lost(s, paths)
    why = f"{where(s)} accepted the change and ignored it" if ignored else f"{where(s)} can't change this in place"
    return (
        f"{paths_of(paths)}: {why}, so {s.external_id} keeps serving with its old settings."
        " Take the edit back, allow a replacement with spec.replacePolicy, or create another endpoint"
    )


def _lost(s: EndpointSituation, paths: Sequence[Path]) -> str:
    return (
        f"{paths_of(paths)}: lost by {where(s)} with an update of other settings, a known fault of this version (issue 139574)."
        f" {s.external_id} keeps serving and splits new texts by its default. Allow a replacement with"
        " spec.replacePolicy to put the settings back, or write into the spec what status.observed shows;"
        " upgrade Elasticsearch to keep them for good"
    )


def replace_blocked(s: EndpointSituation, paths: Sequence[Path]) -> str:
    assert s.usage is not None
    return (
        f"{paths_of(paths)}: needs {s.external_id} to be replaced, which is in use by {users(s.usage)}."
        " It keeps serving with its old settings. Point these elsewhere, or set spec.replacePolicy: Always"
    )


def no_deployment(s: EndpointSituation) -> str:
    return (
        f"No deployment {s.deployment_id} runs any more, so {s.external_id} can't answer."
        " Start one with this deployment id, or delete the endpoint in Elasticsearch to have it made anew"
    )


def not_yet_deployed(s: EndpointSituation) -> str:
    return f"Deployment {s.deployment_id} is not there yet: Elasticsearch downloads the model first"


def starts_on_demand(s: EndpointSituation) -> str:
    return f"Inference endpoint {s.external_id} belongs to Elasticsearch, which deploys its model with the first request"


def start_failed(s: EndpointSituation, cause: str) -> str:
    return f"Inference endpoint {s.external_id} is stored, but its model was not started. {cause}"


def deployment_failed(deployment: Deployment) -> str:
    reason = f": {deployment.reason}" if deployment.reason else ""
    return f"Deployment {deployment.deployment_id} failed{reason}. Elasticsearch needs ML nodes with enough memory for the model"


def deploying(deployment: Deployment) -> str:
    count, target = deployment.allocation_count, deployment.target_allocation_count
    counted = f", {count} of {target} allocations" if count is not None and target is not None else ""
    return f"Deployment {deployment.deployment_id} is {deployment.state}{counted}"


def model_serves(deployment: Deployment) -> str:
    count = deployment.allocation_count
    if deployment.target_allocation_count == 0:
        return f"Deployment {deployment.deployment_id} is scaled to zero and starts with the first request"
    return f"Deployment {deployment.deployment_id} serves" + (f" with {count} allocations" if count is not None else "")
