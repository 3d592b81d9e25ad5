"""The catalogue of inference services: which settings they have, which of them are secret, and which may change.

Decides nothing about objects. It is help, not law: a service or setting that is not listed is passed on to
Elasticsearch as it is, and where the server's answer differs, the server is right. The data (`services.json`) follows
the public API specification and the settings classes of Elasticsearch 8.11 to 9.5; `updatable` holds for 9.5. Imports
nothing of this package.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any, Literal

SettingType = Literal["string", "integer", "float", "boolean", "enum", "object", "map", "list"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a service or task.

    Attributes:
        name: The name in Elasticsearch, top level of its block.
        type: The JSON type; `enum` is a string out of `values`, `map` an object whose keys the user chooses.
        description: A few words on what it is, starting in lower case.
        task_types: The task types that know it.
        required: Whether a create request must hold it. False also where it depends on other settings.
        sensitive: Whether it is a secret, never returned by Elasticsearch.
        updatable: Whether Elasticsearch 9.5 changes it in place. Earlier versions change fewer settings.
        values: The possible values of an `enum`, in the case that Elasticsearch returns.
    """

    name: str
    type: SettingType
    description: str
    task_types: tuple[str, ...]
    required: bool
    sensitive: bool
    updatable: bool
    values: tuple[str, ...]
    _default: Any
    _default_by_task: Mapping[str, Any]

    def default(self, task_type: str) -> Any:
        """Return the value that Elasticsearch fills in for the task type; None where there is none or it is unknown."""
        return self._default_by_task.get(task_type, self._default)


@dataclass(frozen=True, slots=True)
class Service:
    """One inference service.

    Attributes:
        name: The name in `spec.service`.
        display_name: The name for humans.
        aliases: Other names under which Elasticsearch knew it.
        alias_of: The service that Elasticsearch stores and returns instead, as `elasticsearch` for `elser`; else None.
        task_types: What it can do.
        min_version: The first version of Elasticsearch that has it, as (major, minor, patch); None when it is not
            part of Elastic's own builds.
        chunking: Whether its embeddings take `chunking_settings`.
        service_settings: The settings of `service_settings` by name.
        task_settings: The settings of `task_settings` by name.
    """

    name: str
    display_name: str
    aliases: tuple[str, ...]
    alias_of: str | None
    task_types: tuple[str, ...]
    min_version: tuple[int, int, int] | None
    chunking: bool
    service_settings: Mapping[str, Setting]
    task_settings: Mapping[str, Setting]

    @property
    def sensitive_names(self) -> frozenset[str]:
        """The names of the service settings that are secrets."""
        return frozenset(name for name, setting in self.service_settings.items() if setting.sensitive)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All services that this release knows, by name."""

    services: Mapping[str, Service]
    _sensitive_names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = frozenset[str]().union(*(service.sensitive_names for service in self.services.values()))
        object.__setattr__(self, "_sensitive_names", names)

    def find(self, name: str) -> Service | None:
        """Return the service with this name or alias; None when this release does not know it."""
        if name in self.services:
            return self.services[name]
        return next((service for service in self.services.values() if name in service.aliases), None)

    def canonical(self, name: str) -> str:
        """Return the name to compare services by: `elasticsearch` for `elser`; an unknown name stays as it is."""
        service = self.find(name)
        return name if service is None else service.alias_of or service.name

    def sensitive_names(self) -> frozenset[str]:
        """Return the names of all service settings that are a secret in any service."""
        return self._sensitive_names

    def is_sensitive(self, service: str, name: str) -> bool:
        """Whether a service setting holds a secret.

        A name that the service is not known to have counts as secret when any other service has a secret of that
        name: it may be a new service, or a key in the wrong place, which is a secret all the same.
        """
        setting = self.setting(service, name)
        return name in self.sensitive_names() if setting is None else setting.sensitive

    def setting(self, service: str, name: str) -> Setting | None:
        """Return a service setting; None when the service or the setting is not known."""
        found = self.find(service)
        return None if found is None else found.service_settings.get(name)

    def task_setting(self, service: str, name: str) -> Setting | None:
        """Return a task setting; None when the service or the setting is not known."""
        found = self.find(service)
        return None if found is None else found.task_settings.get(name)


@cache
def catalogue() -> Catalogue:
    """Return the packaged catalogue. It is read on the first call, and then kept."""
    text = resources.files("inference_operator.api").joinpath("services.json").read_text(encoding="utf-8")
    services = (_service(entry) for entry in json.loads(text))
    return Catalogue({service.name: service for service in services})


def _service(entry: Mapping[str, Any]) -> Service:
    tasks = tuple(entry["task_types"])
    return Service(
        name=entry["name"],
        display_name=entry["display_name"],
        aliases=tuple(entry.get("aliases", ())),
        alias_of=entry.get("alias_of"),
        task_types=tasks,
        min_version=_version(entry["min_version"]),
        chunking=entry["chunking"],
        service_settings={item["name"]: _setting(item, tasks) for item in entry["service_settings"]},
        task_settings={item["name"]: _setting(item, tasks) for item in entry["task_settings"]},
    )


def _setting(entry: Mapping[str, Any], tasks: tuple[str, ...]) -> Setting:
    return Setting(
        name=entry["name"],
        type=entry["type"],
        description=entry["description"],
        task_types=tuple(entry.get("task_types", tasks)),
        required=entry.get("required", False),
        sensitive=entry.get("sensitive", False),
        updatable=entry.get("updatable", False),
        values=tuple(entry.get("values", ())),
        _default=entry.get("default"),
        _default_by_task=entry.get("default_by_task", {}),
    )


def _version(text: str | None) -> tuple[int, int, int] | None:
    if text is None:
        return None
    major, minor, patch = (int(part) for part in text.split("."))
    return major, minor, patch
