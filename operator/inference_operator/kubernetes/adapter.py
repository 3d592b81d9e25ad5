"""The real `KubernetesPort`: one object out of the parts that each know one thing."""

from collections.abc import Callable, Collection, Mapping

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.values import Json, ObjectRef, ObjectVersion
from inference_operator.kubernetes.client import KubernetesClient
from inference_operator.kubernetes.events import EventRecorder, Occurrence
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.kubernetes.objects import Objects
from inference_operator.kubernetes.references import References
from inference_operator.kubernetes.shared_readings import SharedReadings
from inference_operator.kubernetes.values import (
    Body,
    ConfigMapData,
    Conflict,
    ElasticsearchObject,
    EventType,
    Gone,
    KubernetesFailure,
    ListedKeys,
    NotFound,
    NotInstalled,
    ObjectKey,
    SecretData,
    Unknown,
)


class KubernetesAdapter:
    """Implements `shell.ports.KubernetesPort`. `namespaces` empty means all of them; whoever made the parts closes them.

    `may_write` is asked right before every write: a replica that lost its lease must not write any more.
    """

    def __init__(
        self,
        client: KubernetesClient,
        watch: MetadataWatch,
        clock: Clock,
        namespaces: Collection[str] = (),
        may_write: Callable[[], bool] = lambda: True,
    ) -> None:
        self._may_write = may_write
        self._watch = watch
        self._objects = Objects(client, tuple(sorted(namespaces)))
        self._references = References(client)
        self._secrets = SharedReadings(SourceKind.SECRET, self._references.read_secret, watch.version_of, clock)
        self._config_maps = SharedReadings(SourceKind.CONFIG_MAP, self._references.read_config_map, watch.version_of, clock)
        self._events = EventRecorder(client, clock)

    async def patch_metadata(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        finalizers: tuple[str, ...] | None = None,
        annotations: Mapping[str, str | None] | None = None,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        if not self._may_write():
            return _fenced(f"patch {key}")
        return await self._objects.patch_metadata(
            key, uid=uid, resource_version=resource_version, finalizers=finalizers, annotations=annotations
        )

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
        if not self._may_write():
            return _fenced(f"apply status of {key}")
        return await self._objects.apply_status(
            key, uid=uid, resource_version=resource_version, status=status, api_version=api_version, kind=kind
        )

    async def list_keys(self, plural: str) -> ListedKeys | KubernetesFailure:
        return await self._objects.list_keys(plural)

    async def read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure:
        return await self._secrets.read(namespace, name)

    async def read_config_map(self, namespace: str, name: str) -> ConfigMapData | NotFound | KubernetesFailure:
        return await self._config_maps.read(namespace, name)

    def version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        return self._watch.version_of(ref)

    def refer(self, owner: ObjectKey, refs: Collection[ObjectRef]) -> None:
        self._watch.refer(owner, refs)

    async def cluster_uid(self) -> str | None:
        return await self._references.cluster_uid()

    async def namespace_terminating(self, name: str) -> bool | KubernetesFailure:
        return await self._references.namespace_terminating(name)

    async def emit_event(
        self,
        key: ObjectKey,
        uid: str,
        api_version: str,
        kind: str,
        *,
        type: EventType,  # noqa: A002 - the port's
        reason: str,
        action: str,
        note: str,
    ) -> None:
        if self._may_write():
            await self._events.record(Occurrence(key, uid, api_version, kind, type, reason, action, note))

    async def get_elasticsearch(
        self, namespace: str, name: str
    ) -> ElasticsearchObject | NotFound | NotInstalled | KubernetesFailure:
        return await self._references.get_elasticsearch(namespace, name)


def _fenced(operation: str) -> KubernetesFailure:
    return KubernetesFailure(operation, "this replica does not lead any more, so it writes nothing", retryable=False)
