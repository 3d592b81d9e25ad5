"""The schema of an open settings block whose known secrets must be references.

A secret in plain text is refused by its type alone, so the API server neither stores it nor repeats it in the error.
Must not import the kinds.
"""

from typing import Any

from pydantic import Field

from inference_operator.api.meta import ApiModel, ValueFrom
from inference_operator.api.rules import Rule, validations
from inference_operator.api.services import catalogue
from inference_operator.api.structural import structural, without_defaults

# The one secret of the catalogue that is a map: every value of it is a secret by itself.
_MAP = "secret_parameters"
_MAX_PARAMETERS = 32
_FORM = "{valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}}"
_MAP_FORM = (
    f"secrets are never written in plain text: write each value as {_FORM},"
    " or the whole map as one reference with `as: json`"
)


class SecretValue(ApiModel):
    """A secret, given by reference."""

    value_from: ValueFrom
    """Where the value is. Required, since secrets are never written in plain text."""


class SecretParameter(ValueFrom):
    """A secret, or, under the key valueFrom, the reference that stands for the whole map."""

    value_from: ValueFrom | None = Field(default=None)
    """Where the value is. Required, since secrets are never written in plain text."""


def type_secrets(schema: dict[str, Any]) -> None:
    """Add the known secrets of all services to the schema of a settings block: a `json_schema_extra` of its field."""
    schema["properties"] = {
        name: _map_schema() if name == _MAP else _value_schema(name) for name in sorted(catalogue().sensitive_names())
    }


def _value_schema(name: str) -> dict[str, Any]:
    schema = without_defaults(structural(SecretValue.model_json_schema()))
    return schema | {"description": f"Secret: {_explain(name)}. Write {_FORM}; plain text is refused."}


def _map_schema() -> dict[str, Any]:
    value = without_defaults(structural(SecretParameter.model_json_schema()))
    # The inherited rule holds for the reference only; which values are references is for the rule of the map to say.
    del value["x-kubernetes-validations"]
    reference = (
        "size(self) == 1 && !has(self['valueFrom'].valueFrom)"
        " && has(self['valueFrom'].secretKeyRef) != has(self['valueFrom'].configMapKeyRef)"
    )
    values = "self.all(k, has(self[k].valueFrom) && !has(self[k].secretKeyRef) && !has(self[k].configMapKeyRef))"
    return {
        "type": "object",
        "description": f"Secrets: {_explain(_MAP)}. Write {{NAME: {_FORM}}}; plain text is refused.",
        "maxProperties": _MAX_PARAMETERS,
        "additionalProperties": value,
        **validations(Rule(f"'valueFrom' in self ? {reference} : {values}", _MAP_FORM)),
    }


def _explain(name: str) -> str:
    users = [service for service in catalogue().services.values() if name in service.sensitive_names]
    text = users[0].service_settings[name].description
    few = 4
    return f"{text} ({', '.join(service.name for service in users)})" if len(users) <= few else text
