"""What `plan` does about a pipeline whose object is being deleted: let go, delete, block, wait."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Refused
from inference_operator.core.values import ABSENT, Usage
from inference_operator.core.verdict import Blocked, Delete, DryRun, Released, SetFinalizer
from tests.core.situations import DOWN, NOW, SERVER, USED
from tests.core.stories import PATCHED, End, Story, planned, reported, tell
from tests.core_pipeline.bodies import spec
from tests.core_pipeline.situations import going, of_another_kubernetes, stranger, theirs, there, written

SPEC = spec(description="one")
FORCE = spec(description="one", forceDelete=True)
ALWAYS = spec(description="one", adoptionPolicy="Always")
LETS_GO = [(SetFinalizer(present=False), PATCHED)]
DELETES = [(DryRun(), Usage()), (Delete(force=False), ABSENT), *LETS_GO]

ANOTHER = replace(SERVER, uuid="another")

GOES = (
    pytest.param(going(SPEC, has_finalizer=False), [], Released, id="nothing holds it: released without a question"),
    pytest.param(going(SPEC), DELETES, Released, id="unused: searched for users, deleted, let go"),
    pytest.param(going(SPEC, observed=ABSENT), LETS_GO, Released, id="gone already: let go"),
    pytest.param(going(SPEC, observed=there(SPEC, description="changed")), DELETES, Released, id="drifted: still ours, deleted"),
    pytest.param(going(SPEC, observed=stranger(SPEC)), DELETES, Released, id="our mark was taken out: the claim decides"),
    pytest.param(going(SPEC, observed=theirs(SPEC)), LETS_GO, Released, id="carries another object's mark: let go, not deleted"),
    pytest.param(
        going(SPEC, observed=of_another_kubernetes(SPEC)),
        LETS_GO,
        Released,
        id="carries the mark of another Kubernetes cluster: let go, not deleted",
    ),
    pytest.param(
        going(ALWAYS, observed=theirs(SPEC), previous=written(SPEC, applied=None)),
        LETS_GO,
        Released,
        id="was to be taken over and never was: let go, not deleted",
    ),
    pytest.param(going(SPEC), [(DryRun(), USED)], Blocked, id="used: blocked"),
    pytest.param(
        going(SPEC), [(DryRun(), Usage()), (Delete(force=False), Refused(USED))], Blocked, id="the server refuses: blocked"
    ),
    pytest.param(going(FORCE), [(Delete(force=True), ABSENT), *LETS_GO], Released, id="forced: nobody is asked who uses it"),
    pytest.param(
        going(FORCE),
        [(Delete(force=True), Refused(USED))],
        Blocked,
        id="forced, and the server refuses all the same: blocked, not asked again in this pass",
    ),
    pytest.param(going(SPEC), [(DryRun(), DOWN)], Reason.UNREACHABLE, id="the search fails: waits"),
    pytest.param(going(SPEC), [(DryRun(), Usage()), (Delete(force=False), DOWN)], Reason.UNREACHABLE, id="the delete is lost"),
    pytest.param(going(SPEC, failure=DOWN, observed=None), [], Reason.UNREACHABLE, id="its mark can't be looked at: waits"),
    pytest.param(going(spec(deletionPolicy="Retain")), LETS_GO, Released, id="Retain: let go, not deleted"),
    pytest.param(going(spec(managementPolicy="Observe")), LETS_GO, Released, id="Observe: let go, not deleted"),
    pytest.param(going(SPEC, claim=None), LETS_GO, Released, id="never claimed: let go, not deleted"),
    pytest.param(
        going(SPEC, observed=stranger(SPEC), server=ANOTHER), LETS_GO, Released, id="claimed on another cluster, no mark: let go"
    ),
    pytest.param(going(SPEC, server=ANOTHER), DELETES, Released, id="claimed on another cluster, our mark on this one: deleted"),
    pytest.param(going(SPEC, heir="other/one"), LETS_GO, Released, id="another object wants just what is there: handed over"),
    pytest.param(going(spec(suspend=True)), DELETES, Released, id="suspended: deletion is honoured"),
)


@pytest.mark.parametrize(("situation", "story", "end"), GOES)
def test_going(situation: PipelineSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


@pytest.mark.parametrize(
    ("wanted", "advice"),
    [
        pytest.param(SPEC, "set spec.forceDelete: true", id="not forced"),
        pytest.param(FORCE, "Set index.default_pipeline and index.final_pipeline", id="forced: only the index settings help"),
    ],
)
def test_refused_deletion_names_users_and_the_way_out(wanted: object, advice: str) -> None:
    assert isinstance(wanted, type(SPEC))
    asked: Story = [] if wanted.force_delete else [(DryRun(), Usage())]
    story: Story = [*asked, (Delete(force=wanted.force_delete), Refused(USED))]
    final = tell(going(wanted), story, Blocked)
    assert planned(final) == Blocked(USED)
    message = _blocked_message(final)
    assert advice in message
    assert "pipelines: p1; indices: i1" in message


def _blocked_message(s: PipelineSituation) -> str:
    status = reported(s, Blocked(USED), now=NOW)
    return next(c.message for c in status.conditions if c.type == "DeletionBlocked")
