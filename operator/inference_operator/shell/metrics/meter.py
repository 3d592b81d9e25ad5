"""What the shell tells to whoever measures: a call for each event that can't be read off a state later.

Decides how the end of a pass is named. Knows no metrics library; without one, `SILENT` listens.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import ObjectMeta
from inference_operator.core.reasons import Reason
from inference_operator.core.verdict import Blocked, Conclusion, Held, Nothing, Released, Suspended, Unusable, Watching
from inference_operator.elasticsearch.traffic import Exchange, Unsent


class Result(StrEnum):
    """How a pass over one object ended."""

    DONE = "done"  # nothing is left to do
    RELEASED = "released"  # being deleted, and nothing holds it any more
    BLOCKED = "blocked"  # being deleted, and what it stands for is in use
    RETRY = "retry"  # tried again with backoff
    WAIT = "wait"  # for something that will be heard of
    STALL = "stall"  # until a person acts
    INTERRUPTED = "interrupted"  # the object changed or went meanwhile, or Kubernetes refused a write
    FAULT = "fault"  # an error of the operator itself


class Interruption(StrEnum):
    """Why a pass was interrupted, in place of a reason."""

    CONFLICT = "Conflict"
    GONE = "Gone"
    KUBERNETES = "KubernetesFailure"
    REPLACED = "ClusterReplaced"


FAULT = "Fault"
"""The reason of a pass that ended by an error of the operator itself."""


@dataclass(frozen=True, slots=True)
class PassEnd:
    """The end of a pass. `reason` is one of `Reason`, of `Interruption`, or `FAULT`: a closed list."""

    result: Result
    reason: str


def end_of(conclusion: Conclusion) -> PassEnd:
    """The name of a conclusion."""
    match conclusion:
        case Nothing():
            return PassEnd(Result.DONE, Reason.AVAILABLE)
        case Watching():
            return PassEnd(Result.DONE, Reason.OBSERVED)
        case Suspended():
            return PassEnd(Result.DONE, Reason.SUSPENDED)
        case Released():
            return PassEnd(Result.RELEASED, Reason.DELETING)
        case Blocked():
            return PassEnd(Result.BLOCKED, Reason.IN_USE)
        case Held(disposition=cause) | Unusable(disposition=cause):
            return PassEnd(Result(cause.mood.value), cause.reason)


class Meter(Protocol):
    """Hears of events. `kind` is as in `kind:`. Must not raise, and not wait. Durations are seconds."""

    def reconciled(self, kind: str, end: PassEnd, seconds: float) -> None:
        """A pass over one object ended. `seconds` hold the wait for another object with the same id."""
        ...

    def reported(self, kind: str, meta: ObjectMeta, before: ManagedStatus, after: ManagedStatus) -> None:
        """A status that is news was written."""
        ...

    def repaired(self, kind: str) -> None:
        """Something that others had changed in Elasticsearch was put back."""
        ...

    def abandoned(self, kind: str) -> None:
        """An object was let go without deleting what it stood for, since no way to Elasticsearch was left."""
        ...

    def probed(self, outcome: Literal["Succeeded", "Failed"], seconds: float | None) -> None:
        """A probe ended. `seconds` only where an inference came back."""
        ...

    def exchanged(self, exchange: Exchange) -> None:
        """A request was sent to Elasticsearch, and answered or lost."""
        ...

    def unsent(self, address: str, cause: Unsent) -> None:
        """A request to Elasticsearch was held back."""
        ...


class _Silent:
    """Measures nothing."""

    def reconciled(self, kind: str, end: PassEnd, seconds: float) -> None: ...
    def reported(self, kind: str, meta: ObjectMeta, before: ManagedStatus, after: ManagedStatus) -> None: ...
    def repaired(self, kind: str) -> None: ...
    def abandoned(self, kind: str) -> None: ...
    def probed(self, outcome: Literal["Succeeded", "Failed"], seconds: float | None) -> None: ...
    def exchanged(self, exchange: Exchange) -> None: ...
    def unsent(self, address: str, cause: Unsent) -> None: ...


SILENT: Meter = _Silent()
