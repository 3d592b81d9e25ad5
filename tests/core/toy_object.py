"""An object and its operator as a toy: gather, plan, act and report without an event loop, with faults, and laws on each step.

What is the same for every kind; a kind adds what it gathers and what it must not do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, Protocol, TypeVar

from inference_operator.core.advance import advance
from inference_operator.core.failure import HttpFailure
from inference_operator.core.situation import Answer, ClaimMark, Situation
from inference_operator.core.values import Absent, Observed, Server
from inference_operator.core.verdict import (
    Claim,
    Conclusion,
    Create,
    Delete,
    Held,
    Nothing,
    Rehearse,
    Resolve,
    SetFinalizer,
    Step,
    Unclaim,
    Update,
    Validate,
)
from tests.core.situations import LOST
from tests.core.stories import MOST_STEPS, PATCHED, planned, reported
from tests.lawful import assert_lawful, assert_succession

S = TypeVar("S", bound=Situation)


class Fault(Enum):
    """What goes wrong with one request."""

    NONE = "none"
    BUSY = "busy"
    LOST_BEFORE = "lost before it was done"
    LOST_AFTER = "lost after it was done"
    OUTRUN = "a stranger gets in between"
    DELETED = "a stranger deletes what is there before it"
    KILLED_BEFORE = "the operator is killed before it"
    KILLED_AFTER = "the operator is killed after it"


class Killed(Exception):  # noqa: N818 - nothing went wrong with the toy
    """The operator is dead; whatever was done stays."""


BUSY = HttpFailure(503, "cluster_block_exception", "blocked")
DEEDS = (Create, Update, Delete, Validate, Rehearse, Claim, Unclaim, SetFinalizer)
"""What costs somebody something, so that nobody wants it for nothing."""


class AnyToyServer(Protocol):
    """Elasticsearch as a toy, with one id."""

    @property
    def server(self) -> Server: ...

    def there(self) -> Observed | Absent:
        """What stands under the id."""
        ...

    def answer(self, s: Any, step: Step) -> Answer:
        """Do it, and answer as Elasticsearch does."""
        ...

    def outrun(self) -> None:
        """A stranger gets in between."""
        ...

    def stranger_deletes(self) -> None: ...


@dataclass(slots=True)
class ToyObject(ABC, Generic[S]):
    """The object as the API server keeps it, and what the operator did about it."""

    server: Any
    spec: Any
    status: Any
    generation: int = 1
    deleting: bool = False
    gone: bool = False
    claim: ClaimMark | None = None
    has_finalizer: bool = False
    bulk: Any = None
    deeds: list[Step] = field(default_factory=list)
    passes: int = 0
    conclusion: Conclusion | None = None

    @abstractmethod
    def gather(self) -> S:
        """All that is known at the beginning of a pass."""

    @abstractmethod
    def resolve(self) -> Answer:
        """Read what was left unread."""

    @abstractmethod
    def assert_usable(self, s: S) -> None:
        """The object is about to be called Ready: Elasticsearch must hold what the spec says."""

    @abstractmethod
    def assert_kind_allows(self, s: S, step: Step) -> None:
        """The laws of the kind."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no status may tell."""
        return ()

    def reconcile(self, faults: Iterator[Fault]) -> Conclusion | None:
        """One pass; None where the operator was killed in it."""
        s = self.gather()
        self.deeds.clear()
        try:
            s, conclusion = self._converge(s, faults)
        except Killed:
            return None
        self._report(s, conclusion)
        self.conclusion = conclusion
        return conclusion

    def refresh(self) -> None:
        """The bulk read of a new round. Without it the next pass sees what was read, or written, before."""
        self.bulk = self.server.there()

    def _converge(self, s: S, faults: Iterator[Fault]) -> tuple[S, Conclusion]:
        for _ in range(MOST_STEPS):
            verdict = planned(s)
            if isinstance(verdict, Conclusion):
                return s, verdict
            self._assert_allowed(s, verdict)
            s = advance(s, verdict, self._act(s, verdict, next(faults, Fault.NONE)))
        raise AssertionError(f"a pass does not come to an end: {self.deeds}")

    def _act(self, s: S, step: Step, fault: Fault) -> Answer:
        if isinstance(step, DEEDS):
            self.deeds.append(step)
        if isinstance(step, Resolve):
            return self.resolve()
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        answer = self._patch(s, step) if isinstance(step, Claim | Unclaim | SetFinalizer) else self._ask(s, step, fault)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return answer

    def _ask(self, s: S, step: Step, fault: Fault) -> Answer:
        if fault in (Fault.BUSY, Fault.LOST_BEFORE):
            return BUSY if fault is Fault.BUSY else LOST
        if fault is Fault.OUTRUN:
            self.server.outrun()
        if fault is Fault.DELETED:
            self.server.stranger_deletes()
        answer: Answer = self.server.answer(s, step)
        self.refresh()
        return LOST if fault is Fault.LOST_AFTER else answer

    def _patch(self, s: S, step: Claim | Unclaim | SetFinalizer) -> Answer:
        match step:
            case Claim():
                self.claim, self.has_finalizer = s.new_claim, s.deletes
            case Unclaim():
                self.claim, self.has_finalizer = None, False
            case SetFinalizer(present=present):
                self.has_finalizer = present
        self.gone = self.deleting and not self.has_finalizer
        return PATCHED

    def _report(self, s: S, conclusion: Conclusion) -> None:
        self.passes += 1
        if self.deleting and not isinstance(conclusion, Held):
            self.gone = not self.has_finalizer
        if self.gone:
            return
        now = f"2026-01-01T{self.passes // 60 % 24:02}:{self.passes % 60:02}:00Z"
        status = reported(s, conclusion, now=now)
        assert_lawful(status, self.generation)
        assert_succession(self.status, status, now)
        assert not any(secret in repr(status) for secret in self.secrets), "a secret in the status"
        if isinstance(conclusion, Nothing):
            self.assert_usable(s)
        self.status = status

    def _assert_allowed(self, s: S, step: Step) -> None:
        """The laws: nothing is touched that is not ours, nothing is written that must not be."""
        if isinstance(step, Create | Update | Delete | Validate):
            assert s.owned, f"{step} of what is not ours"
            assert not s.observes_only, f"{step} while observing"
            assert s.deleting or not s.spec.suspend, f"{step} while suspended"
        if isinstance(step, Update | Validate) or (isinstance(step, Claim) and not s.owned):
            assert s.fresh, f"{step} after a bulk read, which may be old"
        if isinstance(step, Delete):
            assert not s.deleting or s.deletes, "a deletion of what is to stay"
            assert not s.deleting or s.spec.force_delete or not step.force, "a forced deletion that nobody asked for"
        self.assert_kind_allows(s, step)
