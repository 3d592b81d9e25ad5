"""Connections to clusters that ECK manages, by the names that ECK gives to what it makes.

Decides URL, CA and credentials. Names and meaning as in ECK's documentation ("Access Elasticsearch from outside", "TLS
certificates", "Users and roles"). Credentials of the user's choice (`authSecretName`) lie in the namespace of the object
that names them, as all its references do; those that ECK made lie beside the cluster.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from inference_operator.api.connection import ElasticsearchRef
from inference_operator.api.kubernetes_names import LABEL_FORM, LABEL_LENGTH, is_label
from inference_operator.api.status import SourceKind
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.connection_source import (
    CREDENTIAL_KEYS,
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
from inference_operator.kubernetes.values import (
    ElasticsearchObject,
    KubernetesFailure,
    NotFound,
    NotInstalled,
    SecretData,
)

_PORT = 9200
_SUPERUSER = "elastic"


@dataclass(frozen=True, slots=True)
class EckCluster:
    """One cluster, as an object in `user_namespace` refers to it."""

    name: str
    namespace: str
    user_namespace: str
    service_name: str | None = None
    auth_secret_name: str | None = None

    @classmethod
    def of(cls, ref: ElasticsearchRef, user_namespace: str) -> Self:
        """`ref` must have a name."""
        namespace = ref.namespace or user_namespace
        return cls(ref.name or "", namespace, user_namespace, ref.service_name, ref.auth_secret_name)

    def __str__(self) -> str:
        return f"Elasticsearch {self.namespace}/{self.name}"

    @property
    def service(self) -> str:
        return f"{self.name}-es-http" if self.service_name is None else self.service_name

    def url(self, *, tls: bool) -> str:
        """For nobody to use while it is `misnamed`."""
        return f"{'https' if tls else 'http'}://{self.service}.{self.namespace}.svc:{_PORT}"

    @property
    def misnamed(self) -> ReferenceFailure | None:
        """What would lead the credentials elsewhere. The CRD refuses it, but not where an older one has let it in."""
        if not is_label(self.namespace):
            return _misnamed(f"{REF}.namespace", "no namespace can have this name")
        if self.service_name is not None and not is_label(self.service_name):
            return _misnamed(f"{REF}.serviceName", "no Service can have this name")
        if not is_label(self.service):
            return _misnamed(f"{REF}.name", "no Service can be called NAME-es-http with it")
        return None

    @property
    def certificates(self) -> ObjectRef:
        return ObjectRef(SourceKind.SECRET, self.namespace, f"{self.name}-es-http-certs-public")

    @property
    def credentials(self) -> ObjectRef:
        if self.auth_secret_name:
            return ObjectRef(SourceKind.SECRET, self.user_namespace, self.auth_secret_name)
        return ObjectRef(SourceKind.SECRET, self.namespace, f"{self.name}-es-elastic-user")

    @property
    def objects(self) -> tuple[ObjectRef, ...]:
        return self.certificates, self.credentials

    async def resolve(self, reads: ConnectionReads) -> Resolution:
        """Its material, or what is missing."""
        if self.misnamed is not None:
            return self.misnamed
        found = await reads.get_elasticsearch(self.namespace, self.name)
        if not isinstance(found, ElasticsearchObject):
            return self._missing(found)
        if self._foreign and not allows(found.annotations, self.user_namespace):
            return denied(str(self), self.user_namespace, f"{REF}.namespace")
        ca = await self._ca(reads) if found.tls else _NOTHING
        if isinstance(ca, ReferenceFailure):
            return ca
        login = await self._login(reads)
        if isinstance(login, ReferenceFailure):
            return login
        data = {"url": self.url(tls=found.tls).encode(), **ca.data, **login.data}
        return ConnectionSource(self.objects, data, str(self), {**ca.versions, **login.versions})

    @property
    def _foreign(self) -> bool:
        return self.namespace != self.user_namespace

    def _missing(self, found: NotFound | NotInstalled | KubernetesFailure) -> ReferenceFailure:
        match found:
            case KubernetesFailure():
                return unreadable(found, str(self), f"{REF}.name")
            case NotInstalled():
                return not_found(
                    f"{REF}.name",
                    f"{self} can't be found: ECK is not installed here (the kind Elasticsearch of"
                    f" elasticsearch.k8s.elastic.co/v1 is unknown). Install it, or use {REF}.secretName.",
                )
            case NotFound():
                if self._foreign:
                    return denied(str(self), self.user_namespace, f"{REF}.namespace")
                return not_found(f"{REF}.name", f"{self} does not exist. Create it, or correct {REF}.name.")

    async def _ca(self, reads: ConnectionReads) -> "_Part | ReferenceFailure":
        """None of its own where the user gave ECK a certificate without one: then the system's trust store counts."""
        ref = self.certificates
        match await reads.read_secret(ref.namespace, ref.name):
            case SecretData(version=version, data=data):
                return _Part(selected(data, ("ca.crt",)), {ref: version})
            case NotFound():
                return not_found(
                    f"{REF}.name",
                    f"{ref} does not exist. ECK puts the certificate authority of {self} there while it sets the cluster up:"
                    " wait for it, or look at the state of the cluster.",
                )
            case KubernetesFailure() as failure:
                return unreadable(failure, str(ref), f"{REF}.name")

    async def _login(self, reads: ConnectionReads) -> "_Part | ReferenceFailure":
        ref, path = self.credentials, f"{REF}.authSecretName" if self.auth_secret_name else f"{REF}.name"
        match await reads.read_secret(ref.namespace, ref.name):
            case SecretData(version=version, data=data):
                login = selected(data, CREDENTIAL_KEYS) if self.auth_secret_name else _superuser(data)
                return _Part(login, {ref: version}) if login else self._useless(path)
            case NotFound():
                return not_found(path, f"{ref} does not exist. {self._login_advice}")
            case KubernetesFailure() as failure:
                return unreadable(failure, str(ref), path)

    def _useless(self, path: str) -> ReferenceFailure:
        message = f"{self.credentials} holds no credentials for Elasticsearch. {self._login_advice}"
        return ReferenceFailure(ReferenceKind.CONNECTION_INVALID, path, message)

    @property
    def _login_advice(self) -> str:
        if self.auth_secret_name:
            return "Give it one of api-key, token, or username with password."
        return (
            "ECK makes it while it sets the cluster up. Where spec.auth.disableElasticUser is true, name a Secret with"
            f" credentials in {REF}.authSecretName."
        )


def _misnamed(path: str, problem: str) -> ReferenceFailure:
    message = f"{problem}: it consists of at most {LABEL_LENGTH} {LABEL_FORM}."
    return ReferenceFailure(ReferenceKind.CONNECTION_INVALID, path, message)


@dataclass(frozen=True, slots=True)
class _Part:
    """What one Secret gives to a connection."""

    data: Mapping[str, bytes] = field(repr=False)
    versions: Mapping[ObjectRef, ObjectVersion]


_NOTHING = _Part({}, {})


def _superuser(data: Mapping[str, bytes]) -> dict[str, bytes]:
    """The user's name is the key."""
    return {"username": _SUPERUSER.encode(), "password": data[_SUPERUSER]} if _SUPERUSER in data else {}
