"""A document on its way through pipelines: its source and metadata, what `_ingest` holds, and the pipelines it is in.

The one mutable value of the ingest side; it lives for one run and never gets into the state.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.standin import ingest_paths as paths
from tests.standin.errors import illegal_argument
from tests.standin.java_text import java_class, java_equal
from tests.standin.messages import Json

METADATA = ("_index", "_id", "_version", "_routing", "_version_type", "_dynamic_templates")
_JAVA_TYPES: dict[type, str] = {str: "java.lang.String", list: "java.util.List", dict: "java.util.Map"}


def timestamp(now: float) -> str:
    """`_ingest.timestamp`: nanoseconds, as Java prints a moment."""
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


@dataclass(slots=True)
class IngestDocument:
    """`fields` are source and metadata side by side, as processors see them; `running` are the ids of open pipelines."""

    fields: Json
    ingest: Json = field(default_factory=dict)
    running: list[str] = field(default_factory=list)
    patterns: list[str] = field(default_factory=list)
    terminated: bool = False

    @classmethod
    def of(cls, source: Json, metadata: Json, now: float) -> IngestDocument:
        return cls({**copy.deepcopy(source), **metadata}, {"timestamp": timestamp(now)})

    @property
    def flexible(self) -> bool:
        return bool(self.patterns) and self.patterns[-1] == "flexible"

    @property
    def source(self) -> Json:
        return {name: value for name, value in self.fields.items() if name not in METADATA}

    @property
    def metadata(self) -> Json:
        return {name: self.fields[name] for name in METADATA if self.fields.get(name) is not None}

    def snapshot(self) -> IngestDocument:
        """A deep copy, for reports of what the document was like after a step."""
        return copy.deepcopy(self)

    def model(self) -> Json:
        """What templates see."""
        return {**self.fields, "_source": self.fields, "_ingest": self.ingest}

    def _root(self, path: str) -> Json:
        return self.ingest if path.startswith(paths.INGEST) else self.fields

    def get(self, path: str, kind: type | None = None, *, ignore_missing: bool = False) -> Any:
        """The value at a path. Raises 400 when it is missing (None with ignore_missing) or not of the wanted type."""
        if ignore_missing and path and not self.has(path):
            return None
        value = paths.get(self._root(path), path, flexible=self.flexible)
        if value is not None and kind is not None and not isinstance(value, kind):
            raise illegal_argument(f"field [{path}] of type [{java_class(value)}] cannot be cast to [{_JAVA_TYPES[kind]}]")
        return value

    def has(self, path: str, *, fail_out_of_range: bool = False) -> bool:
        return paths.has(self._root(path), path, flexible=self.flexible, fail_out_of_range=fail_out_of_range)

    def set(self, path: str, value: Any) -> None:
        paths.put(self._root(path), path, copy.deepcopy(value), flexible=self.flexible)

    def remove(self, path: str) -> None:
        paths.remove(self._root(path), path, flexible=self.flexible)

    def append(self, path: str, value: Any, *, allow_duplicates: bool = True) -> None:
        """Add to a list; a single value there becomes the first of one."""
        given = list(value) if isinstance(value, list) else [value]
        if not self.has(path):
            self.set(path, given)
            return
        present = self.get(path)
        items = list(present) if isinstance(present, list) else [present]
        added = given if allow_duplicates else _new(items, given)
        if added or allow_duplicates:
            self.set(path, items + added)


def _new(present: list[Any], given: list[Any]) -> list[Any]:
    added: list[Any] = []
    for value in given:
        if not any(java_equal(value, other) for other in (*present, *added)):
            added.append(value)
    return added
