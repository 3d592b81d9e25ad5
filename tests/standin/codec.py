"""Immutable values to JSON and back, by their type hints alone: what the stand-in keeps between two lives.

Knows dataclasses, mappings, lists, tuples, sets, optional values and plain JSON; no field of the state by name.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


class CodecError(ValueError):
    """JSON that is no value of the type; the message says where."""


def to_json(value: Any) -> Any:
    """What `json.dumps` can write. Sets are sorted, so that equal values read the same."""
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: to_json(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {key: to_json(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(map(to_json, value))
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: Any, data: Any, where: str) -> Any:
    """The value of the type. Raises CodecError for anything else; fields that are missing take their default."""
    if kind is Any:
        return data
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass(kind, data, where)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return _optional(inner, data, where)
    if origin is Literal:
        return _checked(data in inner, data, where, "one of " + ", ".join(map(str, inner)))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        _checked(isinstance(data, dict), data, where, "an object")
        return {key: from_json(inner[1], item, f"{where}.{key}") for key, item in data.items()}
    if origin in (tuple, frozenset, list):
        _checked(isinstance(data, list), data, where, "a list")
        return origin(from_json(inner[0], item, f"{where}[{index}]") for index, item in enumerate(data))
    return _plain(kind, data, where)


def _plain(kind: Any, data: Any, where: str) -> Any:
    if kind is float and isinstance(data, int) and not isinstance(data, bool):
        return float(data)
    right = isinstance(data, kind) and (kind is bool or not isinstance(data, bool))
    return _checked(right, data, where, kind.__name__)


def _optional(inner: tuple[Any, ...], data: Any, where: str) -> Any:
    """A value of the first member that fits."""
    if data is None:
        return _checked(types.NoneType in inner, data, where, "a value")
    members = [one for one in inner if one is not types.NoneType]
    for one in members[:-1]:
        try:
            return from_json(one, data, where)
        except CodecError:
            continue
    return from_json(members[-1], data, where)


def _dataclass(kind: type, data: Any, where: str) -> Any:
    _checked(isinstance(data, dict), data, where, f"an object ({kind.__name__})")
    hints = _hints(kind)
    unknown = sorted(set(data) - set(hints))
    if unknown:
        raise CodecError(f"{where} has the unknown field {unknown[0]}")
    values = {name: from_json(hints[name], item, f"{where}.{name}") for name, item in data.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise CodecError(f"{where} is incomplete: {error}") from None


@functools.cache
def _hints(kind: type) -> Mapping[str, Any]:
    found = get_type_hints(kind)
    return {one.name: found[one.name] for one in fields(kind)}


def _checked(right: bool, data: Any, where: str, expected: str) -> Any:
    """The data when it is right. The message names its type only: it may be a secret."""
    if not right:
        raise CodecError(f"{where} should be {expected}, but is of type {type(data).__name__}")
    return data
