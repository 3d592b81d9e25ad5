"""The stage before a real API server: the operator is a process of its own, and time passes by itself.

The operator compares every second, so whatever a scenario leaves to a comparison may have happened before it is asked for.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.ingest_pipeline import IngestPipelineStatus
from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import API_VERSION
from tests.cluster.operating import API_KEY, Operating, eventually, secret
from tests.controlplane.api import RefusedError
from tests.controlplane.commands import CommandFailedError
from tests.lawful import assert_lawful
from tests.machine.scenarios import NEWEST
from tests.machine.stage import CONNECTION, Refused, Truth, elasticsearch_writes
from tests.machine.things import KEY, OTHER_KEY, Thing
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.things_of_pipelines import PIPELINE
from tests.standin import StandIn, StandInTransport

THINGS = (ENDPOINT, PIPELINE)
_ROUNDS = 3
"""The first round from now may have begun before, and what follows from the last may still be under way."""


@dataclass(frozen=True, slots=True)
class Played:
    """An object of a scenario."""

    thing: Thing
    namespace: str
    name: str

    @property
    def collection(self) -> str:
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/{self.thing.plural}"

    @property
    def path(self) -> str:
        return f"{self.collection}/{self.name}"


class ClusterStage:
    """A `Stage`. Ids begin with the namespace, so that tests that share the cluster don't meet."""

    version = NEWEST

    def __init__(self, operator: Operating, namespace: str, thing: Thing) -> None:
        self.thing = thing
        self.other = f"{namespace}-other"
        self._operator = operator
        self._namespace = namespace
        self._played: dict[str, Played] = {}
        self._mark = 0

    @property
    def standin(self) -> StandIn:
        return self._operator.standin

    def id_of(self, name: str) -> str:
        return f"{self._namespace}-{name}"

    async def put_key(self, value: str | None = None, *, other_namespace: bool = False) -> None:
        if not other_namespace:
            self._operator.apply(self._namespace, secret(value=value or KEY))
            return
        connection = {path.name: path.read_text() for path in self._operator.connection.iterdir()}
        elsewhere = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": CONNECTION}, "stringData": connection}
        self._operator.apply(self.other, secret(value=value or OTHER_KEY), elsewhere)

    async def apply(
        self, name: str, spec: Mapping[str, Any] | None = None, *, thing: Thing | None = None, other_namespace: bool = False
    ) -> None:
        thing = thing or self.thing
        elsewhere = {"elasticsearchRef": {"secretName": CONNECTION}} if other_namespace else {}
        wanted = {**thing.plain, thing.id_field: self.id_of(name), **elsewhere, **(spec or {})}
        new = Played(thing, self.other if other_namespace else self._namespace, name)
        body = {"apiVersion": API_VERSION, "kind": thing.kind, "metadata": {"name": name}, "spec": wanted}
        try:
            self._operator.plane.api.create(new.collection, body)
        except RefusedError as refusal:
            raise Refused(str(refusal)) from None
        self._played[name] = new

    async def edit(self, name: str, **changes: Any) -> None:
        operations = [
            {"op": "remove", "path": f"/spec/{field}"}
            if value is None
            else {"op": "add", "path": f"/spec/{field}", "value": value}
            for field, value in changes.items()
        ]
        played = self._played[name]
        target = (played.thing.plural, name, f"--namespace={played.namespace}")
        try:
            self._operator.plane.kubectl("patch", *target, "--type=json", f"--patch={json.dumps(operations)}")
        except CommandFailedError as refusal:
            raise Refused(refusal.stderr) from None

    async def delete(self, name: str) -> None:
        self._operator.plane.api.delete(self._played[name].path)

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        credentials = base64.b64encode(":".join(API_KEY).encode()).decode()
        headers = {"Authorization": f"ApiKey {credentials}"}
        transport = StandInTransport(self.standin)
        async with httpx.AsyncClient(transport=transport, base_url="http://standin", headers=headers) as client:
            return await client.request(method, path, json=body)

    async def restart(self) -> None:
        self._operator.kill()
        self._operator.start()

    async def compare(self) -> None:
        """A round of each connection counts for itself; a cluster that no object names is not compared."""
        connections = len({played.namespace for played in self._played.values()})
        wanted = {thing.round: self._rounds(thing) + _ROUNDS * connections for thing in self._things()}

        def over() -> bool:
            return all(self._rounds(thing) >= wanted[thing.round] for thing in self._things())

        eventually(over, f"{_ROUNDS} comparisons")

    async def sees(self, name: str, truth: Truth, kind: str = "Ready", *, within: str = "") -> None:
        def said() -> bool:
            body = self._body(name)
            status = self._status(name, body)
            if status.observed_generation != body["metadata"]["generation"]:
                return False
            assert_lawful(status, status.observed_generation)
            return any((c.type, c.status, c.reason) == (kind, *truth) and within in c.message for c in status.conditions)

        try:
            eventually(said, f"{kind} of {name} to be {truth} and to say {within!r}")
        except AssertionError as error:
            shown = json.dumps(self._body(name), indent=1)
            raise AssertionError(f"{error}\n{shown}\n{self._operator.log[-3000:]}") from None

    async def is_gone(self, name: str) -> None:
        played = self._played[name]
        try:
            eventually(lambda: self._operator.plane.api.get(played.path) is None, f"{played.path} to be gone")
        except AssertionError as error:
            shown = json.dumps(self._body(name), indent=1)
            raise AssertionError(f"{error}\n{shown}\n{self._operator.log[-3000:]}") from None

    async def status(self, name: str) -> ManagedStatus:
        return self._status(name, self._body(name))

    async def finalizers(self, name: str) -> tuple[str, ...]:
        return tuple(self._body(name)["metadata"].get("finalizers", ()))

    async def events(self, name: str) -> list[str]:
        await self.compare()
        played = self._played[name]
        found = self._operator.plane.api.list(f"/api/v1/namespaces/{played.namespace}/events")
        about = (played.thing.kind, name)
        own = [item for item in found if (item["involvedObject"]["kind"], item["involvedObject"]["name"]) == about]
        return [item["reason"] for item in sorted(own, key=lambda item: item.get("eventTime") or "")]

    async def forget_writes(self) -> None:
        await self.compare()
        self._mark = len(self._operator.asked())
        self.standin.log.clear()

    async def writes(self) -> tuple[int, list[str]]:
        await self.compare()  # the audit log is a moment late
        asked = self._operator.asked()[self._mark :]
        ours = [entry for entry in asked if entry.is_write and entry.namespace in (self._namespace, self.other)]
        plurals = {thing.plural for thing in THINGS}
        return len([entry for entry in ours if entry.resource.split("/")[0] in plurals]), elasticsearch_writes(self)

    def _things(self) -> list[Thing]:
        """The kinds of which an object is left."""
        left = [played for played in self._played.values() if self._operator.plane.api.get(played.path) is not None]
        return [thing for thing in THINGS if any(played.thing is thing for played in left)]

    def _rounds(self, thing: Thing) -> int:
        return len(self.standin.log.matching("GET", thing.round))

    def _status(self, name: str, body: Mapping[str, Any]) -> ManagedStatus:
        model = InferenceEndpointStatus if self._played[name].thing is ENDPOINT else IngestPipelineStatus
        return model.model_validate(body["status"])

    def _body(self, name: str) -> dict[str, Any]:
        found = self._operator.plane.api.get(self._played[name].path)
        assert found is not None, f"{name} is gone"
        return found
