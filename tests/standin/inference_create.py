"""`PUT /_inference/{task}/{id}`: the order of checks, the validation call, storing, and only then starting.

Source of the order: the facts' section "Create". Parsing of settings is delegated to the services' own modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import partial

from tests.standin import model_service, provider, third_party
from tests.standin.catalogue import Service, find_service
from tests.standin.default_endpoints import is_preconfigured
from tests.standin.deployments import progress, started_at
from tests.standin.endpoint_view import render
from tests.standin.errors import ElasticsearchError, already_exists, bad_request, request_invalid, status_error
from tests.standin.java_order import hash_order
from tests.standin.licensing import check_license
from tests.standin.messages import Action, Headers, Json, Request, Response, Step, Waiting
from tests.standin.reading import ANY_TASK, json_body, resolve_task_type, shown_seconds, task_type, timeout
from tests.standin.references import incompatible_indices
from tests.standin.results import Verdict
from tests.standin.state import Endpoint, State
from tests.standin.third_party import with_embedding_details
from tests.standin.version import Version

_VALID_ID = re.compile(r"[a-z0-9](?:[a-z0-9_\-\.]*[a-z0-9])?")
SKIP_VALIDATION = "xpack.inference.skip_validate_and_start"
DEFAULT_TIMEOUT = 30.0
SLOW_TASKS_TIMEOUT = 120.0
_SLOW_TASKS = frozenset({"completion", "chat_completion"})


@dataclass(frozen=True, slots=True)
class Creation:
    """A create request that passed the checks of the REST layer."""

    inference_id: str
    url_task: str
    request: Request
    timeout: float | None


def prepare_create(request: Request, version: Version) -> Action:
    """Both forms: `/_inference/{task}/{id}` and `/_inference/{id}`."""
    *task, inference_id = request.segments[1:]
    url_task = task_type(task[0], version) if task else ANY_TASK
    if not request.body.strip():
        json_body(request)
    creation = Creation(inference_id, url_task, request, timeout(request, 0) if "timeout" in request.query else None)
    check_id(inference_id)
    return lambda state, now: _create(creation, state, now)


def check_id(inference_id: str) -> None:
    if inference_id == "_all" or not _VALID_ID.fullmatch(inference_id):
        rule = "can contain lowercase alphanumeric (a-z and 0-9), hyphens or underscores; must start and end with alphanumeric"
        raise request_invalid([f"Invalid inference_id; '{inference_id}' {rule}"])


def default_timeout(task: str, version: Version) -> float:
    return SLOW_TASKS_TIMEOUT if task in _SLOW_TASKS and version.since("9.5") else DEFAULT_TIMEOUT


def _create(creation: Creation, state: State, now: float) -> Step:
    if is_preconfigured(state, creation.inference_id):
        raise bad_request(
            f"[{creation.inference_id}] is a reserved inference ID. Cannot create a new inference endpoint with a reserved ID."
        )
    config = json_body(creation.request)
    task = resolve_task_type(creation.url_task, config.pop("task_type", None), state.version)
    service = _service(state, config)
    model_service.check_unique(state, creation.inference_id)
    endpoint = _parse(state, service, creation.inference_id, task, config)
    _check_mappings(state, endpoint)
    wait = creation.timeout if creation.timeout is not None else default_timeout(task, state.version)
    warnings = _warnings(state.version, service)
    if endpoint.service == model_service.NAME:
        return _store_and_start(state, now, endpoint, wait, warnings)
    return _validate(state, now, endpoint, wait, warnings)


def _service(state: State, config: Json) -> Service:
    name = config.pop("service", None)
    if name is None:
        raise bad_request("Inference endpoint configuration is missing the [service] setting")
    check_license(state, str(name))
    service = find_service(str(name), state.version, vendor_services=state.cluster.vendor_services)
    if service is None:
        raise bad_request(f"Unknown service [{name}]")
    if service.name in state.cluster.unaware:
        raise bad_request(
            f"All nodes in the cluster are not aware of the service [{name}]."
            "Wait for the cluster to finish upgrading and try again."
        )
    return service


def _parse(state: State, service: Service, inference_id: str, task: str, config: Json) -> Endpoint:
    if service.name in (model_service.NAME, model_service.ELSER):
        return model_service.parse_request(state, service, inference_id, task, config)
    return third_party.parse_request(service, inference_id, task, config, state.version)


def _check_mappings(state: State, endpoint: Endpoint) -> None:
    """9.3 and newer: indices that remember another model under this id forbid it."""
    if not state.version.since("9.3"):
        return
    indices = hash_order(incompatible_indices(state, endpoint))
    if indices:
        raise bad_request(
            f"Inference endpoint [{endpoint.inference_id}] could not be created because the inference_id is being used "
            f"in mappings with incompatible settings for indices: [{', '.join(indices)}]. Please either use a different "
            "inference_id or update the index mappings to refer to a different inference_id."
        )


def _warnings(version: Version, service: Service) -> Headers:
    if service.name != model_service.ELSER:
        return ()
    return (("Warning", f'299 Elasticsearch-{version} "{model_service.ELSER_WARNING}"'),)


def _skips_validation(state: State) -> bool:
    return str(state.cluster.settings.get(SKIP_VALIDATION, "false")).lower() == "true"


def _validate(state: State, now: float, endpoint: Endpoint, wait: float, headers: Headers) -> Step:
    """The validation call, which takes as long as the provider takes, then the store."""
    if _skips_validation(state):
        return _store(state, now, endpoint, headers)

    def finish(later: State, then: float, verdict: Verdict) -> Step:
        measured = with_embedding_details(endpoint, provider.checked(verdict))
        return _store(later, then, measured, headers)

    return provider.consult(state, now, endpoint, provider.validation_question(endpoint), wait, finish)


def _store(state: State, now: float, endpoint: Endpoint, headers: Headers) -> Step:
    stored = _stored(state, endpoint)
    return Step(stored, Response(200, render(endpoint, stored, now), headers))


def _stored(state: State, endpoint: Endpoint) -> State:
    """Only here the server notices that the id is taken."""
    if endpoint.inference_id in state.endpoints:
        raise already_exists(f"Inference endpoint [{endpoint.inference_id}] already exists")
    return state.with_endpoint(endpoint)


def _store_and_start(state: State, now: float, endpoint: Endpoint, wait: float, headers: Headers) -> Step:
    """Store, download, deploy, wait. Whatever fails after the store leaves the endpoint behind."""
    stored = _stored(state, endpoint)
    if endpoint.deployment_id is not None or _skips_validation(state):
        return Step(stored, Response(200, render(endpoint, stored, now), headers))
    loading, ready = model_service.begin_download(stored, now, endpoint)

    def deploy(later: State, then: float) -> Step:
        if endpoint.inference_id not in later.endpoints:
            raise _vanished(endpoint)
        try:
            deploying, _ = model_service.begin_deployment(later, then, endpoint)
        except ElasticsearchError as error:
            return Step(later, error.response())
        return _await_start(deploying, then, endpoint=endpoint, deadline=then + wait, wait=wait, headers=headers)

    return Step(loading, Waiting(ready, deploy)) if ready > now else deploy(loading, now)


def _await_start(state: State, now: float, *, endpoint: Endpoint, deadline: float, wait: float, headers: Headers) -> Step:
    deployment = state.deployments.get(endpoint.inference_id)
    if deployment is None:
        raise _vanished(endpoint)
    current = progress(deployment, state.pace, now)
    if current.state == "failed":
        # Status and words of a failed start are unverified: a model file that can't be loaded settles them.
        raise status_error(500, f"Could not start deployment because [{current.reason}]")
    if current.state == "started":
        return Step(state, Response(200, render(endpoint, state, now), headers))
    if now >= deadline:
        raise status_error(
            408,
            f"Timed out after [{shown_seconds(wait)}] waiting for model deployment to start. "
            "Use the trained model stats API to track the state of the deployment.",
        )
    until = min(deadline, started_at(deployment, state.pace))
    again = partial(_await_start, endpoint=endpoint, deadline=deadline, wait=wait, headers=headers)
    return Step(state, Waiting(until, again, watches=True))


def _vanished(endpoint: Endpoint) -> ElasticsearchError:
    """Deleted by somebody while it started: status and words are unverified, a delete during a slow start settles them."""
    return status_error(404, f"Could not find trained model deployment [{endpoint.inference_id}]")


def without_deployment(state: State, endpoint: Endpoint) -> State:
    """The state when an endpoint goes: its own deployment is stopped, one that it is attached to stays."""
    if endpoint.service != model_service.NAME or endpoint.deployment_id is not None:
        return state
    return replace(state, deployments={key: item for key, item in state.deployments.items() if key != endpoint.inference_id})
