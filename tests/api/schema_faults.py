"""Where a value departs from a structural schema, as the API server would say, without CEL.

Only the keywords that our CRDs use; an unknown one is an error, so that nothing passes because it was not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
}
# What each keyword asks of values of its own type; it says nothing about others.
_CHECKS: Mapping[str, tuple[type, Callable[[Any, Any], bool]]] = {
    "enum": (object, lambda value, bound: value in bound),
    "minLength": (str, lambda value, bound: len(value) >= bound),
    "maxLength": (str, lambda value, bound: len(value) <= bound),
    "pattern": (str, lambda value, bound: re.search(bound, value) is not None),
    "minimum": (int, lambda value, bound: value >= bound),
    "maximum": (int, lambda value, bound: value <= bound),
    "minItems": (list, lambda value, bound: len(value) >= bound),
    "maxItems": (list, lambda value, bound: len(value) <= bound),
    "minProperties": (dict, lambda value, bound: len(value) >= bound),
    "maxProperties": (dict, lambda value, bound: len(value) <= bound),
    "required": (dict, lambda value, bound: value.keys() >= set(bound)),
}
_UNCHECKED = {
    "default",
    "description",
    "format",
    "type",
    "items",
    "properties",
    "additionalProperties",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
}


def faults(schema: Mapping[str, Any], value: object, path: str = "") -> Iterator[str]:
    """Yield `path: keyword` for each keyword of the schema that the value, or a part of it, does not meet."""
    if "type" in schema and not _has_type(value, schema["type"]):
        yield f"{path}: type"
        return
    yield from (f"{path}: {key}" for key, bound in schema.items() if not _meets(key, bound, value))
    if isinstance(value, dict):
        yield from _object_faults(schema, value, path)
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from faults(schema["items"], item, f"{path}[{index}]")


def _object_faults(schema: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[str]:
    properties, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, item in value.items():
        if name in properties:
            yield from faults(properties[name], item, f"{path}.{name}")
        elif others is not None:
            yield from faults(others, item, f"{path}.{name}")
        elif not schema.get("x-kubernetes-preserve-unknown-fields"):
            yield f"{path}.{name}: unknown"


def _has_type(value: object, name: str) -> bool:
    return isinstance(value, _TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


def _meets(key: str, bound: Any, value: object) -> bool:
    if key == "oneOf":
        return sum(_validates(branch, value) for branch in bound) == 1
    if key == "not":
        return not _validates(bound, value)
    if key in _CHECKS:
        kind, check = _CHECKS[key]
        return not isinstance(value, kind) or check(value, bound)
    if key not in _UNCHECKED:
        raise AssertionError(f"{key}: the checker does not know this keyword")
    return True


def _validates(branch: Mapping[str, Any], value: object) -> bool:
    """Whether a value meets a branch, which restricts values and leaves open what else they hold."""
    return all(_meets(key, bound, value) for key, bound in branch.items())
