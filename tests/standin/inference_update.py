"""`PUT /_inference/{task}/{id}/_update`: what may change in which version, and what is silently ignored.

Before 9.5 a key that can't change is ignored; from 9.5 on it is refused with its value in the reason.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tests.standin import model_update, provider, third_party_update
from tests.standin.catalogue import CHUNKING_TASKS, Service, find_service
from tests.standin.chunking import parse_chunking
from tests.standin.default_endpoints import is_preconfigured, preconfigured
from tests.standin.endpoint_view import render
from tests.standin.errors import ElasticsearchError, bad_request, status_error
from tests.standin.inference_create import check_id, default_timeout
from tests.standin.java_text import java_text
from tests.standin.licensing import check_license
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import ANY_TASK, json_body, resolve_task_type, task_type, timeout
from tests.standin.results import Verdict
from tests.standin.state import Endpoint, Outdated, State, put
from tests.standin.version import Version


@dataclass(frozen=True, slots=True)
class Change:
    """An update request that was read: only blocks that may be in it; an absent one is None."""

    inference_id: str
    url_task: str
    body_task: Any
    service_settings: Json | None
    task_settings: Json | None
    chunking_settings: Any
    wait: float | None


def prepare_update(request: Request, version: Version) -> Action:
    """Both forms: `/_inference/{task}/{id}/_update` and `/_inference/{id}/_update`."""
    *task, inference_id = request.segments[1:-1]
    if not task and not version.since("8.18.1", "9.0"):
        raise bad_request("Inference ID must be provided in the path")
    url_task = task_type(task[0], version) if task else ANY_TASK
    wait = timeout(request, 0) if "timeout" in request.query else None
    body = json_body(request)
    if not version.since("9.5"):
        check_id(inference_id)
    return lambda state, now: _update(_read(inference_id, url_task, body, wait, state.version), state, now)


def _read(inference_id: str, url_task: str, body: Json, wait: float | None, version: Version) -> Change:
    """Take the body apart. Raises 400 for anything in it that can't be updated, 500 for values that do not parse."""
    if not body:
        raise bad_request("Request body is empty")
    left = dict(body)
    task = left.pop("task_type", None)
    service_settings = _block(left, "service_settings", "service", version)
    task_settings = _block(left, "task_settings", "task", version)
    chunking = left.pop("chunking_settings", None) if version.since("9.5") else None
    if left:
        raise bad_request(
            f"Request contained fields which cannot be updated, remove these fields and try again [{java_text(left)}]"
        )
    return Change(inference_id, url_task, task, service_settings, task_settings, chunking, wait)


def _block(left: Json, name: str, word: str, version: Version) -> Json | None:
    if name not in left:
        return None
    value = left[name]
    if not isinstance(value, dict):
        raise bad_request(f"Unable to parse {word} settings in the request [{java_text(left)}]")
    if None in value.values() and not version.since("9.5"):
        raise status_error(500, f"Failed to parse update request [{java_text(left)}]")
    return dict(left.pop(name))


def _update(change: Change, state: State, now: float) -> Step:
    endpoint = _existing(change, state)
    service = find_service(endpoint.service, state.version, vendor_services=state.cluster.vendor_services)
    if service is None:
        raise bad_request(f"Service [{endpoint.service}] not found")
    if is_preconfigured(state, change.inference_id):
        # The status is unverified; an _update of .elser-2-elasticsearch settles it.
        raise bad_request(f"Default endpoint [{change.inference_id}] cannot be updated")
    check_license(state, endpoint.service)
    task = resolve_task_type(change.url_task, change.body_task, state.version)
    if task != endpoint.task_type:
        raise bad_request("Task type must match the task type of the existing endpoint")
    merged = _merge(change, endpoint, service, state)
    if state.version.since("9.5") and merged == endpoint:
        return Step(state, Response(200, render(endpoint, state, now)))
    if endpoint.service == model_update.MODEL_SERVICE:
        scaled = model_update.scale_deployment(state, now, endpoint, change.service_settings or {})
        return _store(scaled, now, merged)
    wait = change.wait if change.wait is not None else default_timeout(endpoint.task_type, state.version)
    return _validate(state, now, merged, wait)


def _existing(change: Change, state: State) -> Endpoint:
    endpoint = state.endpoints.get(change.inference_id) or preconfigured(state).get(change.inference_id)
    if endpoint is None:
        raise status_error(404, f"The inference endpoint [{change.inference_id}] does not exist and cannot be updated")
    if change.inference_id in state.updating:
        raise status_error(
            409, f"Endpoint [{change.inference_id}] is currently being updated. Try again once the update completes"
        )
    return endpoint


def _merge(change: Change, endpoint: Endpoint, service: Service, state: State) -> Endpoint:
    """The endpoint with the change in it; identity when nothing changes."""
    if endpoint.service == model_update.MODEL_SERVICE:
        merged = model_update.merge(state, endpoint, change.service_settings, change.task_settings)
    else:
        merged = third_party_update.merge(service, endpoint, change.service_settings, change.task_settings, state.version)
    if change.chunking_settings is not None and endpoint.task_type in CHUNKING_TASKS:
        return replace(merged, chunking_settings=parse_chunking(change.chunking_settings, state.version))
    if _forgets_chunking(state.version):
        return replace(merged, chunking_settings=None)
    return merged


def _forgets_chunking(version: Version) -> bool:
    """Issue 139574: any update drops the stored chunking settings.

    The first patch releases with the fix (9.2.x and 9.3.x after February 2026) are unverified; the release notes settle them.
    """
    return version < Version(9, 2, 6) or Version(9, 3, 0) <= version < Version(9, 3, 1)


def _validate(state: State, now: float, merged: Endpoint, wait: float) -> Step:
    """The provider call with the new settings (9.3 and newer), during which the endpoint counts as being updated."""
    if not state.version.since("9.3"):
        return _store(state, now, merged)

    def finish(later: State, then: float, verdict: Verdict) -> Step:
        unlocked = replace(later, updating=later.updating - {merged.inference_id})
        if merged.inference_id not in unlocked.endpoints:
            # Deleted behind the lock by a force from outside; the words are those of a failed store.
            return Step(unlocked, status_error(500, "Failed to update model").response())
        try:
            provider.checked(verdict)
        except ElasticsearchError as error:
            return Step(unlocked, error.response())
        return _store(unlocked, then, merged)

    locked = replace(state, updating=state.updating | {merged.inference_id})
    return provider.consult(locked, now, merged, provider.validation_question(merged), wait, finish)


def _store(state: State, now: float, endpoint: Endpoint) -> Step:
    """Store and answer. Nodes whose cache holds the old settings use them for as long as `Pace.cache` says."""
    if state.cluster.failing_writes:
        return Step(state, status_error(500, "Failed to update model").response())
    stored = state.with_endpoint(endpoint)
    old = state.endpoints.get(endpoint.inference_id)
    if old is not None and state.pace.cache > 0:
        remembered = Outdated(old, now + state.pace.cache)
        stored = replace(stored, outdated=put(state.outdated, endpoint.inference_id, remembered))
    return Step(stored, Response(200, render(endpoint, stored, now)))
