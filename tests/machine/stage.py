"""Where a scenario is played: what a person can do and see, whatever Kubernetes is behind it.

`tests/machine` plays on a Kubernetes in memory and virtual time, `tests/cluster` on a real API server; the scenarios are
the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.kinds.endpoint.kind import PLURAL
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import AdmissionError
from tests.machine.world import NAMESPACE, World, openai
from tests.standin import StandIn
from tests.standin.state import Endpoint

Truth = tuple[str, str]
"""`(status, reason)` of a condition."""
READY: Truth = ("True", "Available")
KEY = "canary-scenario-27c1"
CONNECTION = "elsewhere"


class Refused(Exception):  # noqa: N818 - what the API server does to an object, no error of the test
    """The API server did not take an object or a change."""


class Stage(Protocol):
    """Object `name` has the inference id `id_of(name)`, which is new to the cluster."""

    version: str

    @property
    def standin(self) -> StandIn:
        """Elasticsearch, for looking behind its back."""
        ...

    def id_of(self, name: str) -> str:
        """The inference id of an object."""
        ...

    async def put_key(self, value: str = KEY, *, other_namespace: bool = False) -> None:
        """Write Secret `openai`, and in another namespace also the Secret of a connection to the same cluster."""
        ...

    async def apply(self, name: str, spec: Mapping[str, Any] | None = None, *, other_namespace: bool = False) -> None:
        """`spec` over an OpenAI endpoint. Raises Refused."""
        ...

    async def edit(self, name: str, **changes: Any) -> None:
        """Set fields of the spec as they stand in YAML; None removes one. Raises Refused."""
        ...

    async def delete(self, name: str) -> None:
        """`kubectl delete --wait=false`."""
        ...

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What somebody else says to Elasticsearch."""
        ...

    async def restart(self) -> None:
        """End the operator, and start it again."""
        ...

    async def compare(self) -> None:
        """Let at least one whole comparison with Elasticsearch begin and end after now, and what follows from it."""
        ...

    async def sees(self, name: str, truth: Truth, kind: str = "Ready", *, within: str = "") -> None:
        """Wait until a condition of the present generation says so, with a message that holds `within`."""
        ...

    async def is_gone(self, name: str) -> None:
        """Wait until the object is no more."""
        ...

    async def status(self, name: str) -> InferenceEndpointStatus:
        """What the object says now."""
        ...

    async def finalizers(self, name: str) -> tuple[str, ...]:
        """The finalizers of the object."""
        ...

    async def events(self, name: str) -> list[str]:
        """The reasons of the events about an object, in their order."""
        ...

    async def forget_writes(self) -> None:
        """Count writes from here."""
        ...

    async def writes(self) -> tuple[int, list[str]]:
        """Since `forget_writes`: how many to Kubernetes, and which to Elasticsearch, as `elasticsearch_writes`."""
        ...


def stored(stage: Stage, name: str) -> Endpoint | None:
    """What Elasticsearch holds for an object, secrets included."""
    return stage.standin.endpoints.get(stage.id_of(name))


def holds(stage: Stage, name: str) -> Endpoint:
    """What Elasticsearch holds for an object. Raises AssertionError where that is nothing."""
    found = stored(stage, name)
    assert found is not None, f"{stage.id_of(name)} is not in Elasticsearch"
    return found


def settings(**changes: Any) -> dict[str, Any]:
    """`serviceSettings` of an OpenAI endpoint."""
    return dict(openai(**changes)["serviceSettings"])


def elasticsearch_writes(stage: Stage) -> list[str]:
    """What the log holds of the writes to this stage's endpoints, the id left out: `PUT /_inference/text_embedding/_update`."""
    prefix = stage.id_of("")
    own = (entry for entry in stage.standin.log.writes if prefix in entry.path)
    return [f"{entry.method} {re.sub(f'/{prefix}[^/]*', '', entry.path)}" for entry in own]


class WorldStage:
    """Plays in one process, with time that passes only when something is waited for."""

    def __init__(self, world: World, version: str) -> None:
        self._world = world
        self.version = version
        self._namespaces: dict[str, str] = {}

    @property
    def standin(self) -> StandIn:
        return self._world.standin

    def id_of(self, name: str) -> str:
        return f"scene-{name}"

    async def put_key(self, value: str = KEY, *, other_namespace: bool = False) -> None:
        namespace = "other" if other_namespace else NAMESPACE
        self._world.kubernetes.put_secret(namespace, "openai", {"api-key": value})
        if other_namespace:
            self._world.kubernetes.put_secret(namespace, CONNECTION, {"url": "http://standin:9200"})

    async def apply(self, name: str, spec: Mapping[str, Any] | None = None, *, other_namespace: bool = False) -> None:
        elsewhere = {"elasticsearchRef": {"secretName": CONNECTION}} if other_namespace else {}
        self._namespaces[name] = "other" if other_namespace else NAMESPACE
        wanted = {"inferenceId": self.id_of(name)} | elsewhere | dict(spec or {})
        try:
            self._world.apply(name, wanted, namespace=self._namespaces[name])
        except AdmissionError as refusal:
            raise Refused(str(refusal)) from None

    async def edit(self, name: str, **changes: Any) -> None:
        self._world.kubernetes.edit_spec(self._key(name), changes)

    async def delete(self, name: str) -> None:
        self._world.kubernetes.delete(self._key(name))

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
        key = self._key(name)
        assert self._world.condition(key, kind) == truth, f"{name}: {self._world.status(key).conditions}"
        assert within in self._world.message(key, kind)

    async def is_gone(self, name: str) -> None:
        await self._world.rest()
        assert self._world.is_gone(self._key(name)), self._world.status(self._key(name)).conditions

    async def status(self, name: str) -> InferenceEndpointStatus:
        await self._world.rest()
        return self._world.status(self._key(name))

    async def finalizers(self, name: str) -> tuple[str, ...]:
        return tuple(self._world.found(self._key(name)).metadata.finalizers)

    async def events(self, name: str) -> list[str]:
        await self._world.rest()
        return [event.reason for event in self._world.kubernetes.events if event.key == self._key(name)]

    async def forget_writes(self) -> None:
        await self._world.rest()
        self._world.forget_requests()

    async def writes(self) -> tuple[int, list[str]]:
        return self._world.kubernetes.writes, elasticsearch_writes(self)

    def _key(self, name: str) -> ObjectKey:
        return ObjectKey(PLURAL, self._namespaces[name], name)
