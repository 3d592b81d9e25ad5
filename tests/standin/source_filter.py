"""Which part of a document is shown: `_source` as a parameter or in a body, and vectors that 9.2 keeps to itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import ElasticsearchError
from tests.standin.mappings import VECTORS, fields_of
from tests.standin.messages import Json, Request
from tests.standin.state import Index
from tests.standin.version import Version

PARAMS = frozenset({"_source", "_source_includes", "_source_excludes"})
VECTORS_PARAM = "_source_exclude_vectors"
_HIDDEN_SINCE = ("9.2",)


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a source is shown. `vectors`: True and False are wishes, None is the server's own way."""

    whole: bool = True
    includes: tuple[str, ...] = ()
    excludes: tuple[str, ...] = ()
    vectors: bool | None = None

    def of(self, source: Mapping[str, Any], index: Index | None, version: Version) -> Json:
        """The part of a source that is shown."""
        excludes = (*self.excludes, *self._hidden(index, version))
        return dict(_picked(source, "", self.includes, excludes))

    def _hidden(self, index: Index | None, version: Version) -> tuple[str, ...]:
        """Vector fields: from 9.2 on they are left out unless the index or the request wants them.

        Merged pull requests of the server say so: 128735 (`exclude_vectors`), 131907 (the default of new indices, listed among
        the breaking changes of 9.2), 135444 (what `includes` names is shown all the same).
        """
        kept = index is None or str(index.settings.get("index.mapping.exclude_source_vectors", "true")) == "false"
        hide = version.since(*_HIDDEN_SINCE) and not kept if self.vectors is None else not self.vectors
        if not hide or index is None:
            return ()
        vectors = (path for path, definition in fields_of(index.mappings) if definition.get("type") in VECTORS)
        return tuple(path for path in vectors if not _matches(path, self.includes))


def _picked(source: Mapping[str, Any], prefix: str, includes: tuple[str, ...], excludes: tuple[str, ...]) -> Json:
    found: Json = {}
    for name, value in source.items():
        path = f"{prefix}{name}"
        if _matches(path, excludes):
            continue
        if not includes or _matches(path, includes):
            found[name] = _inside(value, f"{path}.", (), excludes)
        elif any(pattern.startswith(f"{path}.") or "*" in pattern for pattern in includes):
            inner = _inside(value, f"{path}.", includes, excludes)
            if isinstance(value, Mapping | list) and inner not in ({}, []):
                found[name] = inner
    return found


def _inside(value: Any, prefix: str, includes: tuple[str, ...], excludes: tuple[str, ...]) -> Any:
    if isinstance(value, Mapping):
        return _picked(value, prefix, includes, excludes)
    if isinstance(value, list):
        return [_inside(item, prefix, includes, excludes) for item in value if isinstance(item, Mapping | list) or not includes]
    return value


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def from_params(request: Request) -> Shown:
    """What the query parameters of a read or a search want."""
    given = request.query.get("_source", "")
    if given in ("true", "false", ""):
        includes = _names(request.query.get("_source_includes", ""))
        hidden = request.query.get(VECTORS_PARAM)
        vectors = None if hidden is None else hidden == "false"
        return Shown(given != "false", includes, _names(request.query.get("_source_excludes", "")), vectors)
    return Shown(includes=_names(given))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def from_body(value: Any) -> Shown:
    """What `_source` in the body of a search wants. Raises 400 for what it can't be."""
    match value:
        case None | True:
            return Shown()
        case False:
            return Shown(whole=False)
        case str():
            return Shown(includes=(value,))
        case list():
            return Shown(includes=tuple(map(str, value)))
        case dict():
            return _from_object(value)
        case _:
            raise ElasticsearchError(400, "parsing_exception", "Expected one of [VALUE_BOOLEAN, START_OBJECT, START_ARRAY]")


def _from_object(value: Json) -> Shown:
    known = {"includes", "include", "excludes", "exclude", "exclude_vectors"}
    for name in value:
        if name not in known:
            raise ElasticsearchError(400, "parsing_exception", f"Unknown key for a VALUE_STRING in [{name}].")
    includes = value.get("includes", value.get("include", []))
    excludes = value.get("excludes", value.get("exclude", []))
    hidden = value.get("exclude_vectors")
    return Shown(True, _listed(includes), _listed(excludes), None if hidden is None else not hidden)


def _listed(value: Any) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
