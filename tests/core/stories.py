"""Stories: the steps that `plan` takes one after another, the answer to each, and the conclusion that ends the pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from inference_operator.api.managed import ManagedStatus
from inference_operator.core.advance import advance
from inference_operator.core.endpoint import plan as endpoint_plan
from inference_operator.core.endpoint import status as endpoint_status
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.pipeline import plan as pipeline_plan
from inference_operator.core.pipeline import status as pipeline_status
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Answer, Patched, Situation
from inference_operator.core.verdict import Conclusion, Held, Step, Unusable, Verdict
from tests.core.situations import CANARY, NOW
from tests.lawful import assert_lawful, assert_succession

MOST_STEPS = 16
"""What the shell allows a pass."""

Story: TypeAlias = Sequence[tuple[Step, Answer]]
End: TypeAlias = type[Conclusion] | Reason
"""A kind of conclusion, or the reason that a `Held` or `Unusable` gives."""

PATCHED = Patched()

S = TypeVar("S", bound=Situation)


def planned(s: Situation) -> Verdict:
    """What the rules of its kind say."""
    match s:
        case EndpointSituation():
            return endpoint_plan.plan(s)
        case PipelineSituation():
            return pipeline_plan.plan(s)
        case _:
            raise AssertionError(s)


def reported(s: Situation, conclusion: Conclusion, *, now: str, handled: str | None = None) -> ManagedStatus:
    """The status that its kind reports."""
    match s:
        case EndpointSituation():
            return endpoint_status.next_status(s, conclusion, now=now, handled=handled)
        case PipelineSituation():
            return pipeline_status.next_status(s, conclusion, now=now, handled=handled)
        case _:
            raise AssertionError(s)


def follow(s: S, story: Story) -> S:
    """Fold the answers in, after checking that each step is the one that was planned."""
    for number, (step, answer) in enumerate(story, 1):
        assert planned(s) == step, f"step {number}"
        s = advance(s, step, answer)
    return s


def ending(s: Situation, end: End) -> Conclusion:
    """The conclusion, after checking that it is the one expected, and that a lawful and steady status comes of it."""
    verdict = planned(s)
    assert not isinstance(verdict, Step), f"goes on with {verdict}"
    if isinstance(end, Reason):
        assert isinstance(verdict, Held | Unusable), verdict
        assert verdict.disposition.reason is end
    else:
        assert isinstance(verdict, end)
    if not s.deleting or isinstance(verdict, Held):
        assert_reported(s, verdict)
    return verdict


def assert_reported(s: Situation, verdict: Conclusion) -> None:
    """The status is lawful, tells no secret, and a second report of the same adds nothing."""
    status = reported(s, verdict, now=NOW)
    assert_lawful(status, s.generation)
    assert_succession(s.previous, status, NOW)
    assert CANARY not in str(status.body()), "a secret in the status"


def tell(s: S, story: Story, end: End) -> S:
    """Follow the story to its end."""
    s = follow(s, story)
    ending(s, end)
    return s
