"""What Argo CD does with a script for a kind of resource, on a real Lua 5.1.

Argo CD gives a script the object as the global `obj`, the base and table libraries and of `os` only the clock, and reads the
table that it returns (util/lua/lua.go there). Must not import the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lupa import lua51

_WITHHELD = ("string", "math", "io", "debug", "coroutine", "dofile", "loadfile", "package", "require")


def run(script: str, obj: Mapping[str, Any]) -> Any:
    """What the script returns for the object: dicts, lists, strings, numbers and booleans. Raises lupa's LuaError."""
    runtime: Any = lua51.LuaRuntime  # untyped
    lua = runtime(register_eval=False, register_builtins=False)
    names = lua.globals()
    for name in _WITHHELD:
        names[name] = None
    clock = names["os"]
    names["os"] = lua.table_from({"time": clock["time"], "date": clock["date"]})
    names["obj"] = lua.table_from(_without_null(obj), recursive=True)
    return _plain(lua.execute(script), obj)


def _without_null(value: Any) -> Any:
    """Lua has no null in tables."""
    if isinstance(value, Mapping):
        return {key: _without_null(each) for key, each in value.items() if each is not None}
    return [_without_null(each) for each in value if each is not None] if isinstance(value, list) else value


def _plain(value: Any, like: Any) -> Any:
    """A table as Python has it. Lua does not tell {} from []: an empty one is what it was in `like`, as Argo CD decides it."""
    if lua51.lua_type(value) != "table":
        return value
    entries = dict(value.items())
    if not entries:
        return type(like)() if isinstance(like, dict | list) else []
    if list(entries) == list(range(1, len(entries) + 1)):
        return [_plain(each, _at(like, place)) for place, each in enumerate(entries.values())]
    return {key: _plain(each, like.get(key) if isinstance(like, Mapping) else None) for key, each in entries.items()}


def _at(like: Any, place: int) -> Any:
    return like[place] if isinstance(like, list) and place < len(like) else None
