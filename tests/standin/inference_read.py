"""`GET /_inference…`: one endpoint, those of a task type, or all; and the side effect of looking."""

from __future__ import annotations

from tests.standin.catalogue import find_service
from tests.standin.default_endpoints import find_endpoint, persist_missing
from tests.standin.endpoint_view import render
from tests.standin.errors import ElasticsearchError, bad_request, not_found, status_error
from tests.standin.messages import Action, Request, Response, Step
from tests.standin.reading import ANY_TASK, task_type
from tests.standin.state import Endpoint, State
from tests.standin.version import Version

EVERYTHING = frozenset({"_all", "*"})


def prepare_get(request: Request, version: Version) -> Action:
    """`/_inference`, `/_inference/{id}` and `/_inference/{task}/{id}`, where `_all` and `*` stand for every id."""
    parts = request.segments[1:]
    inference_id = parts[-1] if parts else "_all"
    task = task_type(parts[0], version) if len(parts) > 1 else ANY_TASK
    if inference_id in EVERYTHING:
        return lambda state, now: _get_all(task, state, now)
    return lambda state, now: _get_one(inference_id, task, state, now)


def _get_one(inference_id: str, task: str, state: State, now: float) -> Step:
    state, endpoint = find_endpoint(state, inference_id)
    if endpoint is None:
        raise not_found(f"Inference endpoint not found [{inference_id}]")
    check_readable(state, endpoint)
    check_task(task, endpoint.task_type)
    return Step(state, Response(200, {"endpoints": [render(endpoint, state, now)]}))


def check_readable(state: State, endpoint: Endpoint) -> None:
    """One endpoint that can't be read fails every list that it is in."""
    name = endpoint.inference_id
    if endpoint.broken:
        raise ElasticsearchError(
            500,
            "illegal_state_exception",
            f"Failed to load inference endpoint [{name}]. Endpoint is in an invalid state, "
            "try deleting and reinitializing the service",
        )
    if find_service(endpoint.service, state.version, vendor_services=state.cluster.vendor_services) is None:
        raise status_error(500, f"Unknown service [{endpoint.service}] for inference endpoint [{name}].")


def check_task(requested: str, actual: str) -> None:
    """The task type of the URL, if any, must be the endpoint's."""
    if requested not in (ANY_TASK, actual):
        raise bad_request(f"Requested task type [{requested}] does not match the inference endpoint's task type [{actual}]")


def _get_all(task: str, state: State, now: float) -> Step:
    state = persist_missing(state)
    found = [endpoint for endpoint in state.endpoints.values() if task in (ANY_TASK, endpoint.task_type)]
    for endpoint in found:
        check_readable(state, endpoint)
    found.sort(key=lambda endpoint: endpoint.inference_id)
    return Step(state, Response(200, {"endpoints": [render(endpoint, state, now) for endpoint in found]}))
