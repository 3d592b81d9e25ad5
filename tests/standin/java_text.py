"""How Java prints and compares values and names their classes, because the server quotes and relies on all of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_INT = 2**31
_LONG = 2**63


def java_text(value: Any) -> str:
    """Print a JSON value like `Map.toString()`: `{a=1, b=[x, y]}`."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case Mapping():
            return "{" + ", ".join(f"{key}={java_text(item)}" for key, item in value.items()) + "}"
        case list() | tuple():
            return "[" + ", ".join(java_text(item) for item in value) + "]"
        case _:
            return str(value)


def java_class(value: Any) -> str:
    """The Java class that the JSON parser makes of a value."""
    match value:
        case bool():
            return "java.lang.Boolean"
        case int():
            return _whole(value)
        case float():
            return "java.lang.Double"
        case list():
            return "java.util.ArrayList"
        case dict():
            return "java.util.HashMap"
        case _:
            return "java.lang.String"


def java_equal(one: Any, other: Any) -> bool:
    """Equality of two JSON values as Java objects: key order does not matter, but 1, 1.0 and true are three things."""
    return json.dumps(one, sort_keys=True, default=dict) == json.dumps(other, sort_keys=True, default=dict)


def _whole(value: int) -> str:
    if -_INT <= value < _INT:
        return "java.lang.Integer"
    return "java.lang.Long" if -_LONG <= value < _LONG else "java.math.BigInteger"
