"""The lines of a metadata watch, as values.

Decides what one line means. A line holds metadata of a Secret, and its annotations may repeat the data (kubectl keeps
the last applied object there): nothing but names and versions leaves this module, and no line is ever quoted.
"""

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, TypeAlias

from inference_operator.core.values import ObjectVersion

_LONGEST = 1024
_CODES = range(1000)
_INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass(frozen=True, slots=True)
class Changed:
    """An object is there, in that version. The namespace of what has none is empty."""

    namespace: str
    name: str
    version: ObjectVersion


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object is no longer there. The version is that of the deletion."""

    namespace: str
    name: str
    version: ObjectVersion


@dataclass(frozen=True, slots=True)
class Bookmark:
    """All up to that resourceVersion was told. `complete` ends the objects that were there at the start."""

    resource_version: str
    complete: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """The history from which the watch should go on is gone (410): list anew."""


@dataclass(frozen=True, slots=True)
class Broken:
    """The stream can't be relied on: an error of the server, or something that is no event."""

    why: str


Event: TypeAlias = Changed | Deleted | Bookmark | Expired | Broken


def parse_event(line: bytes) -> Event:
    """What one line says. Total: garbage is `Broken`."""
    try:
        document = json.loads(line)
        return _event(document["type"], document["object"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Broken("a line of the watch is no event")


def _event(kind: str, body: dict[str, Any]) -> Event:
    match kind:
        case "ADDED" | "MODIFIED":
            return Changed(*_identity(body["metadata"]))
        case "DELETED":
            return Deleted(*_identity(body["metadata"]))
        case "BOOKMARK":
            annotations = body["metadata"].get("annotations") or {}
            return Bookmark(_text(body["metadata"]["resourceVersion"]), annotations.get(_INITIAL_EVENTS_END) == "true")
        case "ERROR":
            code = body.get("code")
            expired = code == HTTPStatus.GONE or body.get("reason") in ("Expired", "Gone")
            told = code if isinstance(code, int) and code in _CODES else "an error"
            return Expired() if expired else Broken(f"the API server reported {told} in the watch")
        case _:
            return Broken("a line of the watch is of an unknown kind")


def _identity(metadata: dict[str, Any]) -> tuple[str, str, ObjectVersion]:
    return (
        _text(metadata.get("namespace", "")),
        _text(metadata["name"]),
        ObjectVersion(_text(metadata["uid"]), _text(metadata["resourceVersion"])),
    )


def _text(value: object) -> str:
    """The value, if it is a text of the length that names and versions have."""
    if isinstance(value, str) and len(value) <= _LONGEST:
        return value
    raise TypeError
