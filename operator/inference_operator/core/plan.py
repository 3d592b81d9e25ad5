"""What to do next, as a list of small rules: the first that has something to say decides.

`plan` is pure and total. It is asked again after every step with the answer folded in (`core.situation.advance`), so that a
process that dies between any two steps leaves nothing that the next run does not understand: each rule looks at what *is*.

    an object that lives                         an object that goes
    ────────────────────                         ───────────────────
    keep the finalizer as the policies say       nothing holds it?            Released
    the spec can't be used?            Held      policies keep the endpoint   drop the finalizer
    Elasticsearch can't be asked?      Held      never claimed                drop the finalizer
    somebody else owns the id?         Held      cut off for good             drop the finalizer
    absent       look, claim, create             gone already                 drop the finalizer
    not ours     adopt, or leave alone           used by somebody             Blocked, unless forced
    different    update, replace, or say why     delete
    in-cluster   is the model ready?
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from http import HTTPStatus

from inference_operator.api.policies import AdoptionPolicy, DriftPolicy, ReplacePolicy
from inference_operator.core import words
from inference_operator.core.compare import Mutability
from inference_operator.core.disposition import Area, Disposition, Mood, disposition
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.scrub import texts
from inference_operator.core.situation import Situation, already_exists
from inference_operator.core.values import Absent, Observed, Path, sealed
from inference_operator.core.verdict import (
    Blocked,
    Claim,
    Conclusion,
    Create,
    Delete,
    Deploying,
    DryRun,
    Held,
    Inspect,
    Look,
    Nothing,
    Released,
    Resolve,
    SetFinalizer,
    Step,
    Suspended,
    Unclaim,
    Update,
    Validate,
    Verdict,
    Watching,
)

Rule = Callable[[Situation], Verdict | None]


def plan(situation: Situation) -> Verdict:
    """The next step for this object, or the conclusion of the pass."""
    for rule in GOING if situation.deleting else LIVING:
        verdict = rule(situation)
        if verdict is not None:
            return verdict
    return Released() if situation.deleting else Nothing()


# ---------------------------------------------------------------- an object that lives


def finalizer_follows_the_policies(s: Situation) -> Verdict | None:
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
    if not s.spec.suspend:
        return None
    state = _inspected(s) if s.done.tried is None else None
    return state if isinstance(state, Inspect) else Suspended(state.disposition if isinstance(state, Deploying) else None)


def failed_gathering_is_held(s: Situation) -> Verdict | None:
    return Held(failure_of(s)) if s.failure is not None and s.done.tried is None else None


def foreign_id_is_held(s: Situation) -> Verdict | None:
    if s.rival is None or s.observes_only:
        return None
    return Held(Disposition(Mood.STALL, Reason.ID_CONFLICT, words.id_conflict(s)))


def faster_stranger_keeps_the_id(s: Situation) -> Verdict | None:
    """The id was seen absent, then claimed in this very pass, and still it is taken: somebody else created it meanwhile."""
    return Unclaim() if already_exists(s.failure) and isinstance(s.done.tried, Create) and s.done.claimed else None


def failed_create_is_looked_at(s: Situation) -> Verdict | None:
    """Elasticsearch stores an endpoint before it starts it, and answers get lost: only a look tells what a failure left."""
    if not isinstance(s.done.tried, Create):
        return None
    if not s.done.looked_again:
        return Look()
    return Held(failure_of(s)) if isinstance(s.observed, Absent) else None


def failed_replacement_keeps_the_old(s: Situation) -> Verdict | None:
    if not isinstance(s.done.tried, Validate):
        return None
    cause = failure_of(s)
    return Held(replace(cause, message=words.replacement_refused(cause.message)))


def refused_change_needs_a_replacement(s: Situation) -> Verdict | None:
    """From 9.5 on Elasticsearch says `unknown` of a setting that `_update` does not take; the others are sent without it."""
    tried = s.done.tried
    if not isinstance(tried, Update) or not isinstance(s.failure, HttpFailure) or not _says_unknown(s.failure):
        return None
    unsure = [d.path for d in s.mendable if d.path in tried.paths and d.mutability is not Mutability.MUTABLE]
    sure = tried.paths.difference(unsure)
    if not unsure:
        return None
    if sure and s.spec.replace_policy is ReplacePolicy.NEVER:
        return Update(sure)
    return _replace_or_refuse(s, unsure)


def failed_inspection_leaves_the_endpoint_in_sync(s: Situation) -> Verdict | None:
    if not isinstance(s.done.tried, Inspect):
        return None
    return Deploying(replace(failure_of(s), area=Area.MODEL))


def failed_step_is_held(s: Situation) -> Verdict | None:
    if s.done.tried is None or s.failure is None or isinstance(s.done.tried, Create):
        return None
    return Held(failure_of(s))


def unknown_endpoint_is_looked_at(s: Situation) -> Verdict | None:
    return Look() if s.observed is None else None


def observed_endpoint_is_only_read(s: Situation) -> Verdict | None:
    if not s.observes_only:
        return None
    if isinstance(s.observed, Absent):
        nothing = Disposition(Mood.WAIT, Reason.WAITING_FOR_REFERENCE, words.nothing_to_observe(s))
        return Held(nothing) if s.fresh else Look()
    return _inspected(s) or Watching()


def absent_endpoint_is_created(s: Situation) -> Verdict | None:
    if not isinstance(s.observed, Absent):
        return None
    if not s.fresh:
        return Look()
    if s.spec.drift_policy is DriftPolicy.DETECT and s.owned and s.spec_was_applied and not s.done.written:
        return Held(Disposition(Mood.STALL, Reason.DRIFTED, words.deleted_by_others(s)))
    if s.desired is not None and not s.desired.is_read:
        return Resolve()
    return Create() if s.owned else Claim()


def strange_endpoint_is_adopted_or_left(s: Situation) -> Verdict | None:
    if s.owned:
        return None
    if not s.fresh:
        return Look()
    if s.needs_values:
        return Resolve()
    never = s.spec.adoption_policy is AdoptionPolicy.NEVER
    unlike = s.spec.adoption_policy is AdoptionPolicy.IF_IDENTICAL and s.differences
    if never or unlike:
        return Held(Disposition(Mood.STALL, Reason.ALREADY_EXISTS, words.already_exists(s)))
    return Claim()


def difference_is_detected(s: Situation) -> Verdict | None:
    """Under `Detect` only edits of the spec and rotations are written."""
    if not _only_detects(s) or not s.differences or s.secrets_to_send:
        return None
    return Held(Disposition(Mood.STALL, Reason.DRIFTED, words.drifted(s))) if s.fresh else Look()


def values_are_read_when_needed(s: Situation) -> Verdict | None:
    return Resolve() if s.needs_values else None


def difference_is_confirmed(s: Situation) -> Verdict | None:
    """A bulk read may be older than our own write: it proves equality, never a difference."""
    return Look() if not s.fresh and (s.differences or s.secrets_to_send) else None


def difference_is_mended(s: Situation) -> Verdict | None:
    if s.stuck and s.spec.replace_policy is not ReplacePolicy.NEVER and not _only_detects(s):
        return None  # the replacement brings everything, so no update before it
    return _in_place(s)


def stuck_difference_needs_a_replacement(s: Situation) -> Verdict | None:
    return _replace_or_refuse(s, [d.path for d in s.stuck]) if s.stuck else None


def model_must_serve(s: Situation) -> Verdict | None:
    return _inspected(s)


LIVING: tuple[Rule, ...] = (
    finalizer_follows_the_policies,
    unusable_spec_is_held,
    suspended_object_is_left_alone,
    failed_gathering_is_held,
    foreign_id_is_held,
    faster_stranger_keeps_the_id,
    failed_create_is_looked_at,
    failed_replacement_keeps_the_old,
    refused_change_needs_a_replacement,
    failed_inspection_leaves_the_endpoint_in_sync,
    failed_step_is_held,
    unknown_endpoint_is_looked_at,
    observed_endpoint_is_only_read,
    absent_endpoint_is_created,
    strange_endpoint_is_adopted_or_left,
    difference_is_detected,
    values_are_read_when_needed,
    difference_is_confirmed,
    difference_is_mended,
    stuck_difference_needs_a_replacement,
    model_must_serve,
)


def _only_detects(s: Situation) -> bool:
    """True when a difference is somebody else's doing and is to stay."""
    return s.spec.drift_policy is DriftPolicy.DETECT and s.spec_was_applied


def _says_unknown(failure: HttpFailure) -> bool:
    return "unknown to the [" in failure.reason or "unknown field [" in failure.reason


def _in_place(s: Situation, *, without: Collection[Path] = ()) -> Step | None:
    """Send what `_update` can change: settings, and values of Secrets. None when there is nothing to send."""
    mendable = () if _only_detects(s) else s.mendable
    paths = (frozenset(d.path for d in mendable) | s.secrets_to_send).difference(without)
    if not paths:
        return None
    return Update(paths) if s.desired is not None and s.desired.is_read else Resolve()


def _replace_or_refuse(s: Situation, paths: list[Path]) -> Verdict:
    policy = s.spec.replace_policy
    if policy is ReplacePolicy.NEVER:
        ignored = all(map(s.was_accepted, paths))
        reason = Reason.UPDATE_IGNORED if ignored else Reason.REPLACE_REQUIRED
        return Held(Disposition(Mood.STALL, reason, words.replace_required(s, paths, ignored=ignored)))
    if s.desired is not None and not s.desired.is_read:
        return Resolve()
    # What is known to be in use is not checked with the provider over and over: first ask whether it still is.
    asks_first = s.told_before is Reason.REPLACE_BLOCKED and (s.usage is None or s.usage.total)
    if not s.done.validated and not s.runs_in_cluster and not asks_first:
        # The deployment of an in-cluster model has the endpoint's own id, so a PUT is refused before it checks anything.
        return Validate()
    if s.usage is None:
        return DryRun()
    if s.usage.total and policy is ReplacePolicy.WHEN_UNUSED:
        blocked = Disposition(Mood.WAIT, Reason.REPLACE_BLOCKED, words.replace_blocked(s, paths))
        return _in_place(s, without=paths) or Held(blocked)  # a rotated key must not wait for the last user to go
    return Delete(force=s.usage.needs_force, replacing=True)


def _inspected(s: Situation) -> Verdict | None:
    """What stands between an in-cluster model and its use; None when it serves, or is none."""
    if not s.runs_in_cluster or not isinstance(s.observed, Observed):
        return None
    if not s.done.inspected:
        return Inspect()
    return _deploying(s)


def _deploying(s: Situation) -> Conclusion | None:
    deployment = s.deployment
    if deployment is None:
        return None if s.starts_on_demand else Deploying(_missing_deployment(s))
    if deployment.state == "failed":
        return Deploying(Disposition(Mood.STALL, Reason.MODEL_FAILED, words.deployment_failed(deployment), Area.MODEL))
    # Serverless hides state and allocations: what is not said is not held against the model.
    serves = deployment.state in (None, "started") and (
        deployment.allocation_state in (None, "fully_allocated") or deployment.target_allocation_count == 0
    )
    if serves:
        return None
    return Deploying(Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, words.deploying(deployment), Area.MODEL))


def _missing_deployment(s: Situation) -> Disposition:
    """Elasticsearch stores an endpoint, then downloads its model, then starts it: in between there is no deployment."""
    before = next((c for c in s.previous.conditions if c.type == "Ready"), None)
    if isinstance(s.failure, HttpFailure) and not _is_slow(s.failure):
        return Disposition(Mood.STALL, Reason.MODEL_FAILED, words.start_failed(s, failure_of(s).message), Area.MODEL)
    if before is not None and before.reason == Reason.MODEL_FAILED and before.observed_generation == s.generation:
        return Disposition(Mood.STALL, Reason.MODEL_FAILED, before.message, Area.MODEL)
    if s.previous.applied is None or (before is not None and before.reason == Reason.MODEL_DEPLOYING):
        return Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, words.not_yet_deployed(s), Area.MODEL)
    return Disposition(Mood.STALL, Reason.MODEL_FAILED, words.no_deployment(s), Area.MODEL)


def _is_slow(failure: HttpFailure) -> bool:
    """True when Elasticsearch only gave up waiting for the start, which goes on."""
    return failure.status == HTTPStatus.REQUEST_TIMEOUT or failure.type == "timeout_exception"


# ---------------------------------------------------------------- an object that goes


def free_object_goes(s: Situation) -> Verdict | None:
    return None if s.has_finalizer else Released()


def kept_endpoint_is_let_go(s: Situation) -> Verdict | None:
    return None if s.deletes else SetFinalizer(present=False)


def unclaimed_endpoint_is_not_touched(s: Situation) -> Verdict | None:
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


def inherited_endpoint_is_handed_over(s: Situation) -> Verdict | None:
    """Another object wants just what is there: it finds an endpoint without a claim, and adopts it."""
    return SetFinalizer(present=False) if s.heir is not None else None


def gone_endpoint_frees_the_object(s: Situation) -> Verdict | None:
    return SetFinalizer(present=False) if isinstance(s.observed, Absent) and s.fresh else None


def used_endpoint_blocks(s: Situation) -> Verdict | None:
    if s.usage is None:
        return DryRun()
    return Blocked(s.usage) if s.usage.total and not s.spec.force_delete else None


def endpoint_is_deleted(s: Situation) -> Step:
    return Delete(force=s.spec.force_delete)


GOING: tuple[Rule, ...] = (
    free_object_goes,
    kept_endpoint_is_let_go,
    unclaimed_endpoint_is_not_touched,
    cut_off_object_is_let_go,
    failed_going_is_held,
    inherited_endpoint_is_handed_over,
    gone_endpoint_frees_the_object,
    used_endpoint_blocks,
    endpoint_is_deleted,
)


def failure_of(s: Situation) -> Disposition:
    """What the failure at hand means, with the object's own secrets cut out of every text."""
    assert s.failure is not None
    return disposition(s.failure, secrets_of(s))


def secrets_of(s: Situation) -> frozenset[str]:
    """The secret values that this pass has read, for cutting them out of texts."""
    if s.desired is None:
        return frozenset()
    return frozenset(text for leaf in sealed(s.desired.tree) for text in texts(leaf.value))
