"""What to do next for an InferenceEndpoint, as a list of small rules: the first that has something to say decides.

`plan` is pure and total. It is asked again after every step with the answer folded in (`core.advance`).

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

from collections.abc import Callable

from inference_operator.core import rules
from inference_operator.core.endpoint import model, replacing
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.verdict import Nothing, Released, Verdict

LIVING: tuple[Callable[[EndpointSituation], Verdict | None], ...] = (
    rules.finalizer_follows_the_policies,
    rules.unusable_spec_is_held,
    model.suspended_endpoint_is_left_alone,
    rules.failed_gathering_is_held,
    rules.foreign_id_is_held,
    rules.claim_names_the_cluster,
    rules.faster_stranger_keeps_the_id,
    rules.failed_create_is_looked_at,
    replacing.failed_replacement_keeps_the_old,
    replacing.refused_change_needs_a_replacement,
    model.failed_inspection_leaves_the_endpoint_in_sync,
    rules.failed_step_is_held,
    rules.unknown_is_looked_at,
    rules.nothing_to_observe_is_waited_for,
    model.observed_endpoint_is_inspected,
    rules.observed_is_only_read,
    rules.absent_is_created,
    rules.stranger_is_left_alone,
    rules.stranger_is_adopted,
    rules.difference_is_detected,
    rules.values_are_read_when_needed,
    rules.difference_is_confirmed,
    replacing.difference_is_mended,
    replacing.stuck_difference_needs_a_replacement,
    model.inspected,
)


def plan(s: EndpointSituation) -> Verdict:
    """The next step for this object, or the conclusion of the pass."""
    if s.deleting:
        return rules.decide(rules.GOING, s, Released())
    return rules.decide(LIVING, s, Nothing())
