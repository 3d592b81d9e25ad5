"""The schema of an open settings block whose known secrets must be references.

A secret in plain text must be refused before it is stored, and no error may repeat it: GitOps tools pass errors on to
status, events and chat. So the schema of a secret says nothing that makes the API server quote it:

* no `type`, since server-side apply answers a wrong one with "expected map, got &{the value}"; what is no object is
  refused by `maxLength` (text) and by `not: {maxProperties: 0}`, which everything but a non-empty object fulfils;
* no closed set of keys, since strict decoding answers an unknown one with the whole object; `maxProperties` refuses it;
* no CEL rule, since CEL can't look into values without a type; `oneOf` does its work.

Must not import the kinds.
"""

from typing import Any

from inference_operator.api.meta import ValueFrom
from inference_operator.api.services import catalogue
from inference_operator.api.structural import structural, without_defaults

# The one secret of the catalogue that is a map: every value of it is a secret by itself.
_MAP = "secret_parameters"
_MAX_PARAMETERS = 32
_FORM = "{valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}}"
_SOURCES = ("secretKeyRef", "configMapKeyRef")

_UNTYPED = {"x-kubernetes-preserve-unknown-fields": True, "maxLength": 0}
_OBJECT_ONLY = _UNTYPED | {"not": {"maxProperties": 0}}


def type_secrets(schema: dict[str, Any]) -> None:
    """Add the known secrets of all services to the schema of a settings block: a `json_schema_extra` of its field."""
    schema["properties"] = {
        name: _map_of_secrets() if name == _MAP else _secret(name) for name in sorted(catalogue().sensitive_names())
    }


def _secret(name: str) -> dict[str, Any]:
    return _OBJECT_ONLY | {
        "description": f"Secret: {_explain(name)}. Write {_FORM}; plain text is refused.",
        "maxProperties": 1,
        "required": ["valueFrom"],
        "properties": {"valueFrom": _value_from()},
    }


def _map_of_secrets() -> dict[str, Any]:
    # Under the key valueFrom stands the reference for the whole map; under any other, a value with a valueFrom of its own.
    sources = _value_from()["properties"]
    value = _OBJECT_ONLY | {
        "description": f"A secret: {_FORM}.",
        "maxProperties": 2,
        "oneOf": _exactly_one("valueFrom", *_SOURCES),
        "properties": {"valueFrom": _value_from(), **sources},
    }
    return _UNTYPED | {
        "description": f"Secrets: {_explain(_MAP)}. Write {{NAME: {_FORM}}}; plain text is refused.",
        "maxItems": 0,
        "maxProperties": _MAX_PARAMETERS,
        "additionalProperties": value,
    }


def _value_from() -> dict[str, Any]:
    schema = without_defaults(structural(ValueFrom.model_json_schema()))
    return _OBJECT_ONLY | {
        "description": "Where the value is. Set exactly one of secretKeyRef and configMapKeyRef.",
        "maxProperties": 2,
        "oneOf": _exactly_one(*_SOURCES),
        "properties": schema["properties"],
    }


def _exactly_one(*names: str) -> list[dict[str, list[str]]]:
    return [{"required": [name]} for name in names]


def _explain(name: str) -> str:
    users = [service for service in catalogue().services.values() if name in service.sensitive_names]
    text = users[0].service_settings[name].description
    few = 4
    return f"{text} ({', '.join(service.name for service in users)})" if len(users) <= few else text
