"""What a connection is made from, and who may use what lies in another namespace.

Decides nothing about where the material comes from: `connections` does. Bytes under the keys of a connection Secret are the
only language between this package and the one that parses them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from inference_operator.api.meta import ALLOW_NAMESPACES_ANNOTATION
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.values import (
    ElasticsearchObject,
    KubernetesFailure,
    NotFound,
    NotInstalled,
    SecretData,
)

CREDENTIAL_KEYS = ("api-key", "username", "password", "token", "tls.crt", "tls.key")
CONNECTION_KEYS = ("url", *CREDENTIAL_KEYS, "ca.crt", "insecure-skip-tls-verify")

REF = "spec.elasticsearchRef"
"""The field that every failure here is about."""


@dataclass(frozen=True, slots=True)
class ConnectionSource:
    """The material of one connection. `described` names where it came from, for messages: `Secret search/my-es`.

    `objects` are what it was read from: when one of them changes, resolve again. `versions` are those that were read.
    """

    objects: tuple[ObjectRef, ...]
    data: Mapping[str, bytes] = field(repr=False)
    described: str
    versions: Mapping[ObjectRef, ObjectVersion] = field(default_factory=dict)


Resolution: TypeAlias = ConnectionSource | ReferenceFailure


class ConnectionReads(Protocol):
    """The part of `shell.ports.KubernetesPort` that connections are resolved with."""

    async def read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure: ...

    async def get_elasticsearch(
        self, namespace: str, name: str
    ) -> ElasticsearchObject | NotFound | NotInstalled | KubernetesFailure: ...


def selected(data: Mapping[str, bytes], keys: tuple[str, ...] = CONNECTION_KEYS) -> dict[str, bytes]:
    """Only the keys that mean something to a connection; the rest of a Secret is not ours to hold."""
    return {key: data[key] for key in keys if key in data}


def allows(annotations: Mapping[str, str], namespace: str) -> bool:
    """True if the owner of the annotated object lets that namespace use it: `a,b` or `*`."""
    names = {name.strip() for name in annotations.get(ALLOW_NAMESPACES_ANNOTATION, "").split(",")}
    return "*" in names or namespace in names


def denied(what: str, namespace: str, path: str) -> ReferenceFailure:
    """The answer for a target in another namespace that is not there as well as for one that does not allow it."""
    return ReferenceFailure(
        ReferenceKind.CROSS_NAMESPACE_DENIED,
        path,
        f"{what} does not exist, or it does not allow namespace {namespace} to use it."
        f" Its owner allows it with the annotation {ALLOW_NAMESPACES_ANNOTATION}: {namespace} on it.",
    )


def not_found(path: str, message: str) -> ReferenceFailure:
    return ReferenceFailure(ReferenceKind.CONNECTION_NOT_FOUND, path, message)


def unreadable(failure: KubernetesFailure, what: str, path: str) -> ReferenceFailure:
    """The API server did not say whether it is there."""
    return ReferenceFailure(ReferenceKind.UNREADABLE, path, f"{what} can't be read: {failure.message}.")
