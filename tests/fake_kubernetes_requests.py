"""What reached the Kubernetes in memory, so that tests can count it and strike at one of its requests."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from inference_operator.shell.ports import EventType, KubernetesFailure, ObjectKey


class Verb(StrEnum):
    """What a request does, as counted."""

    PATCH = "patch"
    APPLY = "apply"
    EVENT = "event"
    GET = "get"
    LIST = "list"


WRITES = frozenset({Verb.PATCH, Verb.APPLY, Verb.EVENT})


@dataclass(frozen=True, slots=True)
class Request:
    """One request that reached the API server. `target` reads like `secrets/search/openai`."""

    verb: Verb
    target: str


class Moment(StrEnum):
    """Before the effect of a request (it was never sent), or after it (its answer was lost)."""

    BEFORE = "before"
    AFTER = "after"


class Killed(BaseException):
    """The operator was killed at this request. Not an `Exception`, so that nothing in the operator can outlive it."""


@dataclass(frozen=True, slots=True)
class RecordedEvent:
    """One call of `emit_event` that the API server took."""

    key: ObjectKey
    uid: str
    type: EventType
    reason: str
    action: str
    note: str


Interceptor: TypeAlias = Callable[[Request, Moment], KubernetesFailure | None]
"""Asked twice per request. May return a failure, which is then the answer, or raise `Killed`."""
