"""What a client tells about its requests, to whoever measures: a value for each, and who may listen.

Nothing here comes out of a body or a header, so that it may be shown to anybody. Knows no metrics library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from inference_operator.core.failure import HttpFailure, TransportFailure
from inference_operator.core.tracing import SILENT, Tracer

if TYPE_CHECKING:
    from inference_operator.core.failure import Failure
    from inference_operator.elasticsearch.answers import Response

CANCELLED = "cancelled"
"""Stands for the status of a request that nobody waited for to the end."""


class Unsent(StrEnum):
    """Why a request never left."""

    BREAKER = "breaker"  # the cluster is left alone for a moment
    BUDGET = "budget"  # too many requests in too short a time
    FENCED = "fenced"  # a write of a replica that does not lead any more


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was sent: `operation` as in `elasticsearch.requests`, `status` as of `status_of`, `seconds` on the way."""

    address: str
    operation: str
    status: str
    seconds: float


class Listener(Protocol):
    """Hears of every request. Must not raise, and not wait."""

    def exchanged(self, exchange: Exchange) -> None:
        """A request was sent, and answered or lost."""
        ...

    def unsent(self, address: str, cause: Unsent) -> None:
        """A request was held back."""
        ...


@dataclass(frozen=True, slots=True)
class Write:
    """One request that changes Elasticsearch: `operation` as in `elasticsearch.requests`, `path` percent-encoded, no query."""

    address: str
    operation: str
    method: str
    path: str


class Trail(Protocol):
    """Keeps a record of every write. Must not raise, and not wait for anything but a disk."""

    def intended(self, write: Write) -> str:
        """It is about to be sent. Returns what names it."""
        ...

    def ended(self, name: str, write: Write, result: Response | Failure | None, seconds: float) -> None:
        """It was answered or lost; None: nobody waited for the answer."""
        ...

    def fenced(self, write: Write) -> None:
        """It was not sent, since another replica may be at work."""
        ...


class Nobody:
    """Listens to nothing."""

    def exchanged(self, exchange: Exchange) -> None:
        """Do nothing."""

    def unsent(self, address: str, cause: Unsent) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Witnesses:
    """All who are told: `listener` of every request, `trail` of writes, `tracer` of what is sent."""

    listener: Listener = field(default_factory=Nobody)
    trail: Trail | None = None
    tracer: Tracer = SILENT


def status_of(result: Response | Failure | None) -> str:
    """`2xx` … `5xx`, or how the answer was lost: `connect`, `tls`, `timeout`, `reset`, `garbled`; `cancelled` without one."""
    match result:
        case None:
            return CANCELLED
        case TransportFailure(kind=kind):
            return kind.value
        case HttpFailure(status=status):
            return f"{status // 100}xx"
        case _:
            return "2xx"
