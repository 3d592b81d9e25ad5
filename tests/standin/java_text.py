"""How Java prints values, because the server quotes settings that way in its reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


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
            return "java.lang.Integer"
        case float():
            return "java.lang.Double"
        case list():
            return "java.util.ArrayList"
        case dict():
            return "java.util.HashMap"
        case _:
            return "java.lang.String"
