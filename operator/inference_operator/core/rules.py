"""What objects of every kind do alike, as small rules: each says what comes next, or that it has nothing to say.

A kind lists its own rules and these in the order in which they are asked; the first verdict wins (`decide`). Each rule looks at
what *is*, so that a process that dies between any two steps leaves nothing that the next run does not understand. Pure, total.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from inference_operator.api.policies import AdoptionPolicy, DriftPolicy
from inference_operator.core import words
from inference_operator.core.advance import already_exists
from inference_operator.core.disposition import Disposition, Mood, disposition
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Situation
from inference_operator.core.values import Absent, Observed
from inference_operator.core.verdict import (
    Blocked,
    Claim,
    Create,
    Delete,
    DryRun,
    Held,
    Look,
    Released,
    Resolve,
    SetFinalizer,
    Step,
    Suspended,
    Unclaim,
    Update,
    Verdict,
    Watching,
)

S = TypeVar("S", bound=Situation)


def decide(rules: Iterable[Callable[[S], Verdict | None]], s: S, otherwise: Verdict) -> Verdict:
    """What the first rule says that has something to say."""
    return next((verdict for rule in rules if (verdict := rule(s)) is not None), otherwise)


# ---------------------------------------------------------------- an object that lives


def finalizer_follows_the_policies(s: Situation) -> Verdict | None:
    """An object that only observes owns nothing, so it keeps no claim either: another may own the id by now."""
    if s.observes_only and (s.claimed_by_uid or s.has_finalizer):
        return Unclaim()
    if s.has_finalizer and not s.deletes:
        return SetFinalizer(present=False)
    if not s.has_finalizer and s.deletes and s.owned:
        return SetFinalizer(present=True)
    return None


def unusable_spec_is_held(s: Situation) -> Verdict | None:
    if s.problem is None:
        return None
    return Held(Disposition(Mood.STALL, s.problem.reason, s.problem.message))


def suspended_object_is_left_alone(s: Situation) -> Verdict | None:
    return Suspended() if s.spec.suspend else None


def failed_gathering_is_held(s: Situation) -> Verdict | None:
    return Held(failure_of(s)) if s.failure is not None and s.done.tried is None else None


def foreign_id_is_held(s: Situation) -> Verdict | None:
    if s.rival is None or s.observes_only:
        return None
    return Held(Disposition(Mood.STALL, Reason.ID_CONFLICT, words.id_conflict(s)))


def claim_names_the_cluster(s: Situation) -> Verdict | None:
    """A claim from when the UUID could not be read holds for whatever answers at the address; now it can be said better."""
    return Claim() if s.claim_is_vague and not s.observes_only else None


def faster_stranger_keeps_the_id(s: Situation) -> Verdict | None:
    """The id was seen absent, then claimed in this very pass, and still it is taken: somebody else created it meanwhile."""
    if not isinstance(s.done.tried, Create) or not s.done.claimed or s.failure is None:
        return None
    if already_exists(s.failure):
        return Unclaim()
    # What is refused as invalid was not stored, so what is there was made by somebody else.
    refused = isinstance(s.failure, HttpFailure) and s.failure.status == HTTPStatus.BAD_REQUEST
    return Unclaim() if refused and isinstance(s.observed, Observed) and not s.fails_after_storing else None


def failed_create_is_looked_at(s: Situation) -> Verdict | None:
    """Elasticsearch stores an endpoint before it starts it, and answers get lost: only a look tells what a failure left."""
    if not isinstance(s.done.tried, Create):
        return None
    if not s.done.looked_again:
        return Look()
    if not isinstance(s.observed, Absent):
        return None
    cause = failure_of(s)
    if s.is_being_replaced:
        cause = replace(cause, reason=Reason.REPLACING, message=words.replacing(s, cause.message), blind=False)
    return Held(cause)


def failed_step_is_held(s: Situation) -> Verdict | None:
    if s.done.tried is None or s.failure is None or isinstance(s.done.tried, Create):
        return None
    return Held(failure_of(s))


def unknown_is_looked_at(s: Situation) -> Verdict | None:
    return Look() if s.observed is None else None


def nothing_to_observe_is_waited_for(s: Situation) -> Verdict | None:
    if not s.observes_only or not isinstance(s.observed, Absent):
        return None
    nothing = Disposition(Mood.WAIT, Reason.WAITING_FOR_REFERENCE, words.nothing_to_observe(s))
    return Held(nothing) if s.fresh else Look()


def observed_is_only_read(s: Situation) -> Verdict | None:
    return Watching() if s.observes_only else None


def absent_is_created(s: Situation) -> Verdict | None:
    if not isinstance(s.observed, Absent):
        return None
    if not s.fresh:
        return Look()
    if s.spec.drift_policy is DriftPolicy.DETECT and s.owned and s.spec_was_applied and not _is_our_own_doing(s):
        return Held(Disposition(Mood.STALL, Reason.DRIFTED, words.deleted_by_others(s)))
    if s.desired is not None and not s.desired.is_read:
        return Resolve()
    return Create() if s.owned else Claim()


def _is_our_own_doing(s: Situation) -> bool:
    return s.done.written or s.is_being_replaced


def stranger_is_left_alone(s: Situation) -> Verdict | None:
    if s.owned or not isinstance(s.observed, Observed):
        return None
    if not s.fresh:
        return Look()
    if s.needs_values:
        return Resolve()
    never = s.spec.adoption_policy is AdoptionPolicy.NEVER
    unlike = s.spec.adoption_policy is AdoptionPolicy.IF_IDENTICAL and s.differences
    if never or unlike:
        return Held(Disposition(Mood.STALL, Reason.ALREADY_EXISTS, words.already_exists(s)))
    return None


def stranger_is_adopted(s: Situation) -> Verdict | None:
    return None if s.owned else Claim()


def difference_is_detected(s: Situation) -> Verdict | None:
    """Under `Detect` only edits of the spec and rotations are written."""
    if not only_detects(s) or not s.differences or s.secrets_to_send:
        return None
    return Held(Disposition(Mood.STALL, Reason.DRIFTED, words.drifted(s))) if s.fresh else Look()


def values_are_read_when_needed(s: Situation) -> Verdict | None:
    return Resolve() if s.needs_values else None


def difference_is_confirmed(s: Situation) -> Verdict | None:
    """A bulk read may be older than our own write: it proves equality, never a difference."""
    return Look() if not s.fresh and (s.differences or s.secrets_to_send) else None


def only_detects(s: Situation) -> bool:
    """True when a difference is somebody else's doing and is to stay."""
    return s.spec.drift_policy is DriftPolicy.DETECT and s.spec_was_applied


def in_place(s: Situation, *, without: Iterable[tuple[str, ...]] = ()) -> Step | None:
    """Send what can be changed in place: settings, and values of Secrets. None when there is nothing to send."""
    mendable = () if only_detects(s) else s.mendable
    paths = (frozenset(d.path for d in mendable) | s.secrets_to_send).difference(without)
    if not paths:
        return None
    return Update(paths) if s.desired is not None and s.desired.is_read else Resolve()


# ---------------------------------------------------------------- an object that goes


def free_object_goes(s: Situation) -> Verdict | None:
    return None if s.has_finalizer else Released()


def kept_is_let_go(s: Situation) -> Verdict | None:
    return None if s.deletes else SetFinalizer(present=False)


def unclaimed_is_not_touched(s: Situation) -> Verdict | None:
    if s.claimed_by_uid and (s.owned or s.server is None):
        return None
    return SetFinalizer(present=False)


def cut_off_object_is_let_go(s: Situation) -> Verdict | None:
    return SetFinalizer(present=False) if s.abandoned else None


def failed_going_is_held(s: Situation) -> Verdict | None:
    if s.failure is None:
        return None
    cause = failure_of(s)
    return Held(replace(cause, message=words.deletion_held_up(s, cause.message)))


def inherited_is_handed_over(s: Situation) -> Verdict | None:
    """Another object wants just what is there: it finds something without a claim, and adopts it."""
    return SetFinalizer(present=False) if s.heir is not None else None


def absent_frees_the_object(s: Situation) -> Verdict | None:
    return SetFinalizer(present=False) if isinstance(s.observed, Absent) and s.fresh else None


def refused_deletion_blocks(s: Situation) -> Verdict | None:
    """Elasticsearch refuses some deletions although they are forced, and says because of whom."""
    return Blocked(s.usage) if s.done.refused and s.usage is not None else None


def used_blocks(s: Situation) -> Verdict | None:
    """A forced deletion goes on whatever is found, so nobody is asked: it must not depend on a search that may fail."""
    if s.spec.force_delete:
        return None
    if s.usage is None:
        return DryRun()
    return Blocked(s.usage) if s.usage.total else None


def it_is_deleted(s: Situation) -> Verdict | None:
    return Delete(force=s.spec.force_delete)


GOING: tuple[Callable[[Situation], Verdict | None], ...] = (
    free_object_goes,
    kept_is_let_go,
    unclaimed_is_not_touched,
    cut_off_object_is_let_go,
    failed_going_is_held,
    inherited_is_handed_over,
    absent_frees_the_object,
    refused_deletion_blocks,
    used_blocks,
    it_is_deleted,
)
"""The end is the same for every kind."""


def failure_of(s: Situation) -> Disposition:
    """What the failure at hand means, with the object's own secrets cut out of every text."""
    assert s.failure is not None
    return disposition(s.failure, s.secrets)
