"""From `spec.elasticsearchRef` to the material of a connection: bytes under the keys of a connection Secret.

Decides which of the three forms a reference has: a cluster of ECK, a Secret, or the operator's default. Who may use what lies
in another namespace is decided by its owner, see `connection_source`. Parsing is the Elasticsearch package's business.
"""

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kubernetes.connection_source import (
    REF,
    ConnectionReads,
    ConnectionSource,
    Resolution,
    allows,
    denied,
    not_found,
    selected,
    unreadable,
)
from inference_operator.kubernetes.default_connection import DefaultConnection
from inference_operator.kubernetes.eck import EckCluster
from inference_operator.kubernetes.values import KubernetesFailure, NotFound, SecretData

__all__ = ["ConnectionReads", "ConnectionResolver", "ConnectionSource", "DefaultConnection"]


class ConnectionResolver:
    """Resolves references anew at every call, and keeps nothing itself. `namespace` is always that of the object that refers."""

    def __init__(self, reads: ConnectionReads, default: DefaultConnection) -> None:
        self._reads = reads
        self._default = default

    def dependencies(self, ref: ElasticsearchRef | None, namespace: str) -> tuple[ObjectRef, ...]:
        """What the answer depends on, also where `resolve` fails: the Secrets that are missing are among them."""
        if ref is None:
            return self._default.objects
        if ref.name is not None:
            return EckCluster.of(ref, namespace).objects
        return (_secret_of(ref, namespace),)

    async def resolve(self, ref: ElasticsearchRef | None, namespace: str) -> Resolution:
        """The material, or a failure that names the field, the object and what to do."""
        if ref is None:
            return await self._default.resolve(namespace, self._reads)
        if ref.name is not None:
            return await EckCluster.of(ref, namespace).resolve(self._reads)
        return await self._from_secret(_secret_of(ref, namespace), namespace)

    async def _from_secret(self, secret: ObjectRef, namespace: str) -> Resolution:
        foreign = secret.namespace != namespace
        match await self._reads.read_secret(secret.namespace, secret.name):
            case SecretData(version=version, data=data, annotations=annotations) if not foreign or allows(annotations, namespace):
                return ConnectionSource((secret,), selected(data), str(secret), {secret: version})
            case KubernetesFailure() as failure:
                return unreadable(failure, str(secret), f"{REF}.secretName")
            case NotFound() if not foreign:
                return not_found(
                    f"{REF}.secretName",
                    f"{secret} does not exist. Create it with key url and one of api-key, token, or username with password.",
                )
            case _:
                return denied(str(secret), namespace, f"{REF}.namespace")


def _secret_of(ref: ElasticsearchRef, namespace: str) -> ObjectRef:
    return ObjectRef(SourceKind.SECRET, ref.namespace or namespace, ref.secret_name or "")
