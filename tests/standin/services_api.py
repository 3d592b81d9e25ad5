"""`GET /_inference/_services[/{task}]`: the catalogue as the server shows it, with its gaps.

The list is display metadata: no task settings, `updatable` true only for keys, aliases and hidden services left out.
"""

from __future__ import annotations

from typing import Any

from tests.standin.catalogue import Service, Setting, services
from tests.standin.java_order import hash_order
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import ANY_TASK, task_type
from tests.standin.state import State
from tests.standin.version import Version

_TYPES = {"integer": "int", "boolean": "bool", "list": "list", "map": "map", "object": "map", "float": "int"}
_LABELS = {"api_key": "API Key", "url": "URL", "model_id": "Model ID", "rate_limit.requests_per_minute": "Rate Limit"}


def prepare_services(request: Request, version: Version) -> Action:
    """All services, or those of a task type."""
    task = task_type(request.segments[2], version) if len(request.segments) > 2 else ANY_TASK
    return lambda state, _now: Step(state, Response(200, _list(state, task)))


def _list(state: State, task: str) -> list[Json]:
    """In an order that means nothing, as on the server."""
    found = {name: one for name, one in services().items() if _is_listed(one, state, task)}
    return [_describe(found[name], state.version) for name in hash_order(found)]


def _is_listed(service: Service, state: State, task: str) -> bool:
    if not state.version.since(*service.since) or not (service.listed or (service.name == "elastic" and state.cluster.eis)):
        return False
    tasks = service.supported_tasks(state.version)
    return bool(tasks) and task in (ANY_TASK, *tasks)


def _describe(service: Service, version: Version) -> Json:
    tasks = service.supported_tasks(version)
    described = [_configuration(one, tasks) for one in service.service_settings if not one.since or version.since(*one.since)]
    return {
        "service": service.name,
        "name": service.display_name,
        "task_types": list(tasks),
        "configurations": dict(described),
    }


def _configuration(setting: Setting, tasks: tuple[str, ...]) -> tuple[str, Json]:
    name = "rate_limit.requests_per_minute" if setting.name == "rate_limit" else setting.name
    shown: dict[str, Any] = {
        "description": setting.description,
        "label": _LABELS.get(name, setting.name.replace("_", " ").title()),
        "required": setting.required,
        "sensitive": setting.secret,
        "updatable": setting.secret or setting.name == "num_allocations",
        "type": "int" if setting.name == "rate_limit" else _TYPES.get(setting.type, "str"),
        "supported_task_types": [task for task in tasks if task in setting.task_types],
    }
    if setting.default is not None:
        shown["default_value"] = setting.default
    return name, shown
