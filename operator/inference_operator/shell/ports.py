"""Kubernetes as the shell sees it: values in, values out, no exception for anything that can go wrong on the wire.

The real one is `kubernetes.adapter.KubernetesAdapter`; `tests/fake_kubernetes.py` holds one in memory. One suite,
`tests/cluster/test_kubernetes_port.py`, holds both to what is written here.
"""

from collections.abc import Collection, Mapping
from typing import Protocol

from inference_operator.core.values import Json, ObjectRef, ObjectVersion
from inference_operator.kubernetes.values import (
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

__all__ = [
    "UNKNOWN",
    "Body",
    "ConfigMapData",
    "Conflict",
    "ElasticsearchObject",
    "EventType",
    "Gone",
    "KubernetesFailure",
    "KubernetesPort",
    "Listed",
    "ListedKeys",
    "NotFound",
    "NotInstalled",
    "ObjectKey",
    "SecretData",
    "Unknown",
]


class KubernetesPort(Protocol):
    """Every request has a timeout of its own. Nothing is retried here: retries are the queue's."""

    async def patch_metadata(
        self,
        key: ObjectKey,
        *,
        uid: str,
        resource_version: str,
        finalizers: tuple[str, ...] | None = None,
        annotations: Mapping[str, str | None] | None = None,
    ) -> Body | Conflict | Gone | KubernetesFailure:
        """Write metadata in one merge-patch, if the object is still the one that was read.

        `finalizers` is the whole new list, those of others included; None leaves the list alone. An annotation of None
        is removed; those not named stay. A patch that changes nothing keeps the resourceVersion. Answers the new body;
        after the last finalizer's removal from an object being deleted, that is the last one there is.
        """
        ...

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
        """Make `status` the whole status, if the object is still the one that was read (server-side apply, forced).

        What an earlier call set and this one leaves out disappears. An equal status keeps the resourceVersion. Never
        creates an object.
        """
        ...

    async def list_keys(self, plural: str) -> ListedKeys | KubernetesFailure:
        """List the objects of the watched namespaces, metadata only, in chunks. All of a namespace or a failure, never a part.

        Where namespaces are listed one by one, those that this is forbidden in are told, as long as there are others. One that
        does not exist is among them, or empty, as the rights have it.
        """
        ...

    async def read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure:
        """Read one Secret, or give what was read for another caller less than 2 s ago.

        The latter only while `version_of` tells the very version that was read, so whoever was told of a change never gets
        what was there before. Without such a version each caller has a reading that began after the call. Failures and
        absence are not kept.
        """
        ...

    async def read_config_map(self, namespace: str, name: str) -> ConfigMapData | NotFound | KubernetesFailure:
        """Read one ConfigMap, on the same terms as a Secret."""
        ...

    def version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        """The latest version that was heard of, from memory. None: there is no such object. `UNKNOWN`: can't tell."""
        ...

    def refer(self, owner: ObjectKey, refs: Collection[ObjectRef]) -> None:
        """Say that `owner` depends on exactly these from now on; an empty collection forgets it.

        Where Secrets may not be listed and watched, what is referred to is polled instead.
        """
        ...

    async def cluster_uid(self) -> str | None:
        """Name this Kubernetes cluster for good: the uid of its namespace kube-system. None where that can't be read now.

        Asked once; without the right to read that namespace it stays unknown.
        """
        ...

    async def namespace_terminating(self, name: str) -> bool | KubernetesFailure:
        """True while the namespace is being deleted, and when it is gone."""
        ...

    async def emit_event(
        self,
        key: ObjectKey,
        uid: str,
        api_version: str,
        kind: str,
        *,
        type: EventType,  # noqa: A002 - the field's name
        reason: str,
        action: str,
        note: str,
    ) -> None:
        """Tell the users of the object. Best effort: a failure is logged, and a namespace being deleted takes none.

        The same event again within a short time becomes a series. `note` is cut at 1 kB.
        """
        ...

    async def get_elasticsearch(
        self, namespace: str, name: str
    ) -> ElasticsearchObject | NotFound | NotInstalled | KubernetesFailure:
        """Read an `Elasticsearch` object of ECK."""
        ...
