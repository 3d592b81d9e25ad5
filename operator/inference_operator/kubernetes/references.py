"""What objects refer to, asked of the API server at every call: Secrets, ConfigMaps, namespaces, ECK's clusters.

Decides how each is reduced to what the shell may hold. Contents of Secrets are never put into a message, and kept nowhere
here: `shared_readings` says how long one reading may serve.
"""

import base64
import logging
from collections.abc import Mapping
from http import HTTPStatus

from inference_operator.core.values import Json, ObjectVersion
from inference_operator.kubernetes.client import JSON, METADATA, KubernetesClient, Reply, Request, path_of, refused
from inference_operator.kubernetes.values import (
    ConfigMapData,
    ElasticsearchObject,
    KubernetesFailure,
    NotFound,
    NotInstalled,
    SecretData,
)

_log = logging.getLogger(__name__)

_ECK = ("apis", "elasticsearch.k8s.elastic.co", "v1")


class References:
    """Reads of single objects that are not ours."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._cluster_uid: str | None = None

    async def cluster_uid(self) -> str | None:
        """See `shell.ports`."""
        if self._cluster_uid is None:
            reply = await self._get("Namespace kube-system", path_of("api", "v1", "namespaces", "kube-system"), METADATA)
            self._cluster_uid = reply.body["metadata"]["uid"] if isinstance(reply, Reply) else None
            if isinstance(reply, KubernetesFailure):
                _log.warning("this Kubernetes cluster can't be told from others: %s", reply.message)
        return self._cluster_uid

    async def read_secret(self, namespace: str, name: str) -> SecretData | NotFound | KubernetesFailure:
        """Read it now."""
        reply = await self._get(f"Secret {namespace}/{name}", _core(namespace, "secrets", name))
        if not isinstance(reply, Reply):
            return reply
        data = _decoded(reply.body.get("data"))
        return SecretData(_version(reply), data, _annotations(reply))

    async def read_config_map(self, namespace: str, name: str) -> ConfigMapData | NotFound | KubernetesFailure:
        """Read it now."""
        reply = await self._get(f"ConfigMap {namespace}/{name}", _core(namespace, "configmaps", name))
        if not isinstance(reply, Reply):
            return reply
        texts = {key: text.encode() for key, text in (reply.body.get("data") or {}).items()}
        return ConfigMapData(_version(reply), texts | _decoded(reply.body.get("binaryData")), _annotations(reply))

    async def namespace_terminating(self, name: str) -> bool | KubernetesFailure:
        """See `shell.ports`."""
        reply = await self._get(f"Namespace {name}", path_of("api", "v1", "namespaces", name), METADATA)
        match reply:
            case KubernetesFailure():
                _log.warning("whether the namespace %s is being deleted can't be told: %s", name, reply.message)
                return reply
            case NotFound():
                return True
            case Reply():
                return "deletionTimestamp" in reply.body["metadata"]

    async def get_elasticsearch(
        self, namespace: str, name: str
    ) -> ElasticsearchObject | NotFound | NotInstalled | KubernetesFailure:
        """See `shell.ports`."""
        what = f"Elasticsearch {namespace}/{name}"
        operation = f"get {what}"
        reply = await self._client.ask(operation, Request(path_of(*_ECK, "namespaces", namespace, "elasticsearches", name)))
        match reply:
            case KubernetesFailure():
                return reply
            case Reply(ok=True):
                return ElasticsearchObject(_version(reply), _annotations(reply), _serves_tls(reply.body.get("spec") or {}))
            case Reply(status=HTTPStatus.NOT_FOUND):
                return NotFound(what) if reply.subject else NotInstalled(what)
            case _:
                return refused(operation, reply)

    async def _get(self, what: str, path: str, accept: str = JSON) -> Reply | NotFound | KubernetesFailure:
        reply = await self._client.ask(f"get {what}", Request(path, accept=accept))
        match reply:
            case KubernetesFailure() | Reply(ok=True):
                return reply
            case Reply(status=HTTPStatus.NOT_FOUND):
                return NotFound(what)
            case _:
                return refused(f"get {what}", reply)


def _core(namespace: str, plural: str, name: str) -> str:
    return path_of("api", "v1", "namespaces", namespace, plural, name)


def _decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (data or {}).items()}


def _version(reply: Reply) -> ObjectVersion:
    return ObjectVersion(reply.body["metadata"]["uid"], reply.body["metadata"]["resourceVersion"])


def _annotations(reply: Reply) -> dict[str, str]:
    return reply.body["metadata"].get("annotations") or {}


def _serves_tls(spec: Mapping[str, Json]) -> bool:
    """As ECK decides it: plain HTTP only without its self-signed certificate and without one of the user's."""
    tls = (spec.get("http") or {}).get("tls") or {}
    disabled = (tls.get("selfSignedCertificate") or {}).get("disabled", False)
    return not disabled or bool((tls.get("certificate") or {}).get("secretName"))
