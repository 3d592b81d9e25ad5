"""Two worlds in which the contract of `KubernetesPort` is tested: the fake, and the adapter before a real API server.

A world is the port under test together with the user's side of the same Kubernetes.
"""

from __future__ import annotations

import asyncio
import base64
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from inference_operator.api.meta import GROUP
from inference_operator.kubernetes.adapter import KubernetesAdapter
from inference_operator.kubernetes.client import APPLY_PATCH, MERGE_PATCH, KubernetesClient, Reply, Request, path_of
from inference_operator.kubernetes.credentials import load_credentials
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.shell.clock import SystemClock
from inference_operator.shell.ports import Body, KubernetesPort, ObjectKey
from tests.controlplane.kubeconfig import write_kubeconfig
from tests.fake_kubernetes import PLURALS, FakeKubernetes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from contextlib import AbstractAsyncContextManager

    from inference_operator.core.values import ObjectRef

KIND = "InferenceEndpoint"
API_VERSION = "inference-operator.io/v1alpha1"
PLURAL = PLURALS[KIND]

_ECK_GROUP = "elasticsearch.k8s.elastic.co"
_ECK_CRD_NAME = f"elasticsearches.{_ECK_GROUP}"
_ECK_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": _ECK_CRD_NAME},
    "spec": {
        "group": _ECK_GROUP,
        "scope": "Namespaced",
        "names": {"kind": "Elasticsearch", "plural": "elasticsearches", "singular": "elasticsearch"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


_RBAC = "rbac.authorization.k8s.io"
_RIGHTS_HERE: dict[str, Body] = {
    "roles": {"metadata": {"name": "here"}, "rules": [{"apiGroups": [GROUP], "resources": [PLURAL], "verbs": ["list"]}]},
    "rolebindings": {
        "metadata": {"name": "here"},
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": "here"},
        "subjects": [{"kind": "ServiceAccount", "name": "here"}],
    },
}
"""Of the ServiceAccount `here`, in its own namespace."""


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """An event as users see it."""

    name: str
    type: str
    reason: str
    action: str
    note: str
    count: int


class World(ABC):
    """A namespace of its own, a port, and the hands of a user."""

    port: KubernetesPort
    namespace: str

    def __init__(self) -> None:
        self.changes: list[ObjectRef] = []

    def key(self, name: str = "products") -> ObjectKey:
        return ObjectKey(PLURAL, self.namespace, name)

    def body(self, name: str = "products") -> Body:
        spec = {"taskType": "text_embedding", "service": "openai", "serviceSettings": {"model_id": "small"}}
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}

    @abstractmethod
    async def create(self, body: Body) -> Body: ...

    @abstractmethod
    async def get(self, key: ObjectKey) -> Body | None: ...

    @abstractmethod
    async def edit_spec(self, key: ObjectKey, changes: Mapping[str, Any]) -> None: ...

    @abstractmethod
    async def delete(self, key: ObjectKey) -> None: ...

    @abstractmethod
    async def put_secret(self, name: str, data: Mapping[str, bytes], annotations: Mapping[str, str]) -> None: ...

    @abstractmethod
    async def put_config_map(self, name: str, data: Mapping[str, str | bytes]) -> None: ...

    @abstractmethod
    async def delete_secret(self, name: str) -> None: ...

    @abstractmethod
    async def delete_namespace(self) -> None: ...

    @abstractmethod
    def port_without_rights_elsewhere(self, *, only: bool = False) -> AbstractAsyncContextManager[tuple[KubernetesPort, str]]:
        """Another port, which watches this namespace and one where nothing may be listed, or `only` that; and its name."""

    @abstractmethod
    async def install_eck(self) -> None: ...

    @abstractmethod
    async def put_elasticsearch(self, name: str, *, tls: bool, annotations: Mapping[str, str]) -> None: ...

    @abstractmethod
    async def events(self) -> list[SeenEvent]: ...


class FakeWorld(World):
    """The fake is its own user's side."""

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakeKubernetes()
        self.port: KubernetesPort = self.fake
        self.namespace = "test"
        self.fake.subscribe_changes(self.changes.append)

    async def create(self, body: Body) -> Body:
        return self.fake.create(body)

    async def get(self, key: ObjectKey) -> Body | None:
        return self.fake.store.get(key)

    async def edit_spec(self, key: ObjectKey, changes: Mapping[str, Any]) -> None:
        self.fake.edit_spec(key, changes)

    async def delete(self, key: ObjectKey) -> None:
        self.fake.delete(key)

    async def put_secret(self, name: str, data: Mapping[str, bytes], annotations: Mapping[str, str]) -> None:
        self.fake.put_secret(self.namespace, name, data, annotations)

    async def put_config_map(self, name: str, data: Mapping[str, str | bytes]) -> None:
        self.fake.put_config_map(self.namespace, name, data)

    async def delete_secret(self, name: str) -> None:
        self.fake.delete_secret(self.namespace, name)

    async def delete_namespace(self) -> None:
        self.fake.terminate_namespace(self.namespace)

    @asynccontextmanager
    async def port_without_rights_elsewhere(self, *, only: bool = False) -> AsyncIterator[tuple[KubernetesPort, str]]:
        port = FakeKubernetes(namespaces=["elsewhere"] if only else [self.namespace, "elsewhere"])
        port.store = self.fake.store
        port.unlistable.add("elsewhere")
        yield port, "elsewhere"

    async def install_eck(self) -> None:
        self.fake.eck_installed = True

    async def put_elasticsearch(self, name: str, *, tls: bool, annotations: Mapping[str, str]) -> None:
        self.fake.put_elasticsearch(self.namespace, name, tls=tls, annotations=annotations)

    async def events(self) -> list[SeenEvent]:
        return [
            SeenEvent(each.key.name, each.type, each.reason, each.action, each.note, count)
            for each, count in Counter(self.fake.events).items()
        ]


class RealWorld(World):
    """The adapter and a user with all rights, before one API server."""

    def __init__(self, client: KubernetesClient, namespace: str) -> None:
        super().__init__()
        self.namespace = namespace
        self.client = client
        clock = SystemClock()
        self.watch = MetadataWatch(client, clock, on_change=self.changes.append, namespaces=[namespace])
        self.port: KubernetesPort = KubernetesAdapter(client, self.watch, clock, [namespace])

    async def ask(self, method: str, path: str, body: Body | None = None, content_type: str = "application/json") -> Body:
        """A request of the user's. Fails the test when it is refused."""
        request = Request(path, method=method, body=body, content_type=content_type)
        reply = await self.client.ask(f"user's {method}", request)
        assert isinstance(reply, Reply), reply
        assert reply.ok, (method, path, reply.status, reply.message)
        return reply.body

    async def create(self, body: Body) -> Body:
        return await self.ask("POST", self._ours(), body)

    async def get(self, key: ObjectKey) -> Body | None:
        reply = await self.client.ask("user's GET", Request(self._ours(key.name)))
        assert isinstance(reply, Reply), reply
        return reply.body if reply.ok else None

    async def edit_spec(self, key: ObjectKey, changes: Mapping[str, Any]) -> None:
        await self.ask("PATCH", self._ours(key.name), {"spec": dict(changes)}, MERGE_PATCH)

    async def delete(self, key: ObjectKey) -> None:
        await self.ask("DELETE", self._ours(key.name))

    async def put_secret(self, name: str, data: Mapping[str, bytes], annotations: Mapping[str, str]) -> None:
        await self._apply_core("Secret", name, {"data": _encoded(data)}, annotations)

    async def put_config_map(self, name: str, data: Mapping[str, str | bytes]) -> None:
        texts = {key: value for key, value in data.items() if isinstance(value, str)}
        others = {key: value for key, value in data.items() if isinstance(value, bytes)}
        await self._apply_core("ConfigMap", name, {"data": texts, "binaryData": _encoded(others)}, {})

    async def delete_secret(self, name: str) -> None:
        await self.ask("DELETE", path_of("api", "v1", "namespaces", self.namespace, "secrets", name))

    async def delete_namespace(self) -> None:
        await self.ask("DELETE", path_of("api", "v1", "namespaces", self.namespace))

    @asynccontextmanager
    async def port_without_rights_elsewhere(self, *, only: bool = False) -> AsyncIterator[tuple[KubernetesPort, str]]:
        elsewhere = f"{self.namespace}-is-not-there"
        await self.ask(
            "POST", path_of("api", "v1", "namespaces", self.namespace, "serviceaccounts"), {"metadata": {"name": "here"}}
        )
        for plural, body in _RIGHTS_HERE.items():
            await self.ask("POST", path_of("apis", _RBAC, "v1", "namespaces", self.namespace, plural), body)
        async with self._client_of_account("here") as client:

            async def allowed() -> bool:
                reply = await client.ask("look for the right", Request(self._ours()))
                return isinstance(reply, Reply) and reply.ok

            await until(allowed)
            namespaces = [elsewhere] if only else [self.namespace, elsewhere]
            yield KubernetesAdapter(client, self.watch, SystemClock(), namespaces), elsewhere

    @asynccontextmanager
    async def _client_of_account(self, name: str) -> AsyncIterator[KubernetesClient]:
        path = path_of("api", "v1", "namespaces", self.namespace, "serviceaccounts", name, "token")
        token = (await self.ask("POST", path, {"spec": {"expirationSeconds": 3600}}))["status"]["token"]
        mine = self.client.credentials.configuration
        with TemporaryDirectory() as folder:
            config = write_kubeconfig(
                Path(folder) / "config", server=mine.host, ca_file=Path(mine.ssl_ca_cert), token=token, user=name
            )
            async with client_of(config) as client:
                yield client

    async def install_eck(self) -> None:
        await self.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", _ECK_CRD)
        path = path_of("apis", _ECK_GROUP, "v1", "namespaces", self.namespace, "elasticsearches")

        async def served() -> bool:
            reply = await self.client.ask("look for ECK", Request(path))
            return isinstance(reply, Reply) and reply.ok

        await until(served)

    async def put_elasticsearch(self, name: str, *, tls: bool, annotations: Mapping[str, str]) -> None:
        path = path_of("apis", _ECK_GROUP, "v1", "namespaces", self.namespace, "elasticsearches")
        spec = {"http": {"tls": {"selfSignedCertificate": {"disabled": not tls}}}}
        body = {"apiVersion": f"{_ECK_GROUP}/v1", "kind": "Elasticsearch", "spec": spec}
        await self.ask("POST", path, body | {"metadata": {"name": name, "annotations": dict(annotations)}})

    async def remove_eck(self) -> None:
        """Whatever a test left: the API server is shared."""
        path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{_ECK_CRD_NAME}"
        reply = await self.client.ask("remove ECK", Request(path, method="DELETE"))
        assert isinstance(reply, Reply)

    async def events(self) -> list[SeenEvent]:
        path = path_of("apis", "events.k8s.io", "v1", "namespaces", self.namespace, "events")
        listed = (await self.ask("GET", path))["items"]
        return [
            SeenEvent(
                each["regarding"]["name"],
                each["type"],
                each["reason"],
                each["action"],
                each.get("note", ""),
                (each.get("series") or {}).get("count", 1),
            )
            for each in listed
        ]

    async def _apply_core(self, kind: str, name: str, content: Body, annotations: Mapping[str, str]) -> None:
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
        path = path_of("api", "v1", "namespaces", self.namespace, plural, name) + "?fieldManager=user&force=true"
        head = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "annotations": dict(annotations)}}
        await self.ask("PATCH", path, head | content, APPLY_PATCH)

    def _ours(self, *name: str) -> str:
        return path_of("apis", *API_VERSION.split("/"), "namespaces", self.namespace, PLURAL, *name)


def _encoded(data: Mapping[str, bytes]) -> dict[str, str]:
    return {key: base64.b64encode(value).decode() for key, value in data.items()}


@asynccontextmanager
async def client_of(kubeconfig: Path) -> AsyncIterator[KubernetesClient]:
    """A client for the current context of a kubeconfig."""
    client = KubernetesClient(await load_credentials(SystemClock(), kubeconfig=kubeconfig))
    try:
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def running(watch: MetadataWatch) -> AsyncIterator[None]:
    """The watch at work, and in sync."""
    task = asyncio.create_task(watch.run())
    try:
        async with asyncio.timeout(30):
            await watch.synced.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    """Wait until asking says so."""
    async with asyncio.timeout(seconds):
        while not await condition():  # noqa: ASYNC110 - nothing tells when it holds
            await asyncio.sleep(0.01)


async def eventually(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it holds."""

    async def holds() -> bool:
        return condition()

    await until(holds, seconds)
