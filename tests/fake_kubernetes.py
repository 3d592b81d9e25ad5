"""A `KubernetesPort` in memory, with what an API server does to objects, a user's side, and faults.

Held to the real API server by `tests/cluster/test_kubernetes_port.py`. Events of the watch are delivered at once, in
the call that caused them, unless `store.hold_events()` keeps them back.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from copy import copy
from typing import Self, TypeAlias, TypeVar

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.values import Json, ObjectRef, ObjectVersion
from inference_operator.kubernetes.shared_readings import SharedReadings
from inference_operator.shell.clock import SystemClock
from inference_operator.shell.ports import (
    UNKNOWN,
    Body,
    ConfigMapData,
    Conflict,
    ElasticsearchObject,
    EventType,
    Gone,
    KubernetesFailure,
    Listed,
    ListedKeys,
    NotFound,
    NotInstalled,
    ObjectKey,
    SecretData,
    Unknown,
)
from tests.fake_kubernetes_requests import WRITES, Interceptor, Killed, Moment, RecordedEvent, Request, Verb
from tests.fake_kubernetes_store import PLURALS, STATUS_DEFAULT, AdmissionError, ObjectStore, OnEvent, copied, key_of

Answer = TypeVar("Answer")


OnChange: TypeAlias = Callable[[ObjectRef], None]


class FakeKubernetes:
    """See the module. `namespaces` empty means that all are watched. Two clusters differ in `uid` and in `first_uid`."""

    def __init__(self, clock: Clock | None = None, namespaces: Collection[str] = (), first_uid: int = 1) -> None:
        self._clock = clock or SystemClock()
        self.store = ObjectStore(self._clock.now, first_uid)
        self.requests: list[Request] = []
        self.events: list[RecordedEvent] = []
        self.interceptor: Interceptor | None = None
        self.eck_installed = False
        self.uid: str | None = "uid-of-kube-system"
        self.references_watched = True
        self.unlistable: set[str] = set()
        """Namespaces, of those that are watched one by one, whose objects may not be listed."""
        self._namespaces = frozenset(namespaces)
        self._sources: dict[ObjectRef, SecretData] = {}
        self._elasticsearch: dict[tuple[str, str], ElasticsearchObject] = {}
        self._existing: set[str] = set()
        self._terminating: set[str] = set()
        self._referred: dict[ObjectKey, frozenset[ObjectRef]] = {}
        self._listeners: list[OnChange] = []
        self._may_write: Callable[[], bool] = lambda: True
        self._answered: Callable[[], Awaitable[None]] | None = None
        self.forget_readings()

    def seen_by(self, may_write: Callable[[], bool], answered: Callable[[], Awaitable[None]], clock: Clock) -> Self:
        """The same API server as one of several clients sees it, with an `interceptor` of its own and fenced as the real port is.

        `answered` is awaited between what a request does and its answer.
        """
        view = copy(self)
        view.interceptor = None
        view._may_write, view._answered, view._clock = may_write, answered, clock
        view.forget_readings()
        return view

    def forget_readings(self) -> None:
        """Be the port of a process that begins, and has read nothing."""
        self._secrets = SharedReadings(SourceKind.SECRET, self._read_secret, self.version_of, self._clock)
        self._config_maps = SharedReadings(SourceKind.CONFIG_MAP, self._read_config_map, self.version_of, self._clock)

    # --- the port -----------------------------------------------------------------------------------------------------

    async def patch_metadata(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        finalizers: tuple[str, ...] | None = None,
        annotations: Mapping[str, str | None] | None = None,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        def change(body: Body) -> None:
            if finalizers is not None:
                _set_or_drop(body["metadata"], "finalizers", list(finalizers))
            merged = body["metadata"].get("annotations", {}) | dict(annotations or {})
            kept = {name: value for name, value in merged.items() if value is not None}
            _set_or_drop(body["metadata"], "annotations", kept)

        return await self._write(Verb.PATCH, key, uid, resource_version, change)

    async def apply_status(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        status: Mapping[str, Json],
        api_version: str,
        kind: str,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        def change(body: Body) -> None:
            body["status"] = STATUS_DEFAULT | copied(dict(status))

        return await self._write(Verb.APPLY, key, uid, resource_version, change)

    async def list_keys(self, plural: str) -> ListedKeys | KubernetesFailure:
        return await self._serve(Verb.LIST, plural, lambda: self._list(plural))

    async def read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure:
        return await self._secrets.read(namespace, name)

    async def read_config_map(self, namespace: str, name: str) -> ConfigMapData | NotFound | KubernetesFailure:
        return await self._config_maps.read(namespace, name)

    def version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        if not self.references_watched:
            return UNKNOWN
        found = self._sources.get(ref)
        return found.version if found else None

    def refer(self, owner: ObjectKey, refs: Collection[ObjectRef]) -> None:
        self._referred.pop(owner, None)
        if refs:
            self._referred[owner] = frozenset(refs)

    async def cluster_uid(self) -> str | None:
        return self.uid

    async def namespace_terminating(self, name: str) -> bool | KubernetesFailure:
        return await self._serve(Verb.GET, f"namespaces/{name}", lambda: name in self._terminating or name not in self._existing)

    async def emit_event(
        self,
        key: ObjectKey,
        uid: str,
        api_version: str,
        kind: str,
        *,
        type: EventType,  # noqa: A002 - the port's name
        reason: str,
        action: str,
        note: str,
    ) -> None:
        def record() -> None:
            if key.namespace not in self._terminating:
                self.events.append(RecordedEvent(key, uid, type, reason, action, note))

        if self._may_write():
            await self._serve(Verb.EVENT, f"events/{key.namespace}/{key.name}", record)

    async def get_elasticsearch(
        self, namespace: str, name: str
    ) -> ElasticsearchObject | NotFound | NotInstalled | KubernetesFailure:
        what = f"Elasticsearch {namespace}/{name}"

        def read() -> ElasticsearchObject | NotFound | NotInstalled:
            if not self.eck_installed:
                return NotInstalled(what)
            return self._elasticsearch.get((namespace, name)) or NotFound(what)

        return await self._serve(Verb.GET, f"elasticsearches/{namespace}/{name}", read)

    # --- the user's side ----------------------------------------------------------------------------------------------

    def create(self, body: Body) -> Body:
        """`kubectl create`. Raises AdmissionError where the name is taken or the namespace is being deleted."""
        self._enter(body["metadata"]["namespace"])
        return self.store.create(body)

    def edit_spec(self, key: ObjectKey, changes: Mapping[str, Json]) -> Body:
        """Set fields of the spec; None removes one."""

        def change(body: Body) -> None:
            merged = body.get("spec", {}) | copied(dict(changes))
            body["spec"] = {name: value for name, value in merged.items() if value is not None}

        return self.store.update(key, change)

    def annotate(self, key: ObjectKey, annotations: Mapping[str, str | None]) -> Body:
        """`kubectl annotate --overwrite`; None removes one."""

        def change(body: Body) -> None:
            merged = body["metadata"].get("annotations", {}) | dict(annotations)
            kept = {name: value for name, value in merged.items() if value is not None}
            _set_or_drop(body["metadata"], "annotations", kept)

        return self.store.update(key, change)

    def set_finalizers(self, key: ObjectKey, finalizers: Collection[str]) -> Body:
        """What a person does to an object that hangs, or another controller to its own."""
        return self.store.update(key, lambda body: _set_or_drop(body["metadata"], "finalizers", list(finalizers)))

    def delete(self, key: ObjectKey) -> None:
        """`kubectl delete --wait=false`. Raises KeyError where there is none."""
        self.store.delete(key)

    def put_secret(
        self, namespace: str, name: str, data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None = None
    ) -> ObjectRef:
        return self._put(ObjectRef(SourceKind.SECRET, namespace, name), data, annotations)

    def put_config_map(
        self, namespace: str, name: str, data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None = None
    ) -> ObjectRef:
        return self._put(ObjectRef(SourceKind.CONFIG_MAP, namespace, name), data, annotations)

    def delete_secret(self, namespace: str, name: str) -> None:
        self._drop(ObjectRef(SourceKind.SECRET, namespace, name))

    def delete_config_map(self, namespace: str, name: str) -> None:
        self._drop(ObjectRef(SourceKind.CONFIG_MAP, namespace, name))

    def put_elasticsearch(
        self, namespace: str, name: str, *, annotations: Mapping[str, str] | None = None, tls: bool = True
    ) -> None:
        """An `Elasticsearch` object of ECK; installs ECK's CRD as well."""
        self.eck_installed = True
        found = self._elasticsearch.get((namespace, name))
        version = ObjectVersion(found.version.uid if found else self.store.next_uid(), self.store.next_revision())
        self._elasticsearch[namespace, name] = ElasticsearchObject(version, dict(annotations or {}), tls)

    def delete_elasticsearch(self, namespace: str, name: str) -> None:
        del self._elasticsearch[namespace, name]

    def terminate_namespace(self, name: str) -> None:
        """`kubectl delete namespace`: all that is in it goes, as far as finalizers allow."""
        self._terminating.add(name)
        for key in [key for key in self.store if key.namespace == name]:
            self.store.delete(key)
        for ref in [ref for ref in self._sources if ref.namespace == name]:
            self._drop(ref)

    # --- watches ------------------------------------------------------------------------------------------------------

    def subscribe(self, on_event: OnEvent) -> Callable[[], None]:
        """Watch the custom resources. Returns what ends it."""
        return self.store.subscribe(on_event)

    def subscribe_changes(self, on_change: OnChange) -> Callable[[], None]:
        """Hear of every Secret and ConfigMap that changes or goes. Returns what ends it.

        While not `references_watched`, only what is referred to is heard of.
        """
        self._listeners.append(on_change)
        return lambda: self._listeners.remove(on_change)

    # --- faults and figures -------------------------------------------------------------------------------------------

    @property
    def counts(self) -> Counter[Verb]:
        return Counter(request.verb for request in self.requests)

    @property
    def writes(self) -> int:
        return sum(request.verb in WRITES for request in self.requests)

    @property
    def reads(self) -> int:
        return len(self.requests) - self.writes

    def fail_at(self, k: int, moment: Moment, failure: KubernetesFailure) -> None:
        """Answer the k-th request from now (the next is 1) with `failure`, and only that one."""
        target = len(self.requests) + k
        self.interceptor = lambda _, at: failure if len(self.requests) == target and at is moment else None

    def kill_at(self, k: int, moment: Moment) -> None:
        """Raise `Killed` in the k-th request from now and in every later one: a dead process asks nothing.

        Set `interceptor = None` before the operator is started again.
        """
        target = len(self.requests) + k
        dead = False

        def intercept(_: Request, at: Moment) -> None:
            nonlocal dead
            dead = dead or (len(self.requests) == target and at is moment)
            if dead:
                raise Killed

        self.interceptor = intercept

    # --- inside -------------------------------------------------------------------------------------------------------

    async def _read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure:
        ref = ObjectRef(SourceKind.SECRET, namespace, name)
        return await self._serve(Verb.GET, f"secrets/{namespace}/{name}", lambda: self._sources.get(ref) or NotFound(str(ref)))

    async def _read_config_map(self, namespace: str, name: str) -> ConfigMapData | NotFound | KubernetesFailure:
        ref = ObjectRef(SourceKind.CONFIG_MAP, namespace, name)

        def read() -> ConfigMapData | NotFound:
            found = self._sources.get(ref)
            return ConfigMapData(found.version, found.data, found.annotations) if found else NotFound(str(ref))

        return await self._serve(Verb.GET, f"configmaps/{namespace}/{name}", read)

    async def _serve(self, verb: Verb, target: str, effect: Callable[[], Answer]) -> Answer | KubernetesFailure:
        request = Request(verb, target)
        self.requests.append(request)
        if failure := self._intercept(request, Moment.BEFORE):
            return failure
        await asyncio.sleep(0)  # a request always lets others run
        answer = effect()
        if self._answered is not None:
            await self._answered()
        return self._intercept(request, Moment.AFTER) or answer

    def _intercept(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        return self.interceptor(request, moment) if self.interceptor else None

    async def _write(
        self, verb: Verb, key: ObjectKey, uid: str, resource_version: str, change: Callable[[Body], None]
    ) -> Body | Conflict | Gone | KubernetesFailure:
        if not self._may_write():
            return KubernetesFailure(f"{verb} {key}", "this replica does not lead any more", retryable=False)

        def effect() -> Body | Conflict | Gone | KubernetesFailure:
            found = self.store.get(key)
            if found is None:
                return Gone(f"{key} not found")
            read = (found["metadata"]["uid"], found["metadata"]["resourceVersion"])
            if read != (uid, resource_version):
                return Conflict(f"{key} was changed since it was read")
            try:
                return self.store.update(key, change)
            except AdmissionError as refusal:
                return KubernetesFailure(f"{verb} {key}", str(refusal), status=422, retryable=False)

        return await self._serve(verb, str(key), effect)

    def _enter(self, namespace: str) -> None:
        """A namespace is there as soon as something is put into it."""
        if namespace in self._terminating:
            raise AdmissionError(f"namespace {namespace} is being terminated")
        self._existing.add(namespace)

    def _list(self, plural: str) -> ListedKeys | KubernetesFailure:
        reasons = {name: f"{plural} is forbidden in the namespace {name}" for name in self._namespaces & self.unlistable}
        allowed = self._namespaces - self.unlistable
        if reasons and not allowed:
            return KubernetesFailure(f"list {plural}", reasons[min(reasons)], 403, retryable=False)
        keys = [key for key in self.store if key.plural == plural and (not self._namespaces or key.namespace in allowed)]
        return ListedKeys(tuple(Listed(key, *self.store.version(key)) for key in keys), reasons)

    def _put(self, ref: ObjectRef, data: Mapping[str, str | bytes], annotations: Mapping[str, str] | None) -> ObjectRef:
        self._enter(ref.namespace)
        content = {key: value.encode() if isinstance(value, str) else value for key, value in data.items()}
        found = self._sources.get(ref)
        if found and (found.data, found.annotations) == (content, annotations or {}):
            return ref
        version = ObjectVersion(found.version.uid if found else self.store.next_uid(), self.store.next_revision())
        self._sources[ref] = SecretData(version, content, dict(annotations or {}))
        self._changed(ref)
        return ref

    def _drop(self, ref: ObjectRef) -> None:
        del self._sources[ref]
        self._changed(ref)

    def _changed(self, ref: ObjectRef) -> None:
        if self.references_watched or any(ref in refs for refs in self._referred.values()):
            for listener in tuple(self._listeners):
                listener(ref)


def _set_or_drop(metadata: Body, name: str, value: Json) -> None:
    """The API server leaves empty lists and maps of the metadata out."""
    metadata.pop(name, None)
    if value:
        metadata[name] = value


__all__ = [
    "PLURALS",
    "AdmissionError",
    "FakeKubernetes",
    "Killed",
    "Moment",
    "RecordedEvent",
    "Request",
    "Verb",
    "key_of",
]
