"""What `plan` does about the tests that a pipeline carries: when they run, when not again, and what a failure holds up."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Rehearsed
from inference_operator.core.values import ABSENT, Path
from inference_operator.core.verdict import Claim, Create, Held, Look, Nothing, Rehearse, Suspended, Update, Watching
from tests.core.situations import DOWN, SERVER
from tests.core.stories import PATCHED, End, Story, planned, tell
from tests.core_pipeline.bodies import spec
from tests.core_pipeline.situations import BAD, GOOD, TESTS, UNMET, edited, new, ours, stranger, there, trials, written

SPEC = spec(description="one", tests=TESTS)
EDITED = spec(description="two", tests=TESTS)
OTHER_TESTS = spec(description="one", tests=[{**TESTS[0], "expect": [{"_source": {"text": "boot"}}]}])
SAME = there(SPEC)
TEXT = Update(frozenset({("description",)}))
MARKED: Path = ("meta", "inference-operator.io/owner")
DETECTS = spec(description="one", tests=TESTS, driftPolicy="Detect")
DRIFTED = there(SPEC, description="changed")
NO_RESULT = Rehearsed(())


def after(results: Rehearsed, **fields: Any) -> PipelineSituation:
    """Edited, and the edited one was tried in an earlier pass."""
    return replace(edited(SPEC, EDITED, previous=written(SPEC, tests=trials(EDITED, results))), **fields)


RUNS = (
    pytest.param(
        new(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Rehearse(), GOOD), (Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="new: tried before anything is claimed or written",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True), [(Rehearse(), BAD)], Reason.TESTS_FAILED, id="new and wrong: nothing is written"
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Rehearse(), NO_RESULT)],
        Reason.TESTS_FAILED,
        id="a document without a result fails",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Rehearse(), DOWN)],
        Reason.UNREACHABLE,
        id="the trial is not answered: nothing is written, tried again later",
    ),
    pytest.param(edited(SPEC, EDITED), [(Rehearse(), GOOD), (TEXT, there(EDITED))], Nothing, id="edited: tried, then written"),
    pytest.param(edited(SPEC, EDITED), [(Rehearse(), BAD)], Reason.TESTS_FAILED, id="edited and wrong: the old pipeline stays"),
    pytest.param(
        ours(SPEC, observed=DRIFTED),
        [(Look(), DRIFTED), (Rehearse(), GOOD), (TEXT, SAME)],
        Nothing,
        id="drifted: tried only once a look confirmed that a write is due",
    ),
    pytest.param(after(GOOD), [(TEXT, there(EDITED))], Nothing, id="passed before: not run again, written"),
    pytest.param(after(BAD), [], Reason.TESTS_FAILED, id="failed before: not run again, still held"),
    pytest.param(
        after(BAD, asked=True), [(Rehearse(), GOOD), (TEXT, there(EDITED))], Nothing, id="failed before, and somebody asks: run"
    ),
    pytest.param(
        after(GOOD, asked=True), [(Rehearse(), BAD)], Reason.TESTS_FAILED, id="passed before, and somebody asks: run again, too"
    ),
    pytest.param(
        after(GOOD, server=replace(SERVER, uuid="another"), observed=ABSENT),
        [(Rehearse(), GOOD), (Claim(), PATCHED), (Create(), there(EDITED))],
        Nothing,
        id="passed on another cluster: that says nothing of this one",
    ),
    pytest.param(
        after(GOOD, server=replace(SERVER, uuid=None)),
        [(TEXT, there(EDITED))],
        Nothing,
        id="a UUID that can't be read is not another cluster",
    ),
    pytest.param(
        edited(SPEC, EDITED, previous=written(SPEC, tests=trials(SPEC, GOOD))),
        [(Rehearse(), GOOD), (TEXT, there(EDITED))],
        Nothing,
        id="another body passed: this one runs",
    ),
    pytest.param(
        ours(SPEC, observed=DRIFTED, fresh=True, previous=written(SPEC, tests=trials(OTHER_TESTS, BAD))),
        [(Rehearse(), GOOD), (TEXT, SAME)],
        Nothing,
        id="other tests failed: these run",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), RUNS)
def test_trial(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


RESTS = (
    pytest.param(ours(SPEC), [], Nothing, id="nothing is to be written"),
    pytest.param(ours(OTHER_TESTS), [], Nothing, id="only the tests were edited: the pipeline is there already"),
    pytest.param(ours(SPEC, asked=True, fresh=True), [], Nothing, id="somebody asks, but nothing is to be written"),
    pytest.param(ours(DETECTS, observed=DRIFTED, fresh=True), [], Reason.DRIFTED, id="a drift that is only listed"),
    pytest.param(ours(DETECTS, observed=ABSENT, fresh=True), [], Reason.DRIFTED, id="a deletion that is only listed"),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True, unmet=UNMET),
        [],
        Reason.WAITING_FOR_REFERENCE,
        id="what the pipeline names is not there yet, so they would fail",
    ),
    pytest.param(
        new(SPEC, observed=stranger(EDITED), fresh=True),
        [],
        Reason.ALREADY_EXISTS,
        id="a stranger's pipeline is left alone: a trial may cost money and there is nothing to write",
    ),
    pytest.param(
        new(spec(description="one", tests=TESTS, adoptionPolicy="Never"), observed=stranger(SPEC), fresh=True),
        [],
        Reason.ALREADY_EXISTS,
        id="the same under Never",
    ),
    pytest.param(ours(spec(tests=TESTS, suspend=True), observed=DRIFTED, fresh=True), [], Suspended, id="suspended"),
    pytest.param(
        new(spec(tests=TESTS, managementPolicy="Observe"), observed=DRIFTED, fresh=True), [], Watching, id="only observed"
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), RESTS)
def test_no_trial(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


ADOPTS_BY_FORCE = spec(description="one", tests=TESTS, adoptionPolicy="Always")


def test_stranger_is_not_claimed_before_the_tests_passed() -> None:
    failed = tell(new(ADOPTS_BY_FORCE, observed=stranger(EDITED), fresh=True), [(Rehearse(), BAD)], Reason.TESTS_FAILED)
    assert failed.claim is None


def test_adopted_pipeline_is_tried_before_it_is_written() -> None:
    story: Story = [(Rehearse(), GOOD), (Claim(), PATCHED), (Update(frozenset({("description",), MARKED})), SAME)]
    tell(new(ADOPTS_BY_FORCE, observed=stranger(EDITED), fresh=True), story, Nothing)


@pytest.mark.parametrize(
    ("situation", "kept"),
    [
        pytest.param(edited(SPEC, EDITED), "the old pipeline stays", id="one is there"),
        pytest.param(new(SPEC, observed=ABSENT, fresh=True), "nothing was written", id="none is there"),
    ],
)
def test_message_names_the_test_and_the_document_and_what_is_kept(situation: PipelineSituation, kept: str) -> None:
    verdict = planned(tell(situation, [(Rehearse(), BAD)], Reason.TESTS_FAILED))
    assert isinstance(verdict, Held)
    for part in ("'keeps the text'", "document 0", "_source.text", kept):
        assert part in verdict.disposition.message
