"""Values that pass between the wire and the pure core: requests, answers, and answers that need time or the outside.

No I/O here; the wire formats are the business of `app.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from tests.standin.state import State

JSON_TYPE = "application/json"
Json = dict[str, Any]
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, already decoded: header names in lower case, path segments without percent escapes.

    `origin` is the address of the client, empty where there is no socket.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)
    segments: tuple[str, ...] = ()
    uri: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer. `body` is a JSON value, or text sent as it stands when `content_type` names another format.

    `events` (server-sent events, each an event name and its data) replaces the body when it is not None.
    """

    status: int = 200
    body: Any = None
    headers: Headers = ()
    content_type: str = JSON_TYPE
    events: tuple[tuple[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """An answer that is not known yet: ask `resume` again at `until`, and when `watches` after every change of the state."""

    until: float
    resume: Callable[[State, float], Step]
    watches: bool = False


@dataclass(frozen=True, slots=True)
class ProviderCall:
    """A POST to a provider. URL, headers and body may hold secrets: nothing of them is shown."""

    url: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ProviderReply:
    """What a provider answered; `complete` is false when the connection ended before the body did."""

    status: int
    body: bytes = field(default=b"", repr=False)
    complete: bool = True


@dataclass(frozen=True, slots=True)
class NoReply:
    """The provider could not be reached, cut the connection before its answer, or took too long."""

    why: Literal["refused", "cut", "slow"]


@dataclass(frozen=True, slots=True)
class Asking:
    """An answer that a provider has to be asked for first: send `call`, wait until `deadline`, and tell `resume`."""

    call: ProviderCall
    deadline: float
    resume: Callable[[State, float, ProviderReply | NoReply], Step]


Outcome = Response | Waiting | Asking


@dataclass(frozen=True, slots=True)
class Step:
    """What a call did: the state after it, and its answer or what it waits for."""

    state: State
    outcome: Outcome


Action = Callable[["State", float], Step]


def encode(value: Any) -> bytes:
    """Render a JSON value as Elasticsearch does: compact, UTF-8. Read-only mappings are objects, too."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=dict).encode()
