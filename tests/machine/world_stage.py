"""The stage in one process: a Kubernetes in memory, and time that passes only when something is waited for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from inference_operator.api.managed import ManagedStatus
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import AdmissionError
from tests.machine.stage import CONNECTION, Refused, Truth, elasticsearch_writes
from tests.machine.things import KEY, OTHER_KEY, Thing
from tests.machine.world import NAMESPACE, World
from tests.standin import StandIn

OTHER_NAMESPACE = "other"


class WorldStage:
    """A `Stage` on a world whose operator runs."""

    def __init__(self, world: World, version: str, thing: Thing) -> None:
        self._world = world
        self.version = version
        self.thing = thing
        self._keys: dict[str, ObjectKey] = {}

    @property
    def standin(self) -> StandIn:
        return self._world.standin

    def id_of(self, name: str) -> str:
        return f"scene-{name}"

    async def put_key(self, value: str | None = None, *, other_namespace: bool = False) -> None:
        namespace, usual = (OTHER_NAMESPACE, OTHER_KEY) if other_namespace else (NAMESPACE, KEY)
        self._world.kubernetes.put_secret(namespace, "openai", {"api-key": value or usual})
        if other_namespace:
            self._world.kubernetes.put_secret(namespace, CONNECTION, {"url": "http://standin:9200"})

    async def apply(
        self, name: str, spec: Mapping[str, Any] | None = None, *, thing: Thing | None = None, other_namespace: bool = False
    ) -> None:
        thing = thing or self.thing
        elsewhere = {"elasticsearchRef": {"secretName": CONNECTION}} if other_namespace else {}
        wanted = {**thing.plain, thing.id_field: self.id_of(name), **elsewhere, **(spec or {})}
        namespace = OTHER_NAMESPACE if other_namespace else NAMESPACE
        try:
            self._keys[name] = self._world.create(thing.kind, name, wanted, namespace=namespace)
        except AdmissionError as refusal:
            raise Refused(str(refusal)) from None

    async def edit(self, name: str, **changes: Any) -> None:
        self._world.kubernetes.edit_spec(self._keys[name], changes)

    async def delete(self, name: str) -> None:
        self._world.kubernetes.delete(self._keys[name])

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        await self._world.clock.settle()
        return await self._world.ask(method, path, body)

    async def restart(self) -> None:
        await self._world.restart()
        await self._world.rest()

    async def compare(self) -> None:
        await self._world.resync()
        await self._world.rest()

    async def sees(self, name: str, truth: Truth, kind: str = "Ready", *, within: str = "") -> None:
        await self._world.rest()
        key = self._keys[name]
        assert self._world.condition(key, kind) == truth, f"{name}: {self._world.conditions(key)}"
        assert within in self._world.message(key, kind)

    async def is_gone(self, name: str) -> None:
        await self._world.rest()
        assert self._world.is_gone(self._keys[name]), self._world.conditions(self._keys[name])

    async def status(self, name: str) -> ManagedStatus:
        await self._world.rest()
        return self._world.status_of(self._keys[name])

    async def finalizers(self, name: str) -> tuple[str, ...]:
        body = self._world.kubernetes.store.get(self._keys[name])
        assert body is not None, f"{name} is gone"
        return tuple(body["metadata"].get("finalizers", ()))

    async def events(self, name: str) -> list[str]:
        await self._world.rest()
        return [event.reason for event in self._world.kubernetes.events if event.key == self._keys[name]]

    async def forget_writes(self) -> None:
        await self._world.rest()
        self._world.forget_requests()

    async def writes(self) -> tuple[int, list[str]]:
        return self._world.kubernetes.writes, elasticsearch_writes(self)
