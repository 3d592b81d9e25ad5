"""The sentences that users read in conditions and events: what happened, to which object, what to do next.

Nothing is decided here. A value that a Secret feeds never gets into a sentence; a setting is named by its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference_operator.core.situation import Situation
from inference_operator.core.values import Deployment, Path, Usage, dotted

_LISTED = 5


def _list(names: Sequence[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _paths(paths: Iterable[Path]) -> str:
    return _list(sorted(f"spec.{dotted(path)}" for path in paths))


def users(usage: Usage) -> str:
    """Name the referrers: `pipelines: p1, p2; indices: i1`."""
    parts = []
    if usage.pipelines:
        parts.append(f"pipelines: {_list(usage.pipelines)}")
    if usage.indices:
        parts.append(f"indices: {_list(usage.indices)}")
    return "; ".join(parts)


def _where(s: Situation) -> str:
    if s.server is None:
        return "Elasticsearch"
    version = f" {s.server.version}" if s.server.version else ""
    return f"Elasticsearch{version} at {s.server.address}"


def available(s: Situation) -> str:
    return f"Inference endpoint {s.inference_id} is as written, in {_where(s)}"


def observed(s: Situation) -> str:
    return f"Inference endpoint {s.inference_id} is there, in {_where(s)}; managementPolicy Observe never changes it"


def in_sync(s: Situation) -> str:
    return f"Elasticsearch holds what the spec says of {s.inference_id}"


def references_resolved() -> str:
    return "Everything that the spec refers to was found"


def id_conflict(s: Situation) -> str:
    return (
        f"spec.inferenceId: {s.inference_id} belongs to InferenceEndpoint {s.rival} on the same cluster;"
        " choose another id, or delete one of the two objects"
    )


def already_exists(s: Situation) -> str:
    differing = _paths(d.path for d in s.differences)
    unlike = f", and differs in {differing}" if differing and s.spec.adoption_policy != "Never" else ""
    return (
        f"spec.inferenceId: {s.inference_id} exists in {_where(s)} and was not made by this object{unlike}; it is left alone."
        f" Choose another id, delete that endpoint, or take it over with spec.adoptionPolicy (now {s.spec.adoption_policy})"
    )


def invalid_id(inference_id: str) -> str:
    return (
        f"spec.inferenceId: {inference_id!r} is no inference id: lower-case letters, digits, hyphens, underscores and dots,"
        " a letter or digit at both ends"
    )


def inline_secrets(paths: Iterable[Path]) -> str:
    return (
        f"{_paths(paths)}: a secret must not stand in the object; put it into a Secret and write"
        " {valueFrom: {secretKeyRef: {name, key}}}. Whoever can read the object has seen the value: consider to replace it"
    )


def nothing_to_observe(s: Situation) -> str:
    return f"{_where(s)} has no inference endpoint {s.inference_id}; it is only observed, so nothing is created"


def replacement_refused(cause: str) -> str:
    return f"The replacement was refused, so the old endpoint keeps serving with its old settings. {cause}"


def replace_required(s: Situation, paths: Sequence[Path], *, ignored: bool) -> str:
    if all(map(s.was_lost, paths)):
        return _lost(s, paths)
    why = f"{_where(s)} accepted the change and ignored it" if ignored else f"{_where(s)} can't change this in place"
    return (
        f"{_paths(paths)}: {why}, so {s.inference_id} keeps serving with its old settings."
        " Take the edit back, allow a replacement with spec.replacePolicy, or create another endpoint"
    )


def _lost(s: Situation, paths: Sequence[Path]) -> str:
    return (
        f"{_paths(paths)}: lost by {_where(s)} with an update of other settings, a known fault of this version (issue 139574)."
        f" {s.inference_id} keeps serving and splits new texts by its default. Allow a replacement with"
        " spec.replacePolicy to put the settings back, or write into the spec what status.observed shows;"
        " upgrade Elasticsearch to keep them for good"
    )


def replace_blocked(s: Situation, paths: Sequence[Path]) -> str:
    assert s.usage is not None
    return (
        f"{_paths(paths)}: needs {s.inference_id} to be replaced, which is in use by {users(s.usage)}."
        " It keeps serving with its old settings. Point these elsewhere, or set spec.replacePolicy: Always"
    )


def deleted_by_others(s: Situation) -> str:
    return (
        f"Inference endpoint {s.inference_id} was deleted in {_where(s)} by somebody else;"
        " driftPolicy is Detect, so it is not put back. Set driftPolicy: Correct, or delete this object"
    )


def drifted(s: Situation) -> str:
    return (
        f"{_paths(d.path for d in s.differences)}: changed in {_where(s)} by somebody else; driftPolicy is Detect, so it is"
        " left so. See status.drift; set driftPolicy: Correct to repair it, or take the change into the spec"
    )


def blocked(s: Situation, usage: Usage) -> str:
    return (
        f"Inference endpoint {s.inference_id} is not deleted because it is in use by {users(usage)}."
        " Point these elsewhere, or set spec.forceDelete: true"
    )


def deletion_held_up(s: Situation, cause: str) -> str:
    return (
        f"{cause.rstrip('.')}. Until then inference endpoint {s.inference_id} can't be deleted and this object stays;"
        " set spec.deletionPolicy: Retain to let the object go and keep the endpoint"
    )


def no_deployment(s: Situation) -> str:
    return (
        f"No deployment {s.deployment_id} runs any more, so {s.inference_id} can't answer."
        " Start one with this deployment id, or delete the endpoint in Elasticsearch to have it made anew"
    )


def not_yet_deployed(s: Situation) -> str:
    return f"Deployment {s.deployment_id} is not there yet: Elasticsearch downloads the model first"


def starts_on_demand(s: Situation) -> str:
    return f"Inference endpoint {s.inference_id} belongs to Elasticsearch, which deploys its model with the first request"


def start_failed(s: Situation, cause: str) -> str:
    return f"Inference endpoint {s.inference_id} is stored, but its model was not started. {cause}"


def deployment_failed(deployment: Deployment) -> str:
    reason = f": {deployment.reason}" if deployment.reason else ""
    return f"Deployment {deployment.deployment_id} failed{reason}. Elasticsearch needs ML nodes with enough memory for the model"


def deploying(deployment: Deployment) -> str:
    count, target = deployment.allocation_count, deployment.target_allocation_count
    counted = f", {count} of {target} allocations" if count is not None and target is not None else ""
    return f"Deployment {deployment.deployment_id} is {deployment.state}{counted}"


def suspended(s: Situation) -> str:
    return f"spec.suspend is true: {s.inference_id} is not changed until it is false again"


def differs(s: Situation) -> str:
    return f"{_paths(d.path for d in s.differences)}: differs in {_where(s)}; see status.drift"


def model_serves(deployment: Deployment) -> str:
    count = deployment.allocation_count
    if deployment.target_allocation_count == 0:
        return f"Deployment {deployment.deployment_id} is scaled to zero and starts with the first request"
    return f"Deployment {deployment.deployment_id} serves" + (f" with {count} allocations" if count is not None else "")
