"""From pydantic's JSON schema to the structural schema that the API server takes.

Decides how each construct of one is said in the other, and refuses what can't be said: the result has no `$ref`, no
`anyOf`, no `title`, no `const`, and no keyword that the API server would reject or drop. Applying it to its own result
changes nothing. Pure; imports nothing of this package.
"""

from collections.abc import Mapping
from typing import Any

_KEPT = frozenset(
    {
        "default",
        "description",
        "enum",
        "format",
        "maxItems",
        "maxLength",
        "maxProperties",
        "maximum",
        "minItems",
        "minLength",
        "minProperties",
        "minimum",
        "pattern",
        "required",
        "type",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    }
)
_JUNCTORS = ("not", "oneOf")
_NESTED = ("properties", "items", "additionalProperties")
_ORDER = ("description", "type", "format", "default", "enum")


class NotStructural(TypeError):  # noqa: N818 - it is what the schema is
    """A model uses something that a structural schema can't say. The message names the keyword."""


def structural(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the structural form of a JSON schema that pydantic made, references resolved by its own `$defs`.

    Raises:
        NotStructural: The schema has a union of several types, or a keyword that structural schemas don't have.
    """
    return _convert(schema, schema.get("$defs", {}))


def without_defaults(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a structural schema without any default, for parts that the API server must leave as they were sent."""
    result = {key: value for key, value in schema.items() if key != "default"}
    for key in ("items", "additionalProperties"):
        if key in result:
            result[key] = without_defaults(result[key])
    if "properties" in result:
        result["properties"] = {name: without_defaults(value) for name, value in result["properties"].items()}
    return result


def _convert(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    flat = _flatten(schema, definitions)
    result: dict[str, Any] = {}
    for key, value in flat.items():
        nested = key in _NESTED and isinstance(value, Mapping)
        result.update(_nested(key, value, definitions) if nested else _plain(key, value))
    if result.get("type") == "integer":
        result.setdefault("format", "int64")
    return {key: result[key] for key in (*_ORDER, *sorted(result.keys() - set(_ORDER))) if key in result}


def _flatten(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Merge in what a schema refers to. What stands beside a reference wins: it is about this field."""
    own = {key: value for key, value in schema.items() if key not in ("$ref", "$defs", "allOf", "anyOf", "title")}
    if "$ref" in schema:
        target = definitions[schema["$ref"].removeprefix("#/$defs/")]
        return _flatten(target, definitions) | own
    options = [*schema.get("allOf", ()), *(item for item in schema.get("anyOf", ()) if item != {"type": "null"})]
    if len(options) > 1:
        raise NotStructural("anyOf: a field has one type in a structural schema")
    return _flatten(options[0], definitions) | own if options else own


def _nested(key: str, value: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    if key == "properties":
        return {key: {name: _convert(item, definitions) for name, item in value.items()}}
    return {key: _convert(value, definitions)}


def _plain(key: str, value: Any) -> dict[str, Any]:
    """Return what one keyword becomes; nothing, when it goes without saying."""
    match key:
        case "default":
            # The API server need not store what every reader assumes anyway.
            return {} if value in (None, [], {}) else {key: value}
        case "description":
            return {key: " ".join(value.split())}
        case "additionalProperties" if value is False:
            return {}  # what is unknown is pruned anyway
        case "const":
            return {"enum": [value]}
        case "additionalProperties" if value is True:
            return {"x-kubernetes-preserve-unknown-fields": True}
        case _ if key in _KEPT or (key in _JUNCTORS and _only_validates(value)):
            return {key: value}
        case _:
            raise NotStructural(f"{key}: not a keyword of structural schemas")


def _only_validates(junction: Any) -> bool:
    # Inside of `oneOf` and `not` a structural schema may restrict values, but not describe them.
    branches = junction if isinstance(junction, list) else [junction]
    return all(branch.keys() <= {"required", "maxProperties"} for branch in branches)
