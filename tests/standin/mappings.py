"""The mappings of an index and documents: which field a path is, what a new field becomes, and what does not fit.

Pure functions on mappings as JSON; an own copy is returned, nothing is changed in place.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.messages import Json

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?")
_KEYWORD = {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}}
_LEAST_VECTOR, _MOST_VECTOR = 128, 4096
_NUMERIC = {"long": int, "integer": int, "short": int, "byte": int, "double": float, "float": float, "half_float": float}
VECTORS = frozenset({"dense_vector", "sparse_vector"})


def fields_of(mappings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Json]]:
    """Every field with its definition, by dotted path, multi-fields included."""
    for kind in ("properties", "fields"):
        for name, definition in (mappings.get(kind) or {}).items():
            yield f"{prefix}{name}", definition
            yield from fields_of(definition, f"{prefix}{name}.")


def field_type(mappings: Mapping[str, Any], path: str) -> str | None:
    """The type of a field, or None for one that is not mapped."""
    definition = dict(fields_of(mappings)).get(path)
    return None if definition is None else str(definition.get("type", "object"))


def values_at(source: Any, path: str) -> list[Any]:
    """All values at a dotted path, through lists of objects; a name with dots counts as well."""
    if isinstance(source, list):
        return [value for item in source for value in values_at(item, path)]
    if not isinstance(source, Mapping):
        return []
    if path in source:
        value = source[path]
        return list(value) if isinstance(value, list) else [] if value is None else [value]
    head, _, rest = path.partition(".")
    return values_at(source[head], rest) if rest and head in source else []


def grown(mappings: Mapping[str, Any], source: Json, doc_id: str) -> Json:
    """The mappings after a document: new fields are added as they are guessed. Raises 400 for values that don't fit."""
    changed = copy.deepcopy(dict(mappings))
    dynamic = str(changed.get("dynamic", "true")).lower()
    if source:
        _grow(changed, source, _Place(doc_id, dynamic, ""))
    return changed


class _Place:
    """Where in the document the walk is."""

    def __init__(self, doc_id: str, dynamic: str, path: str) -> None:
        self.doc_id, self.dynamic, self.path = doc_id, dynamic, path

    def inside(self, name: str, definition: Mapping[str, Any]) -> _Place:
        dynamic = str(definition.get("dynamic", self.dynamic)).lower()
        return _Place(self.doc_id, dynamic, f"{self.path}{name}.")


def _grow(node: Json, source: Json, place: _Place) -> None:
    properties = node.setdefault("properties", {}) if source else {}
    for name, value in source.items():
        head, _, rest = name.partition(".")
        if rest and name not in properties:
            _grow(node, {head: {rest: value}}, place)
        elif name in properties:
            _check(properties[name], name, value, place)
        else:
            _introduce(properties, name, value, place)
    if not properties:
        node.pop("properties", None)


def _introduce(properties: Json, name: str, value: Any, place: _Place) -> None:
    if value is None or value == []:
        return
    if place.dynamic == "strict":
        within = place.path.rstrip(".") or "_doc"
        reason = f"[1:1] mapping set to strict, dynamic introduction of [{name}] within [{within}] is not allowed"
        raise ElasticsearchError(400, "strict_dynamic_mapping_exception", reason)
    if place.dynamic != "true":
        return
    guessed = _guess(value)
    if guessed is None:
        return
    properties[name] = guessed
    if "type" not in guessed:
        _check(guessed, name, value, place)


def _guess(value: Any) -> Json | None:
    """The definition that dynamic mapping makes of a value."""
    match value:
        case bool():
            return {"type": "boolean"}
        case int():
            return {"type": "long"}
        case float():
            return {"type": "float"}
        case str():
            return {"type": "date"} if _DATE.fullmatch(value) else copy.deepcopy(_KEYWORD)
        case dict():
            return {"properties": {}}
        case list():
            return _guess_list(value)
        case _:
            return None


def _guess_list(value: list[Any]) -> Json | None:
    numbers = all(isinstance(item, float | int) and not isinstance(item, bool) for item in value)
    if numbers and _LEAST_VECTOR <= len(value) <= _MOST_VECTOR and any(isinstance(item, float) for item in value):
        return {"type": "dense_vector", "dims": len(value), "index": True, "similarity": "cosine"}
    return next((guessed for item in value if (guessed := _guess(item)) is not None), None)


def _check(definition: Json, name: str, value: Any, place: _Place) -> None:
    """Hold a value to its field; objects are walked into, and a vector field without a length learns it."""
    kind = str(definition.get("type", "object"))
    path = f"{place.path}{name}"
    items = value if isinstance(value, list) else [value]
    if kind == "dense_vector":
        _check_vector(definition, path, value, place)
    elif kind == "sparse_vector":
        _check_weights(path, value)
    elif kind in ("object", "nested"):
        for item in items:
            _check_object(definition, name, item, place)
    elif kind in _NUMERIC or kind == "boolean":
        for item in items:
            _check_plain(kind, path, item, place)


def _check_object(definition: Json, name: str, value: Any, place: _Place) -> None:
    if isinstance(value, dict):
        _grow(definition, value, place.inside(name, definition))
    elif value is not None:
        problem = f"object mapping for [{place.path}{name}] tried to parse field [{name}] as object, but found a concrete value"
        raise parsing_error(problem)


def _check_plain(kind: str, path: str, value: Any, place: _Place) -> None:
    try:
        if kind == "boolean":
            fits = value in (None, True, False, "true", "false", "")
        else:
            fits = value is None or (not isinstance(value, bool | dict | list) and float(value) == float(value))
    except (TypeError, ValueError):
        fits = False
    if not fits:
        shown = str(value)
        problem = f"failed to parse field [{path}] of type [{kind}] in document with id '{place.doc_id}'. "
        raise parsing_error(f"{problem}Preview of field's value: '{shown}'", illegal_argument(f'For input string: "{shown}"'))


def parsing_error(problem: str, cause: ElasticsearchError | None = None) -> ElasticsearchError:
    """A document that does not fit its index. The place in the text (`[1:1]`) is invented."""
    return ElasticsearchError(400, "document_parsing_exception", f"[1:1] {problem}", caused_by=cause)


def _check_vector(definition: Json, path: str, value: Any, place: _Place) -> None:
    if value is None:
        return
    numbers = isinstance(value, list) and all(isinstance(item, int | float) and not isinstance(item, bool) for item in value)
    if not numbers:
        # The server names the JSON token that it met: unverified, a document with a text there settles it.
        raise parsing_error(f"Failed to parse object: expecting array of numbers for [dense_vector] field [{path}]")
    length = len(value) * 8 if definition.get("element_type") == "bit" else len(value)
    if definition.setdefault("dims", length) != length:
        problem = (
            f"The [dense_vector] field [{path}] in doc [document with id '{place.doc_id}'] has a different number of dimensions"
        )
        problem = f"{problem} [{length}] than defined in the mapping [{definition['dims']}]"
        raise parsing_error(f"failed to parse: {problem}", illegal_argument(problem))


def _check_weights(path: str, value: Any) -> None:
    if value is None:
        return
    if not isinstance(value, dict) or not all(isinstance(item, int | float) and item > 0 for item in value.values()):
        problem = f"[sparse_vector] fields must be json objects of tokens with positive weights, in field [{path}]"
        raise parsing_error(f"failed to parse: {problem}", illegal_argument(problem))
