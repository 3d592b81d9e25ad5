"""Every service with every task type: created, compared, its secret rotated, deleted.

What Elasticsearch adds, renames or hides differs from service to service, and so does where a secret lies. No row may show
drift, cost a write at rest, or take more than one `_update` for a new secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from inference_operator.api.services import catalogue
from tests.machine.world import NAMESPACE, World
from tests.standin import Cluster, Version
from tests.standin.catalogue import Service
from tests.test_standin.samples import SECRET as SAMPLE_SECRET
from tests.test_standin.samples import pairs, sample, secret_name

READY = ("True", "Available")
SECRET = "credentials"
NEWEST = "9.5.0"
OLDER = ("8.17.0", "8.19.0", "9.2.0")


@dataclass(frozen=True)
class Row:
    """One service and task type, as an object and the data of the Secret that it takes its secrets from."""

    version: str
    service: Service
    task: str

    def __str__(self) -> str:
        return f"{self.version}-{self.service.name}-{self.task}"

    @property
    def body(self) -> dict[str, Any]:
        """The least that a create needs, and a secret also where it is left to the user."""
        body = sample(self.service, self.task, Version.parse(self.version))
        if self.service.secret_names() and secret_name(self.service, body) is None:
            body["service_settings"] |= {min(self.service.secret_names()): SAMPLE_SECRET}
        return body

    @property
    def spec(self) -> dict[str, Any]:
        body = self.body
        settings = {name: self._referred(name, value) for name, value in body["service_settings"].items()}
        tasks = {"taskSettings": body["task_settings"]} if "task_settings" in body else {}
        return {"taskType": self.task, "service": self.service.name, "serviceSettings": settings} | tasks

    def _referred(self, name: str, value: Any) -> Any:
        """A secret is taken from the Secret: as it is, or key by key where it is an object of free keys."""
        if name not in self.service.secret_names():
            return value
        if isinstance(value, dict):
            return {inner: _reference(f"{name}.{inner}") for inner in value}
        return _reference(name)

    def secrets(self, suffix: str = "") -> dict[str, str]:
        """The data of the Secret; another `suffix` makes another content."""
        found: dict[str, str] = {}
        for name, value in self.body["service_settings"].items():
            if name in self.service.secret_names():
                parts = {f"{name}.{inner}": v for inner, v in value.items()} if isinstance(value, dict) else {name: value}
                found |= {key: f"{part}{suffix}" for key, part in parts.items()}
        return found

    def stored(self, suffix: str = "") -> dict[str, Any]:
        """The secrets as Elasticsearch is to hold them."""
        secrets = {n: v for n, v in self.body["service_settings"].items() if n in self.service.secret_names()}
        return {
            n: {k: f"{v}{suffix}" for k, v in v.items()} if isinstance(v, dict) else f"{v}{suffix}" for n, v in secrets.items()
        }


def _reference(key: str) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": SECRET, "key": key}}}


def rows(*versions: str) -> Iterator[Row]:
    for version in versions:
        for service, task in pairs(Version.parse(version)):
            yield Row(version, service, task)


@pytest.mark.parametrize("row", [*rows(NEWEST), *(pytest.param(row, marks=pytest.mark.full) for row in rows(*OLDER))], ids=str)
async def test_create_compare_rotate_delete(row: Row) -> None:
    async with World(version=row.version, cluster=Cluster(eis=True)) as world:
        if row.secrets():
            world.kubernetes.put_secret(NAMESPACE, SECRET, row.secrets())
        await world.start()
        key = world.apply("a", row.spec)
        await world.rest()
        assert world.condition(key) == READY, world.message(key)
        assert dict(world.standin.endpoints["a"].secrets) == row.stored()

        world.forget_requests()
        await world.resync(3)
        assert world.writes == (0, 0)
        assert world.condition(key) == READY
        assert world.status(key).drift == ()

        if row.secrets():
            world.kubernetes.put_secret(NAMESPACE, SECRET, row.secrets("-rotated"))
            await world.rest()
            assert dict(world.standin.endpoints["a"].secrets) == row.stored("-rotated")
            assert [entry.path for entry in world.standin.log.writes] == [f"/_inference/{row.task}/a/_update"]
            assert world.condition(key) == READY, world.message(key)

        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


def test_the_rows_are_those_of_the_catalogue() -> None:
    known = {(service.name, task) for service in catalogue().services.values() for task in service.task_types}
    assert {(row.service.name, row.task) for row in rows(NEWEST)} == known


def test_rotation_is_tried_wherever_there_is_a_secret() -> None:
    without = {row.service.name for row in rows(NEWEST) if not row.secrets()}
    assert without == {"elasticsearch", "elser", "elastic"}
