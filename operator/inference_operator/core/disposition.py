"""What a failure means: go on trying, wait for something, or ask a person. One table, no exceptions.

Retry and Wait go on by themselves (`Reconciling`), a Stall needs a person (`Stalled`); even so the object is looked at again
after `after` seconds, or at the next resync, because most causes can be cured outside Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import Enum
from http import HTTPStatus

from inference_operator.core.failure import (
    Failure,
    HttpFailure,
    ReferenceFailure,
    ReferenceKind,
    TransportFailure,
    TransportKind,
)
from inference_operator.core.reasons import Reason
from inference_operator.core.scrub import scrub


class Mood(Enum):
    """What happens next."""

    RETRY = "retry"  # soon again, with backoff
    WAIT = "wait"  # for something that will be heard of; looked at again with backoff
    STALL = "stall"  # until a person acts; looked at again slowly


class Area(Enum):
    """Which condition a failure belongs to."""

    REFERENCES = "ReferencesResolved"
    SYNC = "Synced"
    MODEL = "ModelReady"


@dataclass(frozen=True, slots=True)
class Disposition:
    """What to do about something that is not as it should be, and how to say it.

    `message` is a sentence for people. `after`: seconds that the server asked for. `blind`: the world could not be looked at,
    so nothing is known about the endpoint.
    """

    mood: Mood
    reason: Reason
    message: str
    area: Area = Area.SYNC
    after: float | None = None
    blind: bool = False


_REFERENCES: dict[ReferenceKind, tuple[Mood, Reason]] = {
    ReferenceKind.SECRET_NOT_FOUND: (Mood.WAIT, Reason.SECRET_NOT_FOUND),
    ReferenceKind.CONFIG_MAP_NOT_FOUND: (Mood.WAIT, Reason.WAITING_FOR_REFERENCE),
    ReferenceKind.KEY_MISSING: (Mood.WAIT, Reason.SECRET_KEY_MISSING),
    ReferenceKind.NOT_CONVERTIBLE: (Mood.STALL, Reason.VALIDATION_FAILED),
    ReferenceKind.CONNECTION_NOT_FOUND: (Mood.WAIT, Reason.CONNECTION_NOT_FOUND),
    ReferenceKind.CONNECTION_INVALID: (Mood.STALL, Reason.CONNECTION_NOT_FOUND),
    ReferenceKind.CROSS_NAMESPACE_DENIED: (Mood.STALL, Reason.CROSS_NAMESPACE_DENIED),
    ReferenceKind.UNREADABLE: (Mood.RETRY, Reason.WAITING_FOR_REFERENCE),
}

_TRANSPORT: dict[TransportKind, str] = {
    TransportKind.CONNECT: "can't be reached",
    TransportKind.TLS: "can't be trusted: the TLS handshake failed; check ca.crt and the host name of the connection",
    TransportKind.TIMEOUT: "did not answer in time",
    TransportKind.RESET: "closed the connection before it answered",
    TransportKind.GARBLED: "gave an answer that is not Elasticsearch's; is there a proxy in between?",
    TransportKind.BREAKER: "can't be reached; the last requests failed, so it is left alone for a moment",
    TransportKind.FENCED: "was not written to: this replica of the operator does not lead any more",
}


def disposition(failure: Failure, secrets: Iterable[str] = ()) -> Disposition:
    """The meaning of a failure. `secrets` are cut out of every text that the server wrote."""
    match failure:
        case ReferenceFailure():
            mood, reason = _REFERENCES[failure.kind]
            return Disposition(mood, reason, f"{failure.path}: {failure.message}", Area.REFERENCES)
        case TransportFailure():
            return _of_transport(failure, secrets)
        case HttpFailure():
            return _of_answer(failure, secrets)


def _of_transport(failure: TransportFailure, secrets: Iterable[str]) -> Disposition:
    # Whether the breaker is open or a request was lost is no news to a reader: one text for both, so that the statuses of
    # all objects are not rewritten each time the breaker opens and closes.
    if isinstance(failure.because, HttpFailure):
        return replace(_of_answer(failure.because, secrets), after=failure.retry_after, blind=True)
    met = failure.because or failure
    kind = TransportKind.CONNECT if met.kind is TransportKind.BREAKER else met.kind
    detail = "" if met.kind is TransportKind.BREAKER else scrub(met.detail, secrets)
    message = f"Elasticsearch at {failure.address} {_TRANSPORT[kind]}" + (f" ({detail})" if detail else "")
    return Disposition(Mood.RETRY, Reason.UNREACHABLE, message, after=failure.retry_after, blind=True)


_SERVICE_UNKNOWN = re.compile(r"Unknown service \[|not aware of the service \[")
_TASK_UNSUPPORTED = re.compile(r"does not support task type \[|Unknown task_type \[")
_PROVIDER = re.compile(r"validation call to service (threw|returned)|embeddings size \[")
_NOT_YET = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS}


def _of_answer(failure: HttpFailure, secrets: Iterable[str]) -> Disposition:
    said = told(failure, secrets)
    for applies, mood, reason, advice in _ANSWERS:
        if applies(failure):
            return Disposition(mood, reason, f"{advice}: {said}", after=failure.retry_after, blind=reason in _BLIND)
    return Disposition(Mood.STALL, Reason.VALIDATION_FAILED, f"Elasticsearch refused the settings: {said}")


_BLIND = {Reason.UNAUTHORIZED, Reason.SERVER_ERROR}

_Row = tuple[Callable[[HttpFailure], bool], Mood, Reason, str]
_ANSWERS: tuple[_Row, ...] = (
    (
        lambda f: "set as read-only by [file_settings]" in f.reason,
        Mood.STALL,
        Reason.MANAGED_ELSEWHERE,
        "File-based settings of Elasticsearch (in ECK: a StackConfigPolicy) own this id; change it there, or only Observe it",
    ),
    (
        lambda f: f.status == HTTPStatus.UNAUTHORIZED,
        Mood.STALL,
        Reason.UNAUTHORIZED,
        "Elasticsearch does not accept the credentials of the connection; correct its Secret",
    ),
    (
        lambda f: f.licence_feature is not None or "current license is non-compliant" in f.reason,
        Mood.STALL,
        Reason.LICENSE_NON_COMPLIANT,
        "The licence of the Elasticsearch cluster does not include inference",
    ),
    (
        lambda f: f.status == HTTPStatus.FORBIDDEN,
        Mood.STALL,
        Reason.FORBIDDEN,
        "The user of the connection lacks a privilege; grant it in Elasticsearch",
    ),
    (
        lambda f: (
            f.status == HTTPStatus.TOO_MANY_REQUESTS
            and f.type != "timeout_exception"
            and "nodes with sufficient capacity" not in f.reason
        ),
        Mood.RETRY,
        Reason.RATE_LIMITED,
        "Elasticsearch or the provider asks for fewer requests",
    ),
    (
        lambda f: f.status in _NOT_YET or f.type == "timeout_exception",
        Mood.RETRY,
        Reason.SERVER_ERROR,
        "Elasticsearch could not do it yet",
    ),
    (
        lambda f: f.status >= HTTPStatus.INTERNAL_SERVER_ERROR,
        Mood.RETRY,
        Reason.SERVER_ERROR,
        "Elasticsearch failed",
    ),
    (
        lambda f: bool(_SERVICE_UNKNOWN.search(f.reason)),
        Mood.STALL,
        Reason.UNKNOWN_SERVICE,
        "spec.service: this version of Elasticsearch does not know the service; correct it or upgrade",
    ),
    (
        lambda f: bool(_TASK_UNSUPPORTED.search(f.reason)),
        Mood.STALL,
        Reason.UNSUPPORTED_TASK_TYPE,
        "spec.taskType: the service does not offer this task; correct it",
    ),
    (
        lambda f: bool(_PROVIDER.search(f.reason)),
        Mood.STALL,
        Reason.PROVIDER_REFUSED,
        "The provider refused the test call with these settings; check key, model and address",
    ),
    (
        lambda f: "is a reserved inference" in f.reason,
        Mood.STALL,
        Reason.RESERVED_ID,
        "spec.inferenceId: the id belongs to Elasticsearch; choose another",
    ),
    (
        lambda f: f.type == "resource_already_exists_exception",
        Mood.STALL,
        Reason.ALREADY_EXISTS,
        "The endpoint exists already",
    ),
    (
        lambda f: f.status == HTTPStatus.NOT_FOUND,
        Mood.RETRY,
        Reason.SERVER_ERROR,
        "Elasticsearch does not find what the request names",
    ),
)


def told(failure: HttpFailure, secrets: Iterable[str] = ()) -> str:
    """What the server said, fit to be shown: causes included, secrets and printed settings cut out, bounded.

    For a missing privilege the action and the privileges that grant it come first.
    """
    parts = [part for part in (failure.reason, *failure.caused_by) if part]
    text = "; caused by ".join(parts) or f"{failure.type or 'no reason given'}"
    return scrub(f"HTTP {failure.status}: {text}", secrets)
