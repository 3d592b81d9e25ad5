"""`DELETE /_inference…`: dry runs, references that block, reserved ids, and the deployment that goes with the endpoint."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tests.standin.catalogue import find_service
from tests.standin.default_endpoints import find_endpoint, is_preconfigured
from tests.standin.errors import ElasticsearchError, bad_request, not_found, status_error
from tests.standin.inference_create import without_deployment
from tests.standin.inference_read import check_task
from tests.standin.java_order import hash_order
from tests.standin.messages import Action, Request, Response, Step
from tests.standin.reading import ANY_TASK, flag, task_type
from tests.standin.references import indices_using, pipelines_using
from tests.standin.state import Endpoint, State, drop
from tests.standin.version import Version

_REMEDY = "or use force to ignore this warning and delete the inference endpoint."


@dataclass(frozen=True, slots=True)
class Deletion:
    """A delete request."""

    inference_id: str
    task: str
    dry_run: bool
    force: bool


def prepare_delete(request: Request, version: Version) -> Action:
    *task, inference_id = request.segments[1:]
    deletion = Deletion(
        inference_id,
        task_type(task[0], version) if task else ANY_TASK,
        flag(request, "dry_run"),
        flag(request, "force"),
    )
    return lambda state, _now: _delete(deletion, state)


def _delete(deletion: Deletion, state: State) -> Step:
    name = deletion.inference_id
    state, endpoint = find_endpoint(state, name)
    if endpoint is None:
        raise not_found(f"Inference endpoint not found [{name}]")
    check_task(deletion.task, endpoint.task_type)
    if name in state.updating:
        raise status_error(
            409,
            f"The inference endpoint(s) [{name}] are currently being updated, "
            "please wait until after they are finished updating to delete.",
        )
    if deletion.dry_run:
        return _dry_run(state, endpoint)
    if not deletion.force:
        _check_unforced(state, endpoint)
    return Step(
        _without(state, endpoint, force=deletion.force), Response(200, {"acknowledged": True, "pipelines": [], "indexes": []})
    )


def _dry_run(state: State, endpoint: Endpoint) -> Step:
    name = endpoint.inference_id
    body = {
        "acknowledged": False,
        "pipelines": hash_order(pipelines_using(state, name)),
        "indexes": hash_order(indices_using(state, name)),
        "error_message": _complaint(state, name),
    }
    return Step(state, Response(200, body))


def _check_unforced(state: State, endpoint: Endpoint) -> None:
    name = endpoint.inference_id
    if is_preconfigured(state, name):
        # The status is unverified; a DELETE of .elser-2-elasticsearch without force settles it.
        way_out = (
            "Use the force=true query parameter to delete the inference endpoint."
            if state.version.since("8.18", "9.0")
            else "Cannot delete a reserved inference endpoint."
        )
        raise bad_request(f"[{name}] is a reserved inference endpoint. {way_out}")
    complaint = _complaint(state, name)
    if complaint:
        raise status_error(409, complaint)
    if find_service(endpoint.service, state.version, vendor_services=state.cluster.vendor_services) is None:
        raise status_error(404, f"No service found for this inference endpoint {name}")
    if endpoint.broken:
        # The status is unverified; deleting an endpoint whose secrets document is gone settles it.
        raise status_error(500, f"Failed to parse model configuration for inference endpoint {name}")


def _complaint(state: State, name: str) -> str:
    """Why the endpoint should stay; empty when nothing refers to it."""
    parts = []
    pipelines, indices = hash_order(pipelines_using(state, name)), hash_order(indices_using(state, name))
    if pipelines:
        parts.append(
            f"Inference endpoint {name} is referenced by pipelines: [{', '.join(pipelines)}]. "
            f"Ensure that no pipelines are using this inference endpoint, {_REMEDY}"
        )
    if indices:
        parts.append(
            f"Inference endpoint {name} is being used in the mapping for indexes: [{', '.join(indices)}]. "
            f"Ensure that no index mappings are using this inference endpoint, {_REMEDY}"
        )
    lead = " " if indices and not pipelines and not state.version.since("9.3") else ""
    return lead + " ".join(parts)


def _without(state: State, endpoint: Endpoint, *, force: bool) -> State:
    """The state without the endpoint and its deployment.

    A deployment that can't be stopped stops the deletion; with force it stays behind (before 8.19 and 9.1 it does not help).
    """
    deployment = state.deployments.get(endpoint.inference_id) if endpoint.deployment_id is None else None
    failure = deployment.stop_failure if deployment is not None else None
    if failure is not None and not (force and state.version.since("8.19", "9.1")):
        raise ElasticsearchError(500, "illegal_state_exception", failure)
    stopped = state if failure is not None else without_deployment(state, endpoint)
    return replace(stopped, endpoints=drop(stopped.endpoints, endpoint.inference_id))
