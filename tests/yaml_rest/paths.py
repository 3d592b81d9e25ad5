r"""Where a value lies in an answer: paths such as `docs.0.doc._source.a\.b`, and what a step stashed for later steps.

Pure; knows neither tests nor HTTP.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_WHOLE = re.compile(r"\$(?:\{([^}]+)\}|([A-Za-z_]\w*(?:\..+)?))\Z")
_EMBEDDED = re.compile(r"\$\{([^}]+)\}")
_ARBITRARY = "_arbitrary_key_"
_MISSING: Any = object()


class PathError(Exception):
    """A path, or the name of a stashed value, that leads nowhere by its form."""


def split(path: str) -> list[str]:
    r"""The keys of a path; `\.` is a dot inside a key, empty keys are dropped."""
    parts = re.split(r"(?<!\\)\.", path)
    return [part.replace("\\.", ".") for part in parts if part]


class Stash:
    """Values kept for later steps of one test. `body` is always the body of the last answer."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}

    def keep(self, name: str, value: Any) -> None:
        """Remember a value as `$name`."""
        self._values[name] = value

    def resolve(self, value: Any) -> Any:
        """`value` with every `$name` and `${name}` in it, in keys as well, replaced. Raises PathError for unknown names.

        A string that is one reference becomes the stashed value with its type; elsewhere in a string it becomes text.
        A dollar that no name follows (`$.data[*]`) stays as it is.
        """
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Mapping):
            return {str(self.resolve(key)): self.resolve(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.resolve(item) for item in value]
        return value

    def _text(self, value: str) -> Any:
        whole = _WHOLE.match(value)
        if whole:
            return self._value(whole[1] or whole[2])
        return _EMBEDDED.sub(lambda found: str(self._value(found[1])), value)

    def _value(self, name: str) -> Any:
        if name.startswith("body."):
            return self.find(self._values.get("body"), name.removeprefix("body."))
        if name not in self._values:
            raise PathError(f"nothing is stashed as [${name}]; stashed so far: {sorted(self._values)}")
        return self._values[name]

    def find(self, value: Any, path: str, *, missing: Any = None) -> Any:
        """What lies at `path` in `value`, or `missing`. Raises PathError where the path cannot fit the value."""
        for part in split(path):
            value = self._step(value, part, path)
            if value is _MISSING or value is None:
                return missing if value is _MISSING else None
        return value

    def _step(self, value: Any, part: str, path: str) -> Any:
        key = str(self.resolve(part))
        if isinstance(value, Mapping):
            return _any_key(value) if key == _ARBITRARY else value.get(key, _MISSING)
        if not isinstance(value, list):
            raise PathError(f"[{path}] asks for [{key}] in a {_kind(value)}")
        if not key.isdigit():
            raise PathError(f"[{path}] asks for [{key}] in a list, whose elements have numbers")
        if int(key) >= len(value):
            raise PathError(f"[{path}] asks for element {key} of a list of {len(value)}")
        return value[int(key)]


def _any_key(value: Mapping[str, Any]) -> Any:
    return next(iter(value), _MISSING)


def _kind(value: Any) -> str:
    names = {str: "string", bool: "boolean", int: "number", float: "number"}
    return names.get(type(value), type(value).__name__)
