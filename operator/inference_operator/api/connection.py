"""How an object says which Elasticsearch cluster it belongs to. Imports only the shared model parts."""

from typing import Self

from pydantic import ConfigDict, model_validator

from inference_operator.api.kubernetes_names import LabelName, ObjectName
from inference_operator.api.meta import ApiModel
from inference_operator.api.rules import Rule, validations

_ONE_WAY = (
    "set exactly one of name (a cluster that ECK manages) and secretName (a Secret with url and credentials);"
    " leave elasticsearchRef out to use the operator's default connection"
)
_ECK_ONLY = "serviceName and authSecretName refine a cluster that ECK manages: use them only together with name"
_FIXED = (
    "an object can't be moved to another cluster: delete it and create a new one"
    " (of elasticsearchRef, only authSecretName may change)"
)


def _same(field: str) -> str:
    return f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})"


# `namespace` is a reserved word of CEL, written with underscores around it.
_SAME_CLUSTER = " && ".join(_same(field) for field in ("name", "__namespace__", "serviceName", "secretName"))

# For the spec that holds the reference: a rule beside the reference itself does not run when it appears or vanishes.
CLUSTER_STAYS_CHOSEN = Rule("has(self.elasticsearchRef) == has(oldSelf.elasticsearchRef)", _FIXED, field_path=".elasticsearchRef")


class ElasticsearchRef(ApiModel):
    """The Elasticsearch cluster: one that ECK manages (name) or any other by a Secret (secretName)."""

    model_config = ConfigDict(
        json_schema_extra=validations(
            Rule("has(self.name) != has(self.secretName)", _ONE_WAY),
            Rule("has(self.name) || !(has(self.serviceName) || has(self.authSecretName))", _ECK_ONLY),
            Rule(_SAME_CLUSTER, _FIXED),
        )
    )

    name: ObjectName | None = None
    """Name of the Elasticsearch object of ECK. The operator finds the Service, the CA and the credentials that ECK
    made."""
    namespace: LabelName | None = None
    """Namespace of the Elasticsearch object or of the Secret, if it is not that of this object. The owner of that
    namespace must allow it with the annotation inference-operator.io/allow-namespaces on the target."""
    service_name: LabelName | None = None
    """Service to connect to instead of NAME-es-http. Only together with name."""
    secret_name: ObjectName | None = None
    """Name of a Secret that describes the connection. Keys: url; api-key, or username and password, or token;
    optionally ca.crt, tls.crt with tls.key, insecure-skip-tls-verify."""
    auth_secret_name: ObjectName | None = None
    """Secret with credentials of less power than the elastic superuser that ECK made. Same keys as for secretName,
    without url. Only together with name. The only field of the reference that may change later."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.name is None) == (self.secret_name is None):
            raise ValueError(_ONE_WAY)
        if self.name is None and (self.service_name is not None or self.auth_secret_name is not None):
            raise ValueError(_ECK_ONLY)
        return self
