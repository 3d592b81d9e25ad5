"""The scenario matrix before a real API server, with the newest Elasticsearch: the operator is a process of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from tests.cluster.operating import API_KEY, Operating, endpoint, eventually, operating, secret
from tests.controlplane import ControlPlane
from tests.controlplane.commands import CommandFailedError
from tests.machine.scenarios import NEWEST, Performance
from tests.machine.stage import CONNECTION, Refused, Stage, Truth, elasticsearch_writes
from tests.machine.test_scenarios import PERFORMANCES
from tests.machine.things import KEY, OTHER_KEY, Thing
from tests.machine.things_of_endpoints import ENDPOINT
from tests.standin import StandIn, StandInTransport

CRDS = Path(__file__).parents[2] / "crds"
ROUND = "/_inference/_all"
"""What each comparison asks once."""


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """One of its own: the operator looks after all namespaces, so it would meddle with other tests, and they with its counts."""
    with ControlPlane() as started:
        started.kubectl("apply", "--server-side", f"--filename={CRDS}")
        started.await_established("inferenceendpoints.inference-operator.io")
        yield started


@pytest.fixture(scope="module")
def operator(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operating]:
    with operating(plane, tmp_path_factory.mktemp("scenarios")) as running:
        running.standin.change_pace(deployment=0.0)
        yield running


@pytest.fixture
def stage(operator: Operating, namespace: str, plane: ControlPlane) -> Iterator[Stage]:
    operator.ensure_running()
    played = ClusterStage(operator, namespace)
    plane.kubectl("create", "namespace", played.other)
    yield played
    operator.standin.reachable = True
    plane.kubectl("delete", "infep", "--all", f"--namespace={namespace}", "--wait=false")
    plane.kubectl("delete", "namespace", played.other, "--wait=false")


class ClusterStage:
    """Plays before a real API server. Time passes by itself: the operator compares every second."""

    version = NEWEST
    thing = ENDPOINT

    def __init__(self, operator: Operating, namespace: str) -> None:
        self._operator = operator
        self._namespace = namespace
        self._namespaces: dict[str, str] = {}
        self._mark = 0
        self.other = f"{namespace}-other"

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
        elsewhere = {"elasticsearchRef": {"secretName": CONNECTION}} if other_namespace else {}
        self._namespaces[name] = self.other if other_namespace else self._namespace
        wanted = endpoint(name, **({"inferenceId": self.id_of(name)} | elsewhere | dict(spec or {})))
        try:
            self._operator.apply(self._namespaces[name], wanted)
        except CommandFailedError as refusal:
            raise Refused(refusal.stderr) from None

    async def edit(self, name: str, **changes: Any) -> None:
        operations = [
            {"op": "remove", "path": f"/spec/{field}"}
            if value is None
            else {"op": "add", "path": f"/spec/{field}", "value": value}
            for field, value in changes.items()
        ]
        self._kubectl("patch", name, "--type=json", f"--patch={json.dumps(operations)}")

    async def delete(self, name: str) -> None:
        self._kubectl("delete", name, "--wait=false")

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
        """The first round from now may have begun before; that of each connection counts for itself."""
        if not self._namespaces:
            return  # a cluster that no object names is not compared
        connections = 2 if self.other in self._namespaces.values() else 1
        wanted = len(self.standin.log.matching("GET", ROUND)) + 3 * connections

        def over() -> bool:
            return len(self.standin.log.matching("GET", ROUND)) >= wanted or not self._is_any_left()

        eventually(over, "three comparisons")

    async def sees(self, name: str, truth: Truth, kind: str = "Ready", *, within: str = "") -> None:
        self._operator.await_condition(self._namespaces[name], name, truth, kind)

        def said() -> bool:
            return any(c["type"] == kind and within in c["message"] for c in self._body(name)["status"]["conditions"])

        eventually(said, f"{kind} of {name} to say {within!r}")

    async def is_gone(self, name: str) -> None:
        self._operator.await_gone(self._namespaces[name], name)

    async def status(self, name: str) -> InferenceEndpointStatus:
        return InferenceEndpointStatus.model_validate(self._body(name)["status"])

    async def finalizers(self, name: str) -> tuple[str, ...]:
        return tuple(self._body(name)["metadata"].get("finalizers", ()))

    async def events(self, name: str) -> list[str]:
        await self.compare()
        found = self._operator.plane.api.list(f"/api/v1/namespaces/{self._namespaces[name]}/events")
        own = [item for item in found if item["involvedObject"]["name"] == name]
        return [item["reason"] for item in sorted(own, key=lambda item: item.get("eventTime") or "")]

    async def forget_writes(self) -> None:
        await self.compare()
        self._mark = len(self._operator.asked())
        self.standin.log.clear()

    async def writes(self) -> tuple[int, list[str]]:
        await self.compare()  # the audit log is a moment late
        written = [entry for entry in self._operator.asked()[self._mark :] if entry.is_write and self._is_ours(entry.namespace)]
        return len([entry for entry in written if entry.resource.startswith("inferenceendpoints")]), elasticsearch_writes(self)

    def _is_any_left(self) -> bool:
        return any(self._operator.get(namespace, name) for name, namespace in self._namespaces.items())

    def _is_ours(self, namespace: str | None) -> bool:
        return namespace in (self._namespace, self.other)

    def _body(self, name: str) -> dict[str, Any]:
        found = self._operator.get(self._namespaces[name], name)
        assert found is not None, f"{name} is gone"
        return found

    def _kubectl(self, verb: str, name: str, *options: str) -> None:
        self._operator.plane.kubectl(verb, "infep", name, f"--namespace={self._namespaces[name]}", *options)


@pytest.mark.full
@pytest.mark.parametrize("performance", [each for each in PERFORMANCES if each.thing is ENDPOINT], ids=str)
async def test_scenario(performance: Performance, stage: Stage) -> None:
    await performance.scenario.play(stage)
