"""How an endpoint reads back: the JSON of PUT, `_update` and GET.

Decides field order, what is left out and which numbers are live; secrets are not even reachable from here.
"""

from __future__ import annotations

from typing import Any

from tests.standin.catalogue import CHUNKING_TASKS
from tests.standin.chunking import BEFORE_CHUNKING
from tests.standin.deployments import progress
from tests.standin.messages import Json
from tests.standin.state import Endpoint, Settings, State


def render(endpoint: Endpoint, state: State, now: float) -> Json:
    """The endpoint as the server shows it at `now`."""
    body: Json = {
        "inference_id": endpoint.inference_id,
        "task_type": endpoint.task_type,
        "service": endpoint.service,
        "service_settings": _service_settings(endpoint, state, now),
    }
    if endpoint.task_settings:
        body["task_settings"] = endpoint.task_settings
    if chunking := _chunking(endpoint):
        body["chunking_settings"] = chunking
    if endpoint.metadata:
        body["metadata"] = endpoint.metadata
    return body


def _chunking(endpoint: Endpoint) -> Settings | None:
    """None stored means "older than chunking"; an empty map means a service that shows none."""
    if endpoint.task_type not in CHUNKING_TASKS:
        return None
    return BEFORE_CHUNKING if endpoint.chunking_settings is None else endpoint.chunking_settings


def _service_settings(endpoint: Endpoint, state: State, now: float) -> Any:
    if endpoint.service != "elasticsearch":
        return endpoint.service_settings
    deployment = state.deployments.get(endpoint.deployment_id or endpoint.inference_id)
    if deployment is None:
        return endpoint.service_settings
    shown = dict(endpoint.service_settings)
    shown["num_allocations"] = progress(deployment, state.pace, now).target
    return shown
