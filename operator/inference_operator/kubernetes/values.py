"""What the Kubernetes adapter takes and answers: names of objects, contents of references, ways a request can end.

Decides nothing. All are frozen values without a client object in them; the shell reaches them through `shell.ports`.
Imports only the core: no client, no event loop.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from inference_operator.core.values import ObjectVersion

Body: TypeAlias = dict[str, Any]
"""An object as the API server returned it: `apiVersion`, `kind`, `metadata`, `spec`, `status`. The receiver owns it."""


@dataclass(frozen=True, slots=True, order=True)
class ObjectKey:
    """One object of our API group. `plural` as in URLs: `inferenceendpoints`."""

    plural: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.plural}/{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of a listing: enough to prune and to start from, nothing more."""

    key: ObjectKey
    uid: str
    resource_version: str


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """The objects of a kind. `denied`: the namespaces whose objects may not be listed, and why; nothing is known of those."""

    found: tuple[Listed, ...]
    denied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Conflict:
    """The object is not what the caller read (409): read it again and decide anew. Nothing was written."""

    message: str


@dataclass(frozen=True, slots=True)
class Gone:
    """There is no such object (404), or none any more. Nothing was written."""

    message: str = ""


@dataclass(frozen=True, slots=True)
class NotFound:
    """What was to be read is not there. `what` names it, such as `Secret search/openai`."""

    what: str


@dataclass(frozen=True, slots=True)
class NotInstalled:
    """The API server does not know the kind: its CRD is not installed."""

    what: str


@dataclass(frozen=True, slots=True)
class KubernetesFailure:
    """The API server refused, failed or did not answer. `message` is fit for users: no data of Secrets, no tokens.

    `status` is None where no answer came: a write may then have been done all the same. `retryable` is False where
    the same request will be refused again until a person changes something (403, 422). `retry_after` is in seconds,
    from the Retry-After of the answer.
    """

    operation: str
    message: str
    status: int | None = None
    retryable: bool = True
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class SecretData:
    """A Secret as it was at `version`. `data` is decoded and never shown."""

    version: ObjectVersion
    data: Mapping[str, bytes] = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class ConfigMapData:
    """A ConfigMap as it was at `version`: `data` (as UTF-8) and `binaryData` (decoded) in one mapping."""

    version: ObjectVersion
    data: Mapping[str, bytes] = field(repr=False)
    annotations: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Unknown:
    """The metadata watch can't tell yet: it is not in sync, or does not watch there. Not the same as absent."""


UNKNOWN = Unknown()


@dataclass(frozen=True, slots=True)
class ElasticsearchObject:
    """What matters of an `Elasticsearch` object of ECK. `tls` is False where its HTTP layer is served in clear."""

    version: ObjectVersion
    annotations: Mapping[str, str] = field(repr=False)
    tls: bool


class EventType(StrEnum):
    """The two types of a Kubernetes event."""

    NORMAL = "Normal"
    WARNING = "Warning"
