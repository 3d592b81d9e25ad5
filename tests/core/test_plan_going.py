"""What `plan` does about an object that is being deleted: let go, delete, block, wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure, ReferenceFailure, ReferenceKind
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import ClaimMark, Refused
from inference_operator.core.values import ABSENT, Usage
from inference_operator.core.verdict import Blocked, Delete, DryRun, Held, Released, SetFinalizer
from tests.core.situations import CLAIM, DOWN, ID, SERVER, USED, UUID, going, openai_spec
from tests.core.stories import PATCHED, End, Story, follow, tell

SPEC = openai_spec()
FORCE = openai_spec(forceDelete=True)
LETS_GO = [(SetFinalizer(present=False), PATCHED)]
CUT_OFF = ReferenceFailure(ReferenceKind.CONNECTION_NOT_FOUND, "spec.elasticsearchRef", "Secret search/es does not exist")
IN_USE = HttpFailure(409, "status_exception", "Inference endpoint products is referenced by pipelines: [p1].")

GOES = (
    pytest.param(going(SPEC, has_finalizer=False), [], Released, id="nothing holds it: released without a question"),
    pytest.param(
        going(SPEC),
        [(DryRun(), Usage()), (Delete(force=False), Usage()), *LETS_GO],
        Released,
        id="unused: dry run, delete, let go",
    ),
    pytest.param(going(SPEC), [(DryRun(), ABSENT), *LETS_GO], Released, id="gone already: let go"),
    pytest.param(
        going(SPEC), [(DryRun(), Usage()), (Delete(force=False), ABSENT), *LETS_GO], Released, id="gone by the delete: let go"
    ),
    pytest.param(going(SPEC), [(DryRun(), USED)], Blocked, id="used: blocked"),
    pytest.param(
        going(SPEC), [(DryRun(), Usage()), (Delete(force=False), Refused(USED))], Blocked, id="the server refuses: blocked"
    ),
    pytest.param(
        going(FORCE),
        [(Delete(force=True), Refused(USED))],
        Blocked,
        id="the server refuses although forced: blocked, not asked again in this pass",
    ),
    pytest.param(
        going(SPEC),
        [(DryRun(), Usage()), (Delete(force=False), IN_USE)],
        Reason.SERVER_ERROR,
        id="used since the dry run: tried again",
    ),
    pytest.param(going(FORCE), [(Delete(force=True), USED), *LETS_GO], Released, id="forced: nobody is asked who uses it"),
    pytest.param(going(FORCE), [(Delete(force=True), ABSENT), *LETS_GO], Released, id="forced, and gone already: let go"),
    pytest.param(going(openai_spec(deletionPolicy="Retain")), LETS_GO, Released, id="Retain: let go, not deleted"),
    pytest.param(going(openai_spec(managementPolicy="Observe")), LETS_GO, Released, id="Observe: let go, not deleted"),
    pytest.param(going(SPEC, claim=None), LETS_GO, Released, id="never claimed: let go, not deleted"),
    pytest.param(
        going(SPEC, claim=ClaimMark("another-uid", UUID, ID)), LETS_GO, Released, id="claimed by another uid: let go, not deleted"
    ),
    pytest.param(
        going(SPEC, server=replace(SERVER, uuid="another")),
        LETS_GO,
        Released,
        id="claimed on another cluster: let go, not deleted",
    ),
    pytest.param(
        going(SPEC, server=replace(SERVER, uuid=None)),
        [(DryRun(), Usage()), (Delete(force=False), Usage()), *LETS_GO],
        Released,
        id="a UUID that can't be read is not another cluster: deleted",
    ),
    pytest.param(going(SPEC, server=None, failure=CUT_OFF), [], Reason.CONNECTION_NOT_FOUND, id="the connection is gone: waits"),
    pytest.param(
        going(SPEC, server=None, failure=CUT_OFF, abandoned=True), LETS_GO, Released, id="and its namespace goes, too: let go"
    ),
    pytest.param(
        going(SPEC, server=None, claim=None, failure=CUT_OFF),
        LETS_GO,
        Released,
        id="the connection is gone, never claimed: let go",
    ),
    pytest.param(going(SPEC, heir="other/one"), LETS_GO, Released, id="another object wants just what is there: handed over"),
    pytest.param(going(SPEC, failure=DOWN), [], Reason.UNREACHABLE, id="unreachable: waits"),
    pytest.param(going(SPEC), [(DryRun(), DOWN)], Reason.UNREACHABLE, id="the dry run is lost: waits"),
    pytest.param(
        going(SPEC),
        [(DryRun(), Usage()), (Delete(force=False), DOWN)],
        Reason.UNREACHABLE,
        id="the delete is lost: waits, looks again",
    ),
    pytest.param(
        going(openai_spec(suspend=True)),
        [(DryRun(), Usage()), (Delete(force=False), Usage()), *LETS_GO],
        Released,
        id="suspended: deletion is honoured",
    ),
    pytest.param(
        going(openai_spec(driftPolicy="Detect", adoptionPolicy="Never")),
        [(DryRun(), Usage()), (Delete(force=False), Usage()), *LETS_GO],
        Released,
        id="the policies of the living have no say",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), GOES)
def test_going(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_claim_is_that_of_the_object() -> None:
    assert going(SPEC).claim == CLAIM


def test_blocked_deletion_knows_by_whom() -> None:
    assert plan(going(SPEC, usage=USED)) == Blocked(USED)


def test_deletion_that_the_server_refuses_is_blocked_by_those_that_it_names() -> None:
    refused = follow(going(SPEC), [(DryRun(), Usage()), (Delete(force=False), Refused(USED))])
    assert plan(refused) == Blocked(USED)


@pytest.mark.parametrize("failure", [CUT_OFF, DOWN])
def test_deletion_that_waits_names_the_way_out(failure: ReferenceFailure) -> None:
    verdict = plan(going(SPEC, server=None, failure=failure))
    assert isinstance(verdict, Held)
    assert "spec.deletionPolicy: Retain" in verdict.disposition.message
