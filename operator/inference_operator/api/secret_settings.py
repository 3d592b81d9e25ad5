"""The schema of an open settings block whose known secrets must be references.

A secret in plain text must be refused before it is stored, and no error may repeat it: GitOps tools pass errors on to
status, events and chat. So the schema of a secret says nothing that makes the API server quote it:

* no `type`, since server-side apply answers a wrong one with "expected map, got &{the value}"; what is no object is
  refused by `maxLength` (text) and by `not: {maxProperties: 0}` (only a non-empty object fails what is negated);
* no closed set of keys, since strict decoding answers an unknown one with the whole object; `maxProperties` refuses it,
  and `oneOf` names the sets of keys, since a server-side apply adds its keys to those that are there already;
* no CEL rule, since CEL can't look into values without a type.

Must not import the kinds.
"""

from collections.abc import Sequence
from typing import Any

from inference_operator.api.meta import ValueFrom
from inference_operator.api.services import catalogue
from inference_operator.api.structural import structural, without_defaults

# The one secret of the catalogue that is a map: every value of it is a secret by itself.
_MAP = "secret_parameters"
_MAX_PARAMETERS = 32
_FORM = "{valueFrom: {secretKeyRef: {name: SECRET, key: KEY}}}"
_SOURCES = (("secretKeyRef",), ("secretKeyRef", "as"), ("configMapKeyRef",), ("configMapKeyRef", "as"))

_UNTYPED = {"x-kubernetes-preserve-unknown-fields": True, "maxLength": 0}


def type_secrets(schema: dict[str, Any]) -> None:
    """Add the known secrets of all services to the schema of a settings block: a `json_schema_extra` of its field."""
    schema["properties"] = {
        name: _map_of_secrets() if name == _MAP else _secret(name) for name in sorted(catalogue().sensitive_names())
    }


def _secret(name: str) -> dict[str, Any]:
    description = f"Secret: {_explain(name)}. Write {_FORM}; plain text is refused."
    return _object(description, {"valueFrom": _value_from()}, [("valueFrom",)])


def _map_of_secrets() -> dict[str, Any]:
    # Under the key valueFrom stands the reference for the whole map; under any other, a value with a valueFrom of its own.
    whole = _value_from()
    value = _object(f"A secret: {_FORM}.", {"valueFrom": whole} | whole["properties"], [("valueFrom",), *_SOURCES])
    return _UNTYPED | {
        "description": f"Secrets: {_explain(_MAP)}. Write {{NAME: {_FORM}}}; plain text is refused.",
        "maxItems": 0,
        "maxProperties": _MAX_PARAMETERS,
        "additionalProperties": value,
    }


def _value_from() -> dict[str, Any]:
    properties = without_defaults(structural(ValueFrom.model_json_schema()))["properties"]
    for source in ("secretKeyRef", "configMapKeyRef"):
        selector = properties[source]
        keys = [("name", "key"), ("name", "key", "optional")]
        properties[source] = _object(selector["description"], selector["properties"], keys)
    description = "Where the value is. Set exactly one of secretKeyRef and configMapKeyRef."
    return _object(description, properties, _SOURCES)


def _object(description: str, properties: dict[str, Any], keys: Sequence[tuple[str, ...]]) -> dict[str, Any]:
    """Return the schema of an object that has exactly the keys of one of the given sets, and of nothing else."""
    required = [name for name in keys[0] if all(name in group for group in keys)]
    schema = _UNTYPED | {
        "description": description,
        "not": {"maxProperties": 0},
        "maxProperties": max(len(group) for group in keys),
        "properties": properties,
    }
    if required:
        schema["required"] = required
    if len(keys) > 1:
        schema["oneOf"] = [{"required": list(group), "maxProperties": len(group)} for group in keys]
    return schema


def _explain(name: str) -> str:
    users = [service for service in catalogue().services.values() if name in service.sensitive_names]
    text = users[0].service_settings[name].description
    few = 4
    return f"{text} ({', '.join(service.name for service in users)})" if len(users) <= few else text
