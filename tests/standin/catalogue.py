"""The services that the stand-in offers: their settings, task types and since when, read from `catalogue.json`.

Only data and lookups; parsing settings is the business of `setting_parsers.py`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tests.standin.version import Version

TASK_TYPES: Mapping[str, tuple[str, ...]] = {
    "text_embedding": ("8.11",),
    "sparse_embedding": ("8.11",),
    "rerank": ("8.14",),
    "completion": ("8.14",),
    "chat_completion": ("8.18",),
    "embedding": ("9.4",),
}
"""Task types and the releases that brought them (`embedding`: 9.3 or 9.4, unverified; the release notes settle it)."""

CHUNKING_TASKS = frozenset({"text_embedding", "sparse_embedding", "embedding"})
DENSE_TASKS = frozenset({"text_embedding", "embedding"})


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of `service_settings` or `task_settings`."""

    name: str
    type: str
    required: bool
    secret: bool
    updatable: bool
    default: Any
    description: str
    task_types: frozenset[str]
    values: tuple[str, ...] = ()
    since: tuple[str, ...] = ()

    def applies(self, task_type: str, version: Version) -> bool:
        return task_type in self.task_types and (not self.since or version.since(*self.since))


@dataclass(frozen=True, slots=True)
class Condition:
    """A rule that spans settings: `exactly_one_of`, `all_or_none`, `required` or `refused`.

    It holds for `task_types` (all when empty), when the settings in `when` have these values, before release `until`.
    """

    kind: Literal["exactly_one_of", "all_or_none", "required", "refused"]
    settings: tuple[str, ...]
    task_types: frozenset[str]
    when: Mapping[str, str]
    until: str | None

    def applies(self, task_type: str, version: Version, given: Mapping[str, Any]) -> bool:
        if self.task_types and task_type not in self.task_types:
            return False
        if self.until is not None and version.since(self.until):
            return False
        return all(given.get(name) == value for name, value in self.when.items())


@dataclass(frozen=True, slots=True)
class Service:
    """A service of the inference plugin. `vendor`: only in a vendor's build of the server."""

    name: str
    display_name: str
    aliases: tuple[str, ...]
    alias_of: str | None
    task_types: tuple[str, ...]
    since: tuple[str, ...]
    chunking: bool
    rate_limit: int | Mapping[str, int] | None
    listed: bool
    vendor: bool
    service_settings: tuple[Setting, ...]
    task_settings: tuple[Setting, ...]
    conditions: tuple[Condition, ...]

    def supported_tasks(self, version: Version) -> tuple[str, ...]:
        return tuple(task for task in self.task_types if version.since(*TASK_TYPES[task]))

    def default_rate_limit(self, task_type: str) -> int | None:
        """Requests per minute that the server fills in; None when the service has no limit for the task."""
        return self.rate_limit.get(task_type) if isinstance(self.rate_limit, Mapping) else self.rate_limit

    def secret_names(self) -> frozenset[str]:
        return frozenset(setting.name for setting in self.service_settings if setting.secret)


def _setting(row: Mapping[str, Any], task_types: list[str]) -> Setting:
    return Setting(
        row["name"],
        row["type"],
        row["required"],
        row["secret"],
        row["updatable"],
        row["default"],
        row["description"],
        frozenset(row.get("task_types", task_types)),
        tuple(row.get("values", ())),
        tuple(row.get("since", ())),
    )


def _condition(row: Mapping[str, Any]) -> Condition:
    return Condition(
        row["kind"],
        tuple(row["settings"]),
        frozenset(row.get("task_types", ())),
        row.get("when", {}),
        row.get("until"),
    )


def _service(row: Mapping[str, Any]) -> Service:
    return Service(
        row["name"],
        row["display_name"],
        tuple(row["aliases"]),
        row["alias_of"],
        tuple(row["task_types"]),
        tuple(row["since"]),
        row["chunking"],
        row["rate_limit"],
        row["listed"],
        row["vendor"],
        tuple(_setting(setting, row["task_types"]) for setting in row["service_settings"]),
        tuple(_setting(setting, row["task_types"]) for setting in row["task_settings"]),
        tuple(map(_condition, row["conditions"])),
    )


@functools.cache
def services() -> Mapping[str, Service]:
    """All services by name, whatever the version."""
    rows = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
    return {row["name"]: _service(row) for row in rows}


@functools.cache
def _by_alias() -> Mapping[str, Service]:
    return {alias: service for service in services().values() for alias in service.aliases}


@functools.lru_cache(maxsize=1024)
def find_service(name: str, version: Version, *, vendor_services: bool = True) -> Service | None:
    """The service of this name (or alias) that a server of this version has."""
    service = services().get(name) or _by_alias().get(name)
    if service is None or not version.since(*service.since) or (service.vendor and not vendor_services):
        return None
    return service
