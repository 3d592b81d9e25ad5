"""What to do next for an IngestPipeline, as a list of small rules: the first that has something to say decides.

Beside what every kind does, a pipeline waits for what it names, runs its tests before it is written, and carries a mark that
says whose it is. The end is the same for every kind. Pure and total.
"""

from __future__ import annotations

from collections.abc import Callable

from inference_operator.core import rules
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.pipeline import words
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.verdict import Held, Nothing, Rehearse, Released, Unusable, Verdict


def lost_pipeline_is_left_to_its_owner(s: PipelineSituation) -> Verdict | None:
    """Another operator's mark stops us whatever the policy: the way to take over is a claim that has not been used yet."""
    if not s.carries_foreign_mark or not s.is_foreign:
        return None
    return Held(Disposition(Mood.STALL, Reason.ID_CONFLICT, words.taken_over(s)))


def circle_is_told(s: PipelineSituation) -> Verdict | None:
    if s.circle is None:
        return None
    return Held(Disposition(Mood.STALL, Reason.REFERENCE_CYCLE, words.circle(s), Area.REFERENCES))


def missing_is_waited_for(s: PipelineSituation) -> Verdict | None:
    """A drift that is only listed waits for nothing."""
    return Held(_missing(s)) if s.unmet and s.must_be_written and not rules.only_detects(s) else None


def tests_come_first(s: PipelineSituation) -> Verdict | None:
    """They need what the pipeline names, and they are run only for a write that is known to be due.

    A stranger's pipeline is claimed after they passed: what was never written must not go with the object.
    """
    if not s.spec.tests or not s.must_be_written or not s.fresh or rules.only_detects(s):
        return None
    trials = s.latest_trials
    if trials is None:
        return Rehearse()
    if trials.outcome == "Passed":
        return None
    return Held(Disposition(Mood.STALL, Reason.TESTS_FAILED, words.tests_failed(s, trials)))


def outrun_write_is_compared_later(s: PipelineSituation) -> Verdict | None:
    """The look after a write shows something else: writing again at once would only be a race."""
    if not s.done.written or not s.must_be_written:
        return None
    return Held(Disposition(Mood.RETRY, Reason.UPDATING, words.outrun(s)))


def difference_is_mended(s: PipelineSituation) -> Verdict | None:
    return rules.in_place(s)


def what_it_needs_must_be_there(s: PipelineSituation) -> Verdict | None:
    return Unusable(_missing(s)) if s.unmet else None


LIVING: tuple[Callable[[PipelineSituation], Verdict | None], ...] = (
    rules.finalizer_follows_the_policies,
    rules.unusable_spec_is_held,
    rules.suspended_object_is_left_alone,
    rules.failed_gathering_is_held,
    rules.foreign_id_is_held,
    rules.claim_names_the_cluster,
    rules.failed_create_is_looked_at,
    rules.failed_step_is_held,
    rules.unknown_is_looked_at,
    rules.nothing_to_observe_is_waited_for,
    rules.observed_is_only_read,
    lost_pipeline_is_left_to_its_owner,
    circle_is_told,
    rules.stranger_is_left_alone,
    missing_is_waited_for,
    tests_come_first,
    outrun_write_is_compared_later,
    rules.absent_is_created,
    rules.stranger_is_adopted,
    rules.difference_is_detected,
    rules.difference_is_confirmed,
    difference_is_mended,
    what_it_needs_must_be_there,
)


def plan(s: PipelineSituation) -> Verdict:
    """The next step for this object, or the conclusion of the pass."""
    if s.deleting:
        return rules.decide(rules.GOING, s, Released())
    return rules.decide(LIVING, s, Nothing())


def _missing(s: PipelineSituation) -> Disposition:
    return Disposition(Mood.WAIT, Reason.WAITING_FOR_REFERENCE, words.unmet(s), Area.REFERENCES)
