"""What an `_update` may change on an endpoint of service `elasticsearch`: allocations, and rerank's task setting."""

from __future__ import annotations

from dataclasses import replace

from tests.standin import deployments
from tests.standin.errors import request_invalid, status_error
from tests.standin.messages import Json
from tests.standin.model_service import NAME as MODEL_SERVICE
from tests.standin.model_service import parse_adaptive, parse_positive
from tests.standin.setting_parsers import SERVICE_SETTINGS, TASK_SETTINGS, Block, refuse_leftovers
from tests.standin.state import Deployment, Endpoint, State

__all__ = ["MODEL_SERVICE", "merge", "scale_deployment"]
# Secrets in an update of an endpoint without secrets are ignored.
_IGNORED = ("api_key",)


def merge(state: State, endpoint: Endpoint, service_settings: Json | None, task_settings: Json | None) -> Endpoint:
    """The endpoint with new allocations. Raises 400 for values that do not parse, from 9.5 on for unknown keys."""
    merged = endpoint
    if service_settings is not None:
        merged = replace(merged, service_settings=_merged_settings(state, endpoint, dict(service_settings)))
    if task_settings is not None:
        merged = replace(merged, task_settings=_merged_tasks(state, endpoint, dict(task_settings)))
    return merged


def _merged_settings(state: State, endpoint: Endpoint, given: Json) -> Json:
    block = Block(SERVICE_SETTINGS, given)
    settings = dict(endpoint.service_settings)
    number = parse_positive(block, "num_allocations")
    adaptive = parse_adaptive(block) if state.version.since("8.18", "9.0") else None
    block.check()
    if state.version.since("9.5"):
        refuse_leftovers({key: value for key, value in given.items() if key not in _IGNORED}, MODEL_SERVICE, state.version)
    if adaptive is not None:
        settings["adaptive_allocations"] = adaptive
        if adaptive.get("enabled"):
            settings.pop("num_allocations", None)
    if number is not None:
        settings["num_allocations"] = number
    return settings


def _merged_tasks(state: State, endpoint: Endpoint, given: Json) -> Json:
    settings = dict(endpoint.task_settings)
    if endpoint.task_type == "rerank" and "return_documents" in given:
        value = given.pop("return_documents")
        block = Block(TASK_SETTINGS, given)
        if not isinstance(value, bool):
            block.wrong_type("return_documents", value, "Boolean")
        block.check()
        settings["return_documents"] = value
    if state.version.since("9.5"):
        refuse_leftovers(given, MODEL_SERVICE, state.version)
    return settings


def scale_deployment(state: State, now: float, endpoint: Endpoint, given: Json) -> State:
    """Change the running deployment. Raises 409 when it belongs to somebody else, 404 when there is none."""
    adaptive = given.get("adaptive_allocations") if state.version.since("8.18", "9.0") else None
    number = given.get("num_allocations")
    if adaptive is None and number is None:
        return state
    name = endpoint.deployment_id or endpoint.inference_id
    deployment = state.deployments.get(name)
    if endpoint.deployment_id is not None:
        _refuse_foreign(endpoint, deployment)
    if deployment is None:
        # The words are unverified; an _update after the deployment was stopped by the ML API settles them.
        raise status_error(404, f"Model with id [{endpoint.service_settings['model_id']}] has no matching trained model")
    _check_kinds(endpoint, number, adaptive)
    return deployments.scale(state, now, deployment, number, adaptive)


def _refuse_foreign(endpoint: Endpoint, deployment: Deployment | None) -> None:
    name = endpoint.deployment_id
    if deployment is not None and deployment.by_endpoint:
        raise status_error(
            409,
            f"Cannot update inference endpoint [{endpoint.inference_id}] for model deployment [{name}] as it was created "
            f"by another inference endpoint. The model can only be updated using inference endpoint id [{name}].",
        )
    raise status_error(
        409,
        f"Cannot update inference endpoint [{endpoint.inference_id}] using model deployment [{name}]. "
        "The model deployment must be updated through the trained models API.",
    )


def _check_kinds(endpoint: Endpoint, number: int | None, adaptive: Json | None) -> None:
    """A fixed number and enabled adaptive allocations exclude each other."""
    kept = adaptive if adaptive is not None else endpoint.service_settings.get("adaptive_allocations")
    if number is not None and kept and kept.get("enabled"):
        raise request_invalid(["[number_of_allocations] cannot be set if adaptive allocations is enabled"])
