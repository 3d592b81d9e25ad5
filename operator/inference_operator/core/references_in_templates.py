"""Which endpoints an index template or a component template uses: those that the fields of its mappings name.

Elasticsearch counts existing indices only, so it lets an endpoint go that the next index of a template needs. A field without
`inference_id` uses an endpoint of Elasticsearch's own, which nobody can delete for good. Pure, and total: a body of whatever
shape has references or has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_operator.core.values import Json

_NAMES = ("inference_id", "search_inference_id")


def endpoints_in_template(template: Json) -> frozenset[str]:
    """Every id that a field of the mappings names, for indexing or for searching."""
    found: set[str] = set()
    waiting: list[Json] = _roots(_at(_at(template, "template"), "mappings"))
    while waiting:
        field = waiting.pop()
        if isinstance(field, Mapping):
            found.update(name for key in _NAMES if isinstance(name := field.get(key), str) and name)
            waiting += _fields(field)
    return frozenset(found)


def _roots(mappings: Json) -> list[Json]:
    """Where fields begin: the mappings themselves, or below the type name that old clients still write."""
    holders = [mappings, _at(mappings, "_doc")]
    return [field for holder in holders if isinstance(holder, Mapping) for field in (*_fields(holder), *_dynamic(holder))]


def _fields(holder: Mapping[str, Any]) -> list[Json]:
    """The fields directly below a mapping or a field: those of an object, and other ways to index the same value."""
    groups = (holder.get("properties"), holder.get("fields"))
    return [field for group in groups if isinstance(group, Mapping) for field in group.values()]


def _dynamic(holder: Mapping[str, Any]) -> list[Json]:
    rules = holder.get("dynamic_templates")
    named = [rule for rule in rules if isinstance(rule, Mapping)] if isinstance(rules, list) else []
    return [_at(rule, "mapping") for each in named for rule in each.values()]


def _at(holder: Json, key: str) -> Json:
    return holder.get(key) if isinstance(holder, Mapping) else None
