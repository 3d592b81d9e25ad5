"""Model deployments: what they are at a given time, and how they start, scale, fail and stop.

A deployment is a value plus the time that passed: nothing ticks. It knows no HTTP and no endpoint settings.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from tests.standin.errors import ElasticsearchError, request_invalid, status_error
from tests.standin.state import Deployment, Model, Pace, State, drop

_ROUNDING = 1e-6  # what a float of seconds since 1970 can tell apart is 2e-7
BUILT_IN_MODELS: Mapping[str, str] = {
    ".elser_model_1": "sparse_embedding",
    ".elser_model_2": "sparse_embedding",
    ".elser_model_2_linux-x86_64": "sparse_embedding",
    ".multilingual-e5-small": "text_embedding",
    ".multilingual-e5-small_linux-x86_64": "text_embedding",
    ".rerank-v1": "rerank",
}
"""Models that the server downloads by itself, and their tasks."""
PLATFORM_SUFFIX = "_linux-x86_64"


@dataclass(frozen=True, slots=True)
class Progress:
    """A deployment at one moment."""

    state: Literal["starting", "started", "failed"]
    allocation_state: Literal["starting", "started", "fully_allocated"]
    count: int
    target: int
    reason: str | None = None


def progress(deployment: Deployment, pace: Pace, now: float) -> Progress:
    """Where the deployment stands at `now`: allocations appear one by one until the target is reached."""
    target = _target(deployment, pace, now)
    if deployment.failure is not None:
        return Progress("failed", "starting", 0, target, deployment.failure)
    count = _count(deployment, target, pace, now)
    if deployment.most is not None:
        count = min(count, deployment.most)
    if count == 0 and target > 0:
        return Progress("starting", "starting", 0, target)
    return Progress("started", "fully_allocated" if count >= target else "started", count, target)


def _target(deployment: Deployment, pace: Pace, now: float) -> int:
    adaptive = deployment.adaptive
    if adaptive and adaptive.get("enabled") and now - deployment.last_used >= pace.idle:
        return int(adaptive.get("min_number_of_allocations", 1))
    return deployment.target


def _count(deployment: Deployment, target: int, pace: Pace, now: float) -> int:
    if deployment.allocations >= target:
        return target
    if pace.deployment <= 0:
        return target
    share = pace.deployment / (target - deployment.allocations)
    grown = math.floor((now - deployment.changed_at) / share + _ROUNDING)
    return min(target, deployment.allocations + grown)


def lose_nodes(deployment: Deployment, pace: Pace, now: float, allocations: int) -> Deployment:
    """The deployment after the nodes of so many allocations are gone: others take over, one after the other."""
    left = max(0, progress(deployment, pace, now).count - allocations)
    return replace(deployment, allocations=left, changed_at=now)


def started_at(deployment: Deployment, pace: Pace) -> float:
    """When the deployment has its first allocation (and counts as started)."""
    if deployment.allocations > 0 or deployment.target == 0:
        return deployment.changed_at
    return deployment.changed_at + pace.deployment / deployment.target


def start(
    state: State, now: float, deployment_id: str, settings: Mapping[str, Any], *, by_endpoint: bool
) -> tuple[State, Deployment]:
    """Start a deployment. `settings`: model_id, num_threads, num_allocations and adaptive_allocations.

    Raises 400 when both kinds of allocations are given, 429 when the ML nodes can't hold it.
    """
    adaptive = settings.get("adaptive_allocations")
    enabled = bool(adaptive and adaptive.get("enabled"))
    number = settings.get("num_allocations")
    if enabled and number is not None:
        raise request_invalid(["[number_of_allocations] cannot be set if adaptive allocations is enabled"])
    target = number if number is not None else _adaptive_start(adaptive)
    _check_capacity(state, now, target)
    deployment = Deployment(
        deployment_id,
        settings["model_id"],
        settings.get("num_threads", 1),
        started_at=now,
        changed_at=now,
        allocations=0,
        target=target,
        adaptive=dict(adaptive) if adaptive else None,
        last_used=now,
        by_endpoint=by_endpoint,
    )
    return state.with_deployment(deployment), deployment


def _adaptive_start(adaptive: Mapping[str, Any] | None) -> int:
    return max(1, int((adaptive or {}).get("min_number_of_allocations", 1)))


def _check_capacity(state: State, now: float, wanted: int) -> None:
    most = state.cluster.max_allocations
    if most is None:
        return
    used = sum(progress(deployment, state.pace, now).target for deployment in state.deployments.values())
    if used + wanted > most:
        why = "no ML nodes" if most == 0 else f"insufficient capacity for {wanted} allocations"
        cause = ElasticsearchError(
            500,
            "illegal_state_exception",
            f"Could not start deployment because no suitable nodes were found, allocation explanation [{why}]",
        )
        raise status_error(429, "Could not start deployment because no ML nodes with sufficient capacity were found", cause)


def scale(state: State, now: float, deployment: Deployment, number: int | None, adaptive: Mapping[str, Any] | None) -> State:
    """Change the number of allocations, or the bounds between which the server adapts it."""
    current = progress(deployment, state.pace, now)
    merged = adaptive if adaptive is not None else deployment.adaptive
    enabled = bool(merged and merged.get("enabled"))
    if enabled and number is not None:
        raise request_invalid(["[number_of_allocations] cannot be set if adaptive allocations is enabled"])
    changed = replace(
        deployment,
        changed_at=now,
        last_used=now,
        allocations=current.count,
        target=number if number is not None else _between(current.target, merged if enabled else None),
        adaptive=dict(merged) if merged else None,
    )
    return state.with_deployment(changed)


def _between(current: int, adaptive: Mapping[str, Any] | None) -> int:
    if adaptive is None:
        return current
    low = int(adaptive.get("min_number_of_allocations", 0))
    return max(low, min(current, int(adaptive.get("max_number_of_allocations", current))))


def use(state: State, now: float, deployment: Deployment) -> State:
    """Note an inference: adaptive allocations that were scaled to zero come back."""
    current = progress(deployment, state.pace, now)
    used = replace(deployment, last_used=now)
    if deployment.adaptive and current.target < 1:
        used = replace(used, allocations=current.count, target=1, changed_at=now)
    return state.with_deployment(used)


def stop(state: State, deployment_id: str) -> State:
    """Stop a deployment; nothing happens when there is none. The model stays downloaded."""
    if deployment_id not in state.deployments:
        return state
    return replace(state, deployments=drop(state.deployments, deployment_id))


def known_model(state: State, model_id: str) -> Model | None:
    """A model that was loaded, or one that the server can download on this platform."""
    if model_id in state.models:
        return state.models[model_id]
    if model_id not in BUILT_IN_MODELS:
        return None
    if model_id.endswith(PLATFORM_SUFFIX) and state.cluster.platform != "linux-x86_64":
        return None
    return Model(model_id, BUILT_IN_MODELS[model_id])


def download(state: State, now: float, model: Model) -> tuple[State, float]:
    """Begin to download a model unless that was done before; answers when the download is complete."""
    if model.downloaded_at is not None:
        return state, model.downloaded_at
    done = now + state.pace.download
    return state.with_model(replace(model, downloaded_at=done)), done
