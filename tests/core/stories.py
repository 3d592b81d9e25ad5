"""Stories: the steps that `plan` takes one after another, the answer to each, and the conclusion that ends the pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from inference_operator.core.advance import advance
from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import next_status
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Answer, Patched
from inference_operator.core.verdict import Conclusion, Held, Step, Unusable
from tests.core.situations import CANARY, LATER, NOW
from tests.lawful import assert_lawful, assert_succession

MOST_STEPS = 16
"""What the shell allows a pass."""

Story: TypeAlias = Sequence[tuple[Step, Answer]]
End: TypeAlias = type[Conclusion] | Reason
"""A kind of conclusion, or the reason that a `Held` or `Unusable` gives."""

PATCHED = Patched()


def follow(s: EndpointSituation, story: Story) -> EndpointSituation:
    """Fold the answers in, after checking that each step is the one that was planned."""
    for number, (step, answer) in enumerate(story, 1):
        assert plan(s) == step, f"step {number}"
        s = advance(s, step, answer)
    return s


def ending(s: EndpointSituation, end: End) -> Conclusion:
    """The conclusion, after checking that it is the one expected, and that a lawful and steady status comes of it."""
    verdict = plan(s)
    assert not isinstance(verdict, Step), f"goes on with {verdict}"
    if isinstance(end, Reason):
        assert isinstance(verdict, Held | Unusable), verdict
        assert verdict.disposition.reason is end
    else:
        assert isinstance(verdict, end)
    if not s.deleting or isinstance(verdict, Held):
        assert_reported(s, verdict)
    return verdict


def assert_reported(s: EndpointSituation, verdict: Conclusion) -> None:
    """The status is lawful, tells no secret, and a second report of the same adds nothing."""
    status = next_status(s, verdict, now=NOW, handled=None)
    assert_lawful(status, s.generation)
    assert_succession(s.previous, status, NOW)
    assert CANARY not in str(status.body()), "a secret in the status"


def tell(s: EndpointSituation, story: Story, end: End) -> EndpointSituation:
    """Follow the story to its end."""
    s = follow(s, story)
    ending(s, end)
    return s


__all__ = ["LATER", "MOST_STEPS", "NOW", "PATCHED", "End", "Story", "assert_reported", "ending", "follow", "tell"]
