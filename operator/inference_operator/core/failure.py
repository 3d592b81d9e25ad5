"""Failures are values.

An adapter turns everything that can go wrong into one of these; nobody raises them. What a failure *means* (go on
trying, wait for something, ask a person) is decided in one table, `core.disposition`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from typing import TypeAlias


class TransportKind(StrEnum):
    """How a request was lost."""

    CONNECT = "connect"  # refused, no route, name not found: the request was never sent
    TLS = "tls"  # the certificate is not trusted or the handshake failed: never sent
    TIMEOUT = "timeout"  # sent, no answer in time: it may have been done
    RESET = "reset"  # the connection broke: it may have been done
    GARBLED = "garbled"  # an answer came that is not Elasticsearch's: a proxy's page, half a body
    BREAKER = "breaker"  # not sent: the cluster is left alone for a moment, since requests failed or it asked for patience
    FENCED = "fenced"  # not sent: another replica of the operator may be at work by now


@dataclass(frozen=True, slots=True)
class TransportFailure:
    """No usable answer. `sent` is False where Elasticsearch can't have seen the request.

    `because`: what became of another request, for which this one was not sent, with BREAKER. The server's words are left out.
    """

    kind: TransportKind
    address: str
    detail: str
    retry_after: float | None = None
    because: TransportFailure | HttpFailure | None = None

    @property
    def sent(self) -> bool:
        return self.kind in (TransportKind.TIMEOUT, TransportKind.RESET, TransportKind.GARBLED)


@dataclass(frozen=True, slots=True)
class HttpFailure:
    """Elasticsearch answered with an error.

    `type` and `reason` are those of the body's `error`; `caused_by` the reasons of its chain of causes, outermost first, each
    `type: reason`. `retry_after` is in seconds. `licence_feature` is the field that tells a licence error from a
    missing privilege. All texts are as the server sent them: they may quote secrets, so they are scrubbed before they are shown.
    """

    status: int
    type: str = ""
    reason: str = field(default="", repr=False)
    caused_by: tuple[str, ...] = field(default=(), repr=False)
    retry_after: float | None = None
    licence_feature: str | None = None
    operation: str = ""


class ReferenceKind(StrEnum):
    """What is wrong with something that the spec names."""

    SECRET_NOT_FOUND = "SecretNotFound"  # noqa: S105 - a reason
    CONFIG_MAP_NOT_FOUND = "ConfigMapNotFound"
    KEY_MISSING = "SecretKeyMissing"
    NOT_CONVERTIBLE = "NotConvertible"
    CONNECTION_NOT_FOUND = "ConnectionNotFound"
    CONNECTION_INVALID = "ConnectionInvalid"
    CROSS_NAMESPACE_DENIED = "CrossNamespaceDenied"
    UNREADABLE = "Unreadable"


@dataclass(frozen=True, slots=True)
class ReferenceFailure:
    """Something that the spec names can't be used. `path` is the field, `message` a sentence without secret values."""

    kind: ReferenceKind
    path: str
    message: str


Failure: TypeAlias = TransportFailure | HttpFailure | ReferenceFailure


def may_be_done(failure: Failure) -> bool:
    """True where a write that failed this way may have been carried out all the same."""
    match failure:
        case TransportFailure():
            return failure.sent
        case HttpFailure():
            return failure.status >= HTTPStatus.INTERNAL_SERVER_ERROR
        case ReferenceFailure():
            return False
