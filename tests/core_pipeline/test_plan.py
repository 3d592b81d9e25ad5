"""What `plan` does about a pipeline that lives: create, adopt, mend, wait, test, leave alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.api.ingest_pipeline import IngestPipelineSpec
from inference_operator.core.advance import advance
from inference_operator.core.failure import HttpFailure
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.stamp import OWNER_KEY, Ownership
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import ClaimMark, Problem
from inference_operator.core.values import ABSENT, Path
from inference_operator.core.verdict import (
    Claim,
    Create,
    Held,
    Inspect,
    Look,
    Nothing,
    SetFinalizer,
    Suspended,
    Unclaim,
    Unusable,
    Update,
    Watching,
)
from tests.core.situations import ADDRESS, CLAIM, DOWN, ID, LOST, SERVER, UID, UUID
from tests.core.stories import PATCHED, End, Story, ending, planned, tell
from tests.core_pipeline.bodies import spec
from tests.core_pipeline.situations import (
    OTHER_KUBERNETES,
    UNMET,
    edited,
    new,
    of_another_kubernetes,
    ours,
    stranger,
    theirs,
    there,
    written,
)

SPEC = spec(description="one")
EDITED = spec(description="two")
NEVER, ALWAYS = (spec(description="one", adoptionPolicy=policy) for policy in ("Never", "Always"))
DETECTS = spec(description="one", driftPolicy="Detect")
OBSERVES = spec(description="one", managementPolicy="Observe")
SUSPENDED = spec(description="one", suspend=True)
SAME = there(SPEC)
OTHER = there(SPEC, description="changed")
TEXT: Path = ("description",)
MARK: Path = ("meta", OWNER_KEY)
INVALID = HttpFailure(400, "parse_exception", "No processor type exists with name [st]")
FILE_SETTINGS = HttpFailure(
    400, "illegal_argument_exception", "Failed to process request for pipeline [[products] set as read-only by [file_settings]]"
)


def sends(*paths: Path) -> Update:
    return Update(frozenset(paths))


CREATES = (
    pytest.param(
        new(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="absent in a bulk read: look, then claim, then create",
    ),
    pytest.param(new(SPEC), [(Look(), ABSENT), (Claim(), PATCHED), (Create(), SAME)], Nothing, id="not known: the same"),
    pytest.param(
        new(SPEC, observed=ABSENT), [(Look(), stranger(EDITED))], Reason.ALREADY_EXISTS, id="there by the time of the look"
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), INVALID), (Look(), ABSENT)],
        Reason.VALIDATION_FAILED,
        id="refused: told, after a look",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), FILE_SETTINGS), (Look(), ABSENT)],
        Reason.MANAGED_ELSEWHERE,
        id="refused since file-based settings own the id: told so",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), SAME)],
        Nothing,
        id="the answer is lost and the write was done: nothing is sent twice",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), ABSENT)],
        Reason.UNREACHABLE,
        id="the request is lost: tried again later",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), DOWN)],
        Reason.UNREACHABLE,
        id="neither write nor look are answered",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), stranger(SPEC)), (sends(MARK), SAME)],
        Nothing,
        id="claimed, and a stranger wrote the same without a mark: marked",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), theirs(SPEC))],
        Reason.ID_CONFLICT,
        id="claimed, and another operator was faster: left to it",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Create(), SAME)],
        Nothing,
        id="ours and deleted by somebody: put back, no second claim",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, fresh=True, server=replace(SERVER, uuid="another")),
        [(Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="another cluster behind the address: claimed there and put back",
    ),
    pytest.param(
        ours(SPEC, server=replace(SERVER, uuid="another")),
        [(Claim(), PATCHED)],
        Nothing,
        id="another cluster behind the address, to which our mark was restored: claimed there",
    ),
    pytest.param(
        ours(SPEC, claim=ClaimMark(UID, ADDRESS, ID)), [(Claim(), PATCHED)], Nothing, id="a claim by address is made precise"
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), CREATES)
def test_absent_pipeline(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


ADOPTS = (
    pytest.param(NEVER, stranger(SPEC), [], Reason.ALREADY_EXISTS, id="Never, identical: left alone"),
    pytest.param(SPEC, stranger(EDITED), [], Reason.ALREADY_EXISTS, id="IfIdentical, different: left alone"),
    pytest.param(
        SPEC, stranger(SPEC), [(Claim(), PATCHED), (sends(MARK), SAME)], Nothing, id="IfIdentical, identical: claimed and marked"
    ),
    pytest.param(
        ALWAYS,
        stranger(EDITED),
        [(Claim(), PATCHED), (sends(TEXT, MARK), SAME)],
        Nothing,
        id="Always, different: claimed, made as written, and marked",
    ),
    pytest.param(SPEC, SAME, [(Claim(), PATCHED)], Nothing, id="our own mark and no claim, as after a restore: claimed again"),
    pytest.param(NEVER, SAME, [], Reason.ALREADY_EXISTS, id="our own mark and no claim under Never: a mark is only text"),
)


@pytest.mark.parametrize(("wanted", "observed", "story", "end"), ADOPTS)
def test_strange_pipeline(wanted: IngestPipelineSpec, observed: ObservedPipeline, story: Story, end: End) -> None:
    tell(new(wanted, observed=observed), [(Look(), observed), *story], end)


TAKES_OVER: Story = [(Claim(), PATCHED), (sends(MARK), SAME)]
MARKS = [
    # adoption policy, claimed, written before: what becomes of a pipeline that carries another object's mark
    (NEVER, False, False, None),
    (NEVER, True, False, None),
    (NEVER, True, True, None),
    (SPEC, False, False, None),
    (SPEC, True, False, None),
    (SPEC, True, True, None),
    (ALWAYS, False, False, TAKES_OVER),
    (ALWAYS, True, False, TAKES_OVER[1:]),
    (ALWAYS, False, True, None),
    (ALWAYS, True, True, None),
]


def _name(wanted: IngestPipelineSpec, claimed: bool, applied: bool, story: Story | None) -> str:
    known = f"{'claimed' if claimed else 'not claimed'}, {'once written' if applied else 'never written'}"
    return f"{wanted.adoption_policy}, {known}: {'left to its owner' if story is None else 'taken over'}"


@pytest.mark.parametrize("foreign", [theirs(SPEC), of_another_kubernetes(SPEC)], ids=["another object", "another Kubernetes"])
@pytest.mark.parametrize(("wanted", "claimed", "applied", "story"), [pytest.param(*row, id=_name(*row)) for row in MARKS])
def test_mark_of_another(
    wanted: IngestPipelineSpec, claimed: bool, applied: bool, story: Story | None, foreign: ObservedPipeline
) -> None:
    situation = new(
        wanted,
        claim=CLAIM if claimed else None,
        has_finalizer=claimed,
        previous=written(wanted, **({} if applied else {"applied": None})),
        observed=foreign,
        fresh=True,
    )
    final = tell(situation, story or [], Nothing if story else Reason.ID_CONFLICT)
    if story is None:
        verdict = planned(final)
        assert isinstance(verdict, Held)
        assert "other/theirs" in verdict.disposition.message


CHANGES = (
    pytest.param(ours(SPEC), [], Nothing, id="all is as written: nothing to do"),
    pytest.param(ours(SPEC, observed=None), [(Look(), SAME)], Nothing, id="unknown: looked at"),
    pytest.param(ours(SPEC, observed=None), [(Look(), DOWN)], Reason.UNREACHABLE, id="a look that fails is told"),
    pytest.param(edited(SPEC, EDITED), [(sends(TEXT), there(EDITED))], Nothing, id="edited: replaced as a whole, never deleted"),
    pytest.param(
        ours(SPEC, observed=OTHER), [(Look(), OTHER), (sends(TEXT), SAME)], Nothing, id="Correct: confirmed by a look, put back"
    ),
    pytest.param(ours(SPEC, observed=OTHER), [(Look(), SAME)], Nothing, id="a bulk read alone proves no difference"),
    pytest.param(ours(DETECTS, observed=OTHER), [(Look(), OTHER)], Reason.DRIFTED, id="Detect: confirmed, then listed"),
    pytest.param(ours(DETECTS, observed=ABSENT), [(Look(), ABSENT)], Reason.DRIFTED, id="Detect: a deletion by others is listed"),
    pytest.param(
        edited(DETECTS, spec(description="two", driftPolicy="Detect")),
        [(sends(TEXT), there(EDITED))],
        Nothing,
        id="Detect: an edit of the spec is written",
    ),
    pytest.param(
        ours(SPEC, observed=stranger(SPEC), fresh=True),
        [(sends(MARK), SAME)],
        Nothing,
        id="ours, and somebody took our mark out: marked again",
    ),
    pytest.param(
        ours(DETECTS, observed=stranger(SPEC), fresh=True), [], Reason.DRIFTED, id="Detect: a mark that is gone is listed"
    ),
    pytest.param(
        edited(SPEC, EDITED),
        [(sends(TEXT), there(EDITED, description="three"))],
        Reason.UPDATING,
        id="somebody wrote between our write and the look after it: compared again later, no race",
    ),
    pytest.param(
        edited(SPEC, EDITED), [(sends(TEXT), ABSENT)], Reason.UPDATING, id="somebody deleted it right after our write: the same"
    ),
    pytest.param(
        edited(SPEC, EDITED), [(sends(TEXT), theirs(EDITED))], Reason.ID_CONFLICT, id="another operator wrote it: left to it"
    ),
    pytest.param(edited(SPEC, EDITED), [(sends(TEXT), INVALID)], Reason.VALIDATION_FAILED, id="refused: the old one stays"),
    pytest.param(edited(SPEC, EDITED), [(sends(TEXT), DOWN)], Reason.UNREACHABLE, id="the write is lost: compared later"),
)


@pytest.mark.parametrize(("situation", "story", "end"), CHANGES)
def test_change(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


REFERENCE = Reason.WAITING_FOR_REFERENCE
CIRCLE = ("a", ID, "a")
NEEDS = (
    pytest.param(new(SPEC, observed=ABSENT, unmet=UNMET), [], REFERENCE, id="new: not written before what it names is there"),
    pytest.param(edited(SPEC, EDITED, unmet=UNMET), [], REFERENCE, id="edited: the old pipeline stays until then"),
    pytest.param(ours(SPEC, observed=OTHER, unmet=UNMET), [], REFERENCE, id="drifted: not put back until then"),
    pytest.param(
        ours(DETECTS, observed=OTHER, unmet=UNMET),
        [(Look(), OTHER)],
        Reason.DRIFTED,
        id="Detect: a drift is listed, for nothing waits to be written",
    ),
    pytest.param(
        ours(DETECTS, observed=ABSENT, unmet=UNMET), [(Look(), ABSENT)], Reason.DRIFTED, id="Detect: a deletion by others, too"
    ),
    pytest.param(ours(SPEC, unmet=UNMET), [], REFERENCE, id="written, and what it names went: unusable"),
    pytest.param(
        new(SPEC, observed=stranger(EDITED), fresh=True, unmet=UNMET),
        [],
        Reason.ALREADY_EXISTS,
        id="a stranger that is left alone is told first: nothing waits to be written",
    ),
    pytest.param(
        new(SPEC, observed=stranger(SPEC), fresh=True, unmet=UNMET),
        [(Claim(), PATCHED)],
        REFERENCE,
        id="adopted: claimed, and marked once what it names is there",
    ),
    pytest.param(new(SPEC, observed=ABSENT, circle=CIRCLE), [], Reason.REFERENCE_CYCLE, id="part of a circle: never written"),
    pytest.param(ours(SPEC, circle=CIRCLE), [], Reason.REFERENCE_CYCLE, id="part of a circle since it was written: told"),
    pytest.param(
        ours(SPEC, circle=CIRCLE, unmet=UNMET), [], Reason.REFERENCE_CYCLE, id="the circle is told before what is missing"
    ),
    pytest.param(
        ours(ALWAYS, observed=theirs(SPEC), circle=CIRCLE, unmet=UNMET),
        [],
        Reason.ID_CONFLICT,
        id="what belongs to another is told before what we would need",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), NEEDS)
def test_needs(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_pipeline_that_is_written_and_lacks_what_it_names_is_in_sync() -> None:
    assert isinstance(ending(ours(SPEC, unmet=UNMET), REFERENCE), Unusable)


POLICIES = (
    pytest.param(
        ours(spec(deletionPolicy="Retain", description="one")),
        [(SetFinalizer(present=False), PATCHED)],
        Nothing,
        id="Retain drops the finalizer",
    ),
    pytest.param(
        ours(SPEC, has_finalizer=False), [(SetFinalizer(present=True), PATCHED)], Nothing, id="Delete brings the finalizer back"
    ),
    pytest.param(ours(OBSERVES), [(Unclaim(), PATCHED), (Look(), SAME)], Watching, id="Observe gives claim and finalizer back"),
    pytest.param(new(OBSERVES, observed=OTHER), [], Watching, id="Observe mends no difference"),
    pytest.param(new(OBSERVES, observed=theirs(SPEC)), [], Watching, id="Observe may look at what belongs to another"),
    pytest.param(new(OBSERVES, rival="other/one", observed=SAME), [], Watching, id="an object that observes has no rivals"),
    pytest.param(new(OBSERVES, observed=ABSENT), [(Look(), ABSENT)], REFERENCE, id="nothing to observe yet"),
    pytest.param(ours(SPEC, rival="other/one"), [], Reason.ID_CONFLICT, id="an id that another object owns"),
    pytest.param(ours(SUSPENDED, observed=ABSENT), [], Suspended, id="suspended: an absent pipeline is left so"),
    pytest.param(ours(SUSPENDED, observed=OTHER), [], Suspended, id="suspended: a difference is left so"),
    pytest.param(ours(SUSPENDED, failure=DOWN, observed=None), [], Suspended, id="suspended: an unreachable cluster is no news"),
    pytest.param(
        ours(SPEC, problem=Problem(Reason.VALIDATION_FAILED, "wrong")),
        [],
        Reason.VALIDATION_FAILED,
        id="a spec that can't be used",
    ),
    pytest.param(ours(SPEC, failure=DOWN, observed=None), [], Reason.UNREACHABLE, id="a cluster that can't be asked"),
    pytest.param(
        new(SPEC, claim=ClaimMark("another-uid", UUID, ID), observed=stranger(EDITED), fresh=True),
        [],
        Reason.ALREADY_EXISTS,
        id="the claim of another uid, as a copied object has, counts for nothing",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), POLICIES)
def test_policies_and_obstacles(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_pipeline_knows_no_step_of_another_kind() -> None:
    with pytest.raises(AssertionError):
        advance(ours(SPEC), Inspect(), None)


EARLIER = there(SPEC, OTHER_KUBERNETES, Ownership.NAMESAKE)
"""The mark of an object of our own name, of this Kubernetes cluster before or of another: it can't be told."""


def test_mark_of_a_namesake_is_an_earlier_objects_until_we_have_written() -> None:
    tell(new(SPEC, observed=EARLIER, fresh=True), TAKES_OVER, Nothing)
    held = new(SPEC, claim=CLAIM, has_finalizer=True, previous=written(SPEC), observed=EARLIER, fresh=True)
    tell(held, [], Reason.ID_CONFLICT)
