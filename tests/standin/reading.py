"""Reading what a request carries: JSON bodies, time values, flags and task types, refused in the server's words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.standin.catalogue import TASK_TYPES
from tests.standin.errors import ElasticsearchError, bad_request, content_error, illegal_argument, parse_error
from tests.standin.messages import Json, Request
from tests.standin.version import Version

ANY_TASK = "any"
_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "micros": 1e-6, "nanos": 1e-9}
_TIME = re.compile(r"^(\d+)(d|h|m|s|ms|micros|nanos)$")


def json_body(request: Request) -> Json:
    """The body as an object. Raises 400 for a missing body, for text that is not JSON and for other values.

    The words of a JSON syntax error are those of the server's parser: unverified, and not worth settling.
    """
    if not request.body.strip():
        raise parse_error("request body is required")
    try:
        value = json.loads(request.body)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        reason = f"[{line}:{column}] Unexpected character or end of input"
        cause = ElasticsearchError(400, "json_parse_exception", "Unexpected character or end of input")
        raise content_error(reason, cause) from None
    if not isinstance(value, dict):
        raise parse_error("request body must be an object")
    return value


def key_location(text: str, name: str) -> str:
    """Where the top-level key stands in a JSON object, as `line:column`; `1:1` when it is not found."""
    decoder, at = json.JSONDecoder(), text.find("{") + 1
    while (start := _next(text, at)) < len(text) and text[start] == '"':
        key, end = decoder.raw_decode(text, start)
        if key == name:
            return f"{text.count(chr(10), 0, start) + 1}:{start - text.rfind(chr(10), 0, start)}"
        _, end = decoder.raw_decode(text, _next(text, _next(text, end) + 1))
        at = _next(text, end) + 1
    return "1:1"


def _next(text: str, at: int) -> int:
    """The place of the next character that is no white space."""
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def object_in(body: Mapping[str, Any], name: str) -> Json:
    """An object inside a body; absent and null are an empty one.

    The words for other values are unverified: a create with a number in place of an object settles them.
    """
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise parse_error(f"[{name}] must be an object")
    return value


def list_in(body: Mapping[str, Any], name: str) -> list[Any]:
    """A list inside a body; absent and null are an empty one.

    The words for other values are unverified: a pipeline whose `processors` is a number settles them.
    """
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise parse_error(f"[{name}] must be an array")
    return value


def time_value(text: str, name: str) -> float:
    """Seconds of a time value such as `30s`; `-1` and `0` need no unit."""
    if text in ("0", "-1"):
        return float(text)
    match = _TIME.match(text.strip().lower())
    if match is None:
        raise illegal_argument(
            f"failed to parse setting [{name}] with value [{text}] as a time value: unit is missing or unrecognized"
        )
    return int(match[1]) * _UNITS[match[2]]


def timeout(request: Request, default: float) -> float:
    """The query parameter `timeout` in seconds."""
    return time_value(request.query["timeout"], "timeout") if "timeout" in request.query else default


def whole_number(value: Any, name: str) -> int:
    """An integer of a query parameter or a body."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        return int(str(value))
    except ValueError:
        raise illegal_argument(f"Failed to parse int parameter [{name}] with value [{value}]") from None


def decimal_number(value: Any, name: str) -> float:
    """A number of a body. The words for other values are unverified: a search whose `min_score` is a list settles them."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise parse_error(f"[{name}] must be a number")


def flag(request: Request, name: str) -> bool:
    """A boolean query parameter: absent is false, present without a value is true."""
    text = request.query.get(name, "false")
    if text not in ("true", "false", ""):
        raise illegal_argument(f"Failed to parse value [{text}] as only [true] or [false] are allowed.")
    return text != "false"


def task_type(text: str, version: Version) -> str:
    """A task type from URL or body, normalised; `any` is accepted here."""
    name = text.strip().lower()
    if name != ANY_TASK and (name not in TASK_TYPES or not version.since(*TASK_TYPES[name])):
        raise bad_request(f"Unknown task_type [{text}]")
    return name


def resolve_task_type(in_url: str, in_body: Any, version: Version) -> str:
    """The task type of a create or update from its two places."""
    if in_body is None:
        if in_url == ANY_TASK:
            raise bad_request("model is missing required setting [task_type]")
        return in_url
    body = task_type(str(in_body), version)
    if body == ANY_TASK:
        raise bad_request("task_type [any] is not valid type for inference")
    if in_url not in (ANY_TASK, body):
        raise bad_request(
            f"Cannot resolve conflicting task_type parameter in the request URL [{in_url}] and the request body [{body}]"
        )
    return body


def shown_seconds(seconds: float) -> str:
    """A duration as the server prints it: `30s`, `1.5m` as `1.5m`, `500ms`."""
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{round(seconds / size, 1):g}{unit}"
    return "0s"
