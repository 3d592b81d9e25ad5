"""`filter_path`: which parts of an answer a client wants, as dotted paths with `*` and `**`; a leading `-` takes parts away.

Lists are looked through as if they were not there. Names with a dot in them can't be addressed (the server knows an escape).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

_DEEP = "**"
_NOTHING = object()
_Pattern = tuple[str, ...]


def filtered(body: Any, text: str) -> Any:
    """The body that is left. Nothing left of an object is an empty object."""
    patterns = [part.strip() for part in text.split(",") if part.strip()]
    wanted = [_split(one) for one in patterns if not one.startswith("-")]
    unwanted = [_split(one[1:]) for one in patterns if one.startswith("-")]
    kept = _keep(body, wanted) if wanted else body
    return {} if kept is _NOTHING else _drop(kept, unwanted)


def _split(pattern: str) -> _Pattern:
    return tuple(pattern.split("."))


def _descend(name: str, patterns: Iterable[_Pattern]) -> tuple[bool, list[_Pattern]]:
    """Whether a pattern ends at this field, and what is left of the others below it."""
    ends, below = False, []
    for pattern in patterns:
        head, rest = pattern[0], pattern[1:]
        if head == _DEEP:
            below.append(pattern)
            head, rest = (rest[0], rest[1:]) if rest else ("*", ())
        if fnmatchcase(name, head):
            ends = ends or not rest
            below += [rest] if rest else []
    return ends, below


def _keep(value: Any, patterns: list[_Pattern]) -> Any:
    if isinstance(value, (list, tuple)):
        items = [kept for item in value if (kept := _keep(item, patterns)) is not _NOTHING]
        return items or _NOTHING
    if not isinstance(value, Mapping):
        return _NOTHING
    found = {}
    for name, item in value.items():
        ends, below = _descend(name, patterns)
        kept = item if ends else _keep(item, below) if below else _NOTHING
        if kept is not _NOTHING:
            found[name] = kept
    return found or _NOTHING


def _drop(value: Any, patterns: list[_Pattern]) -> Any:
    if not patterns:
        return value
    if isinstance(value, (list, tuple)):
        return [_drop(item, patterns) for item in value]
    if not isinstance(value, Mapping):
        return value
    left = {}
    for name, item in value.items():
        ends, below = _descend(name, patterns)
        if not ends:
            left[name] = _drop(item, below)
    return left
