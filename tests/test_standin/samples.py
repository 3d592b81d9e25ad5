"""Create requests that the stand-in accepts, one for every service and task type, made from its catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.standin import Version
from tests.standin.catalogue import Service, Setting, services
from tests.standin.messages import Json

LATEST = Version(9, 5, 0)
SECRET = "s3cret-canary"

_VALUES: dict[str, Any] = {
    "string": "value",
    "url": "https://provider.example/v1",
    "integer": 8,
    "float": 0.5,
    "boolean": True,
    "list": ["one"],
    "map": {"key": SECRET},
    "object": {"json_parser": {"text_embeddings": "$.data[*].embedding[*]"}},
}
_EXTRA: dict[str, Json] = {
    "azureopenai": {"api_key": SECRET},
    "openai": {"api_key": SECRET},
    "googlevertexai": {"location": "us-central1", "model_id": "m", "project_id": "p"},
    "elasticsearch": {"num_allocations": 1, "num_threads": 1},
    "elser": {"num_allocations": 1},
}
_MODELS = {"sparse_embedding": ".elser_model_2", "text_embedding": ".multilingual-e5-small", "rerank": ".rerank-v1"}


def pairs(version: Version = LATEST) -> Iterator[tuple[Service, str]]:
    """Every service with every task type that it has in a version."""
    for service in services().values():
        if version.since(*service.since):
            for task in service.supported_tasks(version):
                yield service, task


def sample(service: Service, task: str, version: Version = LATEST) -> Json:
    """The least that a create of this service needs."""
    settings = _required(service.service_settings, task, version) | _EXTRA.get(service.name, {})
    if service.name == "elasticsearch":
        settings["model_id"] = _MODELS[task]
    if service.name == "amazonbedrock":
        settings["provider"] = "cohere"
    body: Json = {"service": service.name, "service_settings": settings}
    tasks = _required(service.task_settings, task, version)
    return body | ({"task_settings": tasks} if tasks else {})


def _required(settings: tuple[Setting, ...], task: str, version: Version) -> Json:
    return {one.name: _value(one) for one in settings if one.required and one.applies(task, version)}


def _value(setting: Setting) -> Any:
    if setting.values:
        return setting.values[0]
    return SECRET if setting.secret and setting.type == "string" else _VALUES[setting.type]


def secret_name(service: Service, body: Json) -> str | None:
    """A secret that the create request holds, if the service has any."""
    return next((name for name in body["service_settings"] if name in service.secret_names()), None)


def openai(**settings: Any) -> Json:
    """A create request of service openai."""
    return {"service": "openai", "service_settings": {"api_key": SECRET, "model_id": "text-embedding-3-small"} | settings}


def elser(**settings: Any) -> Json:
    """A create request of service elasticsearch for the sparse model."""
    given = settings or {"num_allocations": 1}
    return {"service": "elasticsearch", "service_settings": {"model_id": ".elser_model_2", "num_threads": 1} | given}
