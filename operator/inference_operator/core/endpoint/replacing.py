"""When a change can't be made in place: refuse it, or replace the endpoint, and never lose the one that serves. Pure."""

from __future__ import annotations

from dataclasses import replace

from inference_operator.api.policies import ReplacePolicy
from inference_operator.core import rules
from inference_operator.core.difference import Mutability
from inference_operator.core.disposition import Disposition, Mood, disposition
from inference_operator.core.endpoint import words
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.values import Path
from inference_operator.core.verdict import Delete, DryRun, Held, Resolve, Update, Validate, Verdict


def failed_replacement_keeps_the_old(s: EndpointSituation) -> Verdict | None:
    """The old endpoint serves on, so it gets a rotated key all the same, unless that may be what the provider refused."""
    if s.done.not_replaced is None:
        return None
    cause = disposition(s.done.not_replaced, s.secrets)
    is_good = cause.reason is not Reason.PROVIDER_REFUSED
    if is_good and s.secrets_to_send and isinstance(s.done.tried, Validate):
        return Update(s.secrets_to_send)
    return Held(replace(cause, message=words.replacement_refused(cause.message)))


def refused_change_needs_a_replacement(s: EndpointSituation) -> Verdict | None:
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


def difference_is_mended(s: EndpointSituation) -> Verdict | None:
    if s.stuck and s.spec.replace_policy is not ReplacePolicy.NEVER and not rules.only_detects(s):
        return None  # the replacement brings everything, so no update before it
    return rules.in_place(s)


def stuck_difference_needs_a_replacement(s: EndpointSituation) -> Verdict | None:
    return _replace_or_refuse(s, [d.path for d in s.stuck]) if s.stuck else None


def _says_unknown(failure: HttpFailure) -> bool:
    return "unknown to the [" in failure.reason or "unknown field [" in failure.reason


def _replace_or_refuse(s: EndpointSituation, paths: list[Path]) -> Verdict:
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
        return rules.in_place(s, without=paths) or Held(blocked)  # a rotated key must not wait for the last user to go
    return Delete(force=s.usage.needs_force, replacing=True)
