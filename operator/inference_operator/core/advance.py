"""How the answer of a step changes what is known. Pure, and the same for every kind."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from inference_operator.core.failure import Failure, HttpFailure, ReferenceFailure, TransportFailure
from inference_operator.core.situation import Answer, Pass, Refused, Situation
from inference_operator.core.values import Absent, Observed, Usage
from inference_operator.core.verdict import (
    Claim,
    Create,
    Delete,
    DryRun,
    Look,
    SetFinalizer,
    Step,
    Unclaim,
    Update,
    Validate,
)

S = TypeVar("S", bound=Situation)


def advance(s: S, step: Step, answer: Answer) -> S:
    """The situation after a step. A failed step is remembered in `done.tried`, so that `plan` can decide what it means."""
    if isinstance(answer, HttpFailure | TransportFailure | ReferenceFailure) and not _is_acceptance(step, answer):
        return _failed(s, step, answer)
    if isinstance(step, Claim | Unclaim | SetFinalizer):
        return _patched(s, step)
    if isinstance(answer, Refused):
        return replace(s, usage=answer.usage, done=replace(s.done, refused=True))
    if isinstance(step, Delete) or isinstance(answer, Absent):
        return _gone(s, step)
    return _answered(s, step, answer)


def _failed(s: S, step: Step, failure: Failure) -> S:
    if isinstance(s.done.tried, Create) and isinstance(step, Look) and not already_exists(s.failure):
        failure = s.failure or failure  # why the create failed says more than that the look failed, too
    # A look from before the create says nothing about what the create left.
    looked_again = s.done.looked_again and not isinstance(step, Create)
    not_replaced = failure if isinstance(step, Validate) else s.done.not_replaced
    done = replace(s.done, tried=step, looked_again=looked_again, not_replaced=not_replaced)
    return replace(s, failure=failure, done=done)


def _gone(s: S, step: Step) -> S:
    """Nothing is there. After a delete of our own everything that was known of it is history."""
    blank = s.without_trace()
    if isinstance(step, Delete):
        return replace(blank, failure=None, done=Pass(claimed=s.done.claimed, replaced=step.replacing))
    done = replace(
        s.done,
        looked_again=isinstance(step, Look),
        written=isinstance(step, Create | Update),  # acknowledged, and gone again before the look
        created=False,
        updated=frozenset(),
        inspected=False,
    )
    return replace(blank, done=done)


def _is_acceptance(step: Step, failure: Failure) -> bool:
    """A PUT to an id that is taken validates everything first: `already exists` then means that the settings are good."""
    return isinstance(step, Validate) and isinstance(failure, HttpFailure) and already_exists(failure)


def already_exists(failure: Failure | None) -> bool:
    """True for the answer of a PUT to an id that is taken."""
    return isinstance(failure, HttpFailure) and failure.type == "resource_already_exists_exception"


def _patched(s: S, step: Claim | Unclaim | SetFinalizer) -> S:
    if isinstance(step, SetFinalizer):
        return replace(s, has_finalizer=step.present)
    if isinstance(step, Unclaim):
        # What was known of the id is from before somebody else took it.
        return replace(s, observed=None, fresh=False, failure=None, done=Pass(), claim=None, has_finalizer=False)
    done = replace(s.done, claimed=s.done.claimed or not s.owned)
    return replace(s, claim=s.new_claim, has_finalizer=s.deletes, done=done)


def _answered(s: S, step: Step, answer: Answer) -> S:
    done = s.done
    match step:
        case Look():
            assert isinstance(answer, Observed)
            return replace(s, observed=answer, fresh=True, done=replace(done, looked_again=True))
        case Create() | Validate() if isinstance(answer, Observed):
            # A `Validate` that succeeds found the id free: it had gone meanwhile, and now it is made.
            repaired = frozenset({()}) if _is_repair(s) else done.repaired
            done = replace(done, written=True, created=True, looked_again=False, repaired=repaired)
            return replace(s, observed=answer, fresh=True, failure=None, done=done)
        case Update(paths=paths):
            assert isinstance(answer, Observed)
            mended = paths.intersection(d.path for d in s.differences) if _is_repair(s) else frozenset()
            done = replace(done, written=True, updated=done.updated | paths, repaired=done.repaired | mended)
            return replace(s, observed=answer, fresh=True, failure=None, done=done)
        case Validate():
            return replace(s, done=replace(done, validated=True))
        case DryRun():
            assert isinstance(answer, Usage)
            return replace(s, usage=answer)
        case _:
            return s.folded(step, answer)


def _is_repair(s: Situation) -> bool:
    """True when what is written was written before, so that somebody else undid it. A replacement undoes it itself."""
    return s.owned and s.spec_was_applied and not s.is_being_replaced
