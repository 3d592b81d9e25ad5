"""The trained-model API as far as endpoints need it: stats, and starting, updating and stopping deployments."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from tests.standin import deployments
from tests.standin.deployments import Progress, progress
from tests.standin.errors import ElasticsearchError, bad_request, not_found, status_error
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import flag, json_body, object_in, whole_number
from tests.standin.state import Deployment, Endpoint, Model, State
from tests.standin.version import Version

_NODE = "h0TzYkq1R8aX3Uu0pGmNqg"
_SIZE = {"model_size_bytes": 438123914, "required_native_memory_bytes": 2101346304}
_CONFLICT = 409
_ALL = "_all"
_PAGE = 100


def prepare_stats(request: Request, version: Version) -> Action:
    """`GET _ml/trained_models[/{id}]/_stats`; `_all` stands for every model, commas for several, `*` for any text.

    `from` and `size` cut the list, not the count. `allow_no_match=false` refuses wildcards that fit nothing.
    """
    wanted = request.segments[2] if len(request.segments) > 3 else _ALL
    start = whole_number(request.query.get("from", 0), "from")
    page = slice(start, start + whole_number(request.query.get("size", _PAGE), "size"))
    wildcards_may_miss = "allow_no_match" not in request.query or flag(request, "allow_no_match")

    def run(state: State, now: float) -> Step:
        rows = _stats(state, now, set(wanted.split(",")), wildcards_may_miss=wildcards_may_miss)
        return Step(state, Response(200, {"count": len(rows), "trained_model_stats": rows[page]}))

    return run


def _stats(state: State, now: float, names: set[str], *, wildcards_may_miss: bool) -> list[Json]:
    rows: list[Json] = []
    for model in state.models.values():
        own = [one for one in state.deployments.values() if one.model_id == model.model_id]
        chosen = own if _is_wanted(names, model.model_id) else [one for one in own if one.deployment_id in names]
        rows += [_row(model, state, now, one) for one in chosen]
        if not own and _is_wanted(names, model.model_id):
            rows.append(_row(model, state, now, None))
    _refuse_unknown(state, names, wildcards_may_miss=wildcards_may_miss)
    return rows


def _is_wanted(names: set[str], model_id: str) -> bool:
    return any(name == _ALL or fnmatchcase(model_id, name) for name in names)


def _refuse_unknown(state: State, names: set[str], *, wildcards_may_miss: bool) -> None:
    """That the deployment id serves as well, and the words of the 404, are unverified: one call with each settles them."""
    for name in sorted(names - {_ALL, "*"}):
        may_miss = wildcards_may_miss and "*" in name
        if not may_miss and name not in state.deployments and not any(fnmatchcase(model, name) for model in state.models):
            raise not_found(f"No known trained model with model_id [{name}]")


def _row(model: Model, state: State, now: float, deployment: Deployment | None) -> Json:
    row: Json = {
        "model_id": model.model_id,
        "model_size_stats": _SIZE,
        "pipeline_count": 0,
        "inference_stats": {
            "failure_count": 0,
            "inference_count": 0,
            "cache_miss_count": 0,
            "missing_all_fields_count": 0,
            "timestamp": int(now * 1000),
        },
    }
    if deployment is not None:
        row["deployment_stats"] = _deployment_stats(state, now, deployment)
    return row


def _deployment_stats(state: State, now: float, deployment: Deployment) -> Json:
    current = progress(deployment, state.pace, now)
    stats: Json = {
        "deployment_id": deployment.deployment_id,
        "model_id": deployment.model_id,
        "threads_per_allocation": deployment.threads,
        "number_of_allocations": current.target,
        "queue_capacity": 1024,
        "cache_size": "417.8mb",
        "priority": "normal",
        "start_time": int(deployment.started_at * 1000),
        "peak_throughput_per_minute": 0,
    }
    if deployment.adaptive:
        stats["adaptive_allocations"] = deployment.adaptive
    if state.cluster.flavor == "serverless":
        return stats
    stats |= {
        "state": current.state,
        "allocation_status": {
            "allocation_count": current.count,
            "target_allocation_count": current.target,
            "state": current.allocation_state,
        },
        "nodes": [_node(state, deployment, current)] if current.target else [],
    }
    return stats | ({"reason": current.reason} if current.reason else {})


def _node(state: State, deployment: Deployment, current: Progress) -> Json:
    node: dict[str, Any] = {
        "name": state.cluster.node,
        "ephemeral_id": "b2Vd8wYlQF6sYkZ0qk1V0A",
        "transport_address": "127.0.0.1:9300",
        "external_id": state.cluster.node,
        "attributes": {},
        "roles": ["ml"],
    }
    routing = {"routing_state": "failed" if current.state == "failed" else current.state}
    return {
        "node": {_NODE: node},
        "routing_state": routing | ({"reason": current.reason} if current.reason else {}),
        "inference_count": 0,
        "average_inference_time_ms": 0.0,
        "last_access": int(deployment.last_used * 1000),
        "number_of_pending_requests": 0,
        "start_time": int(deployment.started_at * 1000),
        "threads_per_allocation": deployment.threads,
        "number_of_allocations": current.count,
        "peak_throughput_per_minute": 0,
        "throughput_last_minute": 0,
    }


def prepare_start(request: Request, version: Version) -> Action:
    """`POST _ml/trained_models/{id}/deployment/_start`; it answers at once, whatever `wait_for` says."""
    model_id = request.segments[2]
    body = json_body(request) if request.body.strip() else {}
    given = {**body, **request.query}
    name = str(given.get("deployment_id", model_id))
    adaptive = object_in(body, "adaptive_allocations") or None
    settings = {
        "model_id": model_id,
        "num_threads": whole_number(given.get("threads_per_allocation", 1), "threads_per_allocation"),
        "num_allocations": _number(given, None if adaptive else 1),
        "adaptive_allocations": adaptive,
    }

    def run(state: State, now: float) -> Step:
        model = deployments.known_model(state, model_id)
        if model is None:
            raise not_found(f"No known trained model with model_id [{model_id}]")
        _check_free(state, name)
        loading, _ = deployments.download(state, now, model)
        started, deployment = deployments.start(loading, now, name, settings, by_endpoint=False)
        return Step(started, Response(200, {"assignment": _deployment_stats(started, now, deployment)}))

    return run


def _number(given: Json, default: int | None) -> int | None:
    value = given.get("number_of_allocations", default)
    return None if value is None else whole_number(value, "number_of_allocations")


def _check_free(state: State, name: str) -> None:
    if name in state.endpoints:
        raise bad_request(f"Model IDs must be unique. Requested model ID [{name}] matches existing model IDs but must not.")
    if name in state.deployments:
        # Words and status are unverified; starting a deployment twice settles them.
        raise status_error(
            400, f"Could not start model deployment because an existing deployment with the same id [{name}] exist"
        )


def prepare_update(request: Request, version: Version) -> Action:
    """`POST _ml/trained_models/{id}/deployment/_update`."""
    name = request.segments[2]
    body = json_body(request) if request.body.strip() else {}
    number = _number({**body, **request.query}, None)
    adaptive = object_in(body, "adaptive_allocations") or None

    def run(state: State, now: float) -> Step:
        deployment = _deployment(state, name)
        if deployment.by_endpoint:
            raise status_error(
                _CONFLICT,
                f"Cannot update deployment [{name}] as it was created by inference endpoint [{name}]. "
                "This model deployment must be updated through the inference API.",
            )
        scaled = deployments.scale(state, now, deployment, number, adaptive)
        return Step(scaled, Response(200, {"assignment": _deployment_stats(scaled, now, scaled.deployments[name])}))

    return run


def prepare_stop(request: Request, version: Version) -> Action:
    """`POST _ml/trained_models/{id}/deployment/_stop`."""
    name, force = request.segments[2], flag(request, "force")

    def run(state: State, now: float) -> Step:
        _deployment(state, name)
        user = next((one for one in state.endpoints.values() if _uses(one, name)), None)
        if user is not None and not force and state.version.since("8.19", "9.1"):
            raise _in_use(name, user)
        return Step(deployments.stop(state, name), Response(200, {"stopped": True}))

    return run


def _uses(endpoint: Endpoint, name: str) -> bool:
    return endpoint.service == "elasticsearch" and name in (endpoint.deployment_id, endpoint.inference_id)


def _in_use(name: str, user: Endpoint) -> ElasticsearchError:
    return status_error(_CONFLICT, f"Cannot stop deployment [{name}] as it is used by inference endpoint [{user.inference_id}]")


def _deployment(state: State, name: str) -> Deployment:
    if name not in state.deployments:
        raise not_found(f"No known model deployment with id [{name}]")
    return state.deployments[name]
