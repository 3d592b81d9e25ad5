"""Holds the audit log of a world to its page, and to the writes that reached the stand-in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.machine.things import KEY, OTHER_KEY
from tests.machine.world import CANARY, World
from tests.standin.request_log import Entry

SECRETS = (KEY, OTHER_KEY, CANARY, "a stranger's", "rotated-")
Record = Mapping[str, Any]
PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
_ROW = re.compile(r"^\| `([\w.\[\]]+)` \| (both|outcome) \| ([\w ]+) \|", re.MULTILINE)
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "string or null": (str, type(None)),
    "number or null": (int, type(None)),
    "list of strings": (str,),
}


class Reached:
    """The operator's writes that got as far as the stand-in, as `METHOD /path`."""

    def __init__(self, world: World) -> None:
        self.writes: list[str] = []
        outer = world.intercept
        world.intercept = lambda transport: outer(_Tap(transport, self.writes))


class _Tap(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, writes: list[str]) -> None:
        self._inner = inner
        self._writes = writes

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        if Entry(request.method, request.url.path, dict(request.url.params)).is_write:
            self._writes.append(f"{request.method} {path}")
        return await self._inner.handle_async_request(request)


def schema() -> dict[str, tuple[str, str]]:
    """Of each field that the page has: the lines that it is in, and its type."""
    return {field: (where, kind) for field, where, kind in _ROW.findall(PAGE.read_text())}


def assert_as_documented(record: Record) -> None:
    """It has every field of the page for its phase, of its type, and no other."""
    told = _fields(record)
    fields = {name: kind for name, (where, kind) in schema().items() if where in ("both", record["phase"])}
    lists = {name for name, kind in fields.items() if kind.startswith("list") or "[]" in name}
    assert told.keys() | lists == fields.keys(), record
    for name, values in told.items():
        assert all(isinstance(value, _TYPES[fields[name]]) for value in values), (name, values)


def _fields(value: Any, name: str = "") -> dict[str, list[Any]]:
    if isinstance(value, Mapping):
        found: dict[str, list[Any]] = {}
        for key, inner in value.items():
            found |= _fields(inner, f"{name}.{key}" if name else key)
        return found
    if isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        found = {}
        for item in value:
            for key, inner in item.items():
                found.setdefault(f"{name}[].{key}", []).append(inner)
        return found
    if isinstance(value, list) and not value and name == "changes":
        return {}
    return {name: list(value) if isinstance(value, list) else [value]}


def assert_no_secret(records: list[dict[str, Any]]) -> None:
    """None of the secrets that the scenarios use stands anywhere in the records."""
    told = json.dumps(records)
    assert [secret for secret in SECRETS if secret in told] == []


def pairs(records: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The records of each write, in their order."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(record["write"], []).append(record)
    return found


def assert_on_record(world: World, reached: Reached, *, unheard: int = 0, unsent: int = 0) -> None:
    """Each write has one intent and one outcome, and the other way round.

    `unheard`: so many intents at most may lack their outcome; `unsent`: so many may never have reached the stand-in.
    """
    for record in world.audit:
        assert_as_documented(record)
    writes = pairs(world.audit)
    phases = Counter(tuple(record["phase"] for record in each) for each in writes.values())
    assert phases[("intent",)] <= unheard
    assert phases.keys() <= {("intent", "outcome"), ("intent",)}
    for intent, *outcomes in writes.values():
        for outcome in outcomes:
            assert {**outcome, "timestamp": "", "phase": ""}.items() >= {**intent, "timestamp": "", "phase": ""}.items()
    intended = Counter(each[0]["request"] for each in writes.values())
    actual = Counter(reached.writes)
    assert not actual - intended, "written without a record"
    assert (intended - actual).total() <= unsent, "on record, and never written"
