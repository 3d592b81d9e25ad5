"""What `plan` does about an endpoint that is absent or can't be asked for, and what policies and obstacles change."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.advance import advance
from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure, ReferenceFailure, ReferenceKind
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import ClaimMark, Problem, Rehearsed
from inference_operator.core.values import ABSENT
from inference_operator.core.verdict import (
    Claim,
    Create,
    Held,
    Look,
    Nothing,
    Rehearse,
    Resolve,
    SetFinalizer,
    Suspended,
    Unclaim,
    Update,
    Watching,
)
from tests.core.situations import (
    ADDRESS,
    CLAIM,
    DOWN,
    ID,
    LOST,
    REFUSED,
    SERVER,
    TAKEN,
    UUID,
    desire,
    new,
    openai_spec,
    ours,
    stored,
)
from tests.core.stories import PATCHED, End, Story, ending, follow, tell

SPEC = openai_spec()
SAME = stored(SPEC)
OTHER = stored(SPEC, model_id="large")
API_KEY = ("serviceSettings", "api_key")
SENDS_KEY = Update(frozenset({API_KEY}))
RETAINS = openai_spec(deletionPolicy="Retain")
NO_SECRET = ReferenceFailure(
    ReferenceKind.SECRET_NOT_FOUND, "spec.serviceSettings.api_key", "Secret search/openai does not exist"
)
HIDES_UUID = replace(SERVER, uuid=None)

CREATES = (
    pytest.param(
        new(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="absent in a bulk read: look, then claim, then create",
    ),
    pytest.param(
        new(SPEC),
        [(Look(), ABSENT), (Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="not known at all: look, then claim, then create",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="absent in an answer to this very pass: claim at once",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT),
        [(Look(), OTHER)],
        Reason.ALREADY_EXISTS,
        id="absent in the bulk read but there by now: not claimed",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, desired=desire(SPEC)),
        [(Look(), ABSENT), (Create(), SAME)],
        Nothing,
        id="ours and deleted by somebody: put back, no second claim",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Resolve(), desire(SPEC)), (Create(), SAME)],
        Nothing,
        id="values that were not read are read before the create",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), REFUSED), (Look(), ABSENT)],
        Reason.PROVIDER_REFUSED,
        id="a refused create is looked at, then told",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), SAME), (SENDS_KEY, SAME)],
        Nothing,
        id="a create whose answer was lost is looked at and found done; the key is sent again, for nobody saw it taken",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT),
        [(Look(), ABSENT), (Claim(), PATCHED), (Create(), LOST), (Look(), SAME), (SENDS_KEY, SAME)],
        Nothing,
        id="a look from before the create does not count for what the create left",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), ABSENT)],
        Reason.UNREACHABLE,
        id="a create that was lost on the way is tried again later",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), LOST), (Look(), DOWN)],
        Reason.UNREACHABLE,
        id="neither create nor look are answered",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), REFUSED), (Look(), DOWN)],
        Reason.PROVIDER_REFUSED,
        id="why the create failed says more than that the look failed, too",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, fresh=True, desired=desire(SPEC)),
        [(Create(), TAKEN), (Look(), DOWN)],
        Reason.UNREACHABLE,
        id="but that an id of ours is taken says nothing, so the failed look counts",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, fresh=True, desired=desire(SPEC)),
        [(Create(), TAKEN), (Look(), SAME)],
        Nothing,
        id="claimed in an earlier pass and taken now: it is our own late create",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, fresh=True, desired=desire(SPEC), server=replace(SERVER, uuid="another")),
        [(Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="another cluster behind the address: claimed there and put back",
    ),
    pytest.param(
        ours(SPEC, observed=ABSENT, fresh=True, desired=desire(SPEC), server=HIDES_UUID),
        [(Create(), SAME)],
        Nothing,
        id="a UUID that can't be read is not another cluster",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), CREATES)
def test_absent_endpoint(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_claim_names_object_cluster_and_id() -> None:
    claimed = advance(new(SPEC, observed=ABSENT, fresh=True), Claim(), PATCHED)
    assert str(claimed.claim) == f"{CLAIM.uid}@{UUID}/{ID}"
    assert claimed.has_finalizer


def test_claim_without_a_known_uuid_names_the_address() -> None:
    claimed = advance(new(SPEC, observed=ABSENT, fresh=True, server=HIDES_UUID), Claim(), PATCHED)
    assert claimed.claim == ClaimMark(CLAIM.uid, ADDRESS, ID)
    assert plan(claimed) == Create()


def test_claim_brings_no_finalizer_where_the_endpoint_is_retained() -> None:
    assert not advance(new(RETAINS, observed=ABSENT, fresh=True), Claim(), PATCHED).has_finalizer


OBSERVES = openai_spec(managementPolicy="Observe")
CASES = (
    pytest.param(ours(RETAINS), [(SetFinalizer(present=False), PATCHED)], Nothing, id="Retain drops the finalizer"),
    pytest.param(ours(OBSERVES), [(Unclaim(), PATCHED), (Look(), SAME)], Watching, id="Observe gives claim and finalizer back"),
    pytest.param(
        ours(OBSERVES, has_finalizer=False),
        [(Unclaim(), PATCHED), (Look(), SAME)],
        Watching,
        id="Observe gives a claim without finalizer back, too",
    ),
    pytest.param(
        new(OBSERVES, has_finalizer=True),
        [(Unclaim(), PATCHED), (Look(), SAME)],
        Watching,
        id="Observe gives a finalizer without claim back",
    ),
    pytest.param(
        new(OBSERVES, claim=ClaimMark("another-uid", UUID, ID), observed=SAME),
        [],
        Watching,
        id="Observe leaves the claim of another uid, which counts for nothing",
    ),
    pytest.param(
        ours(SPEC, has_finalizer=False), [(SetFinalizer(present=True), PATCHED)], Nothing, id="Delete brings the finalizer back"
    ),
    pytest.param(new(SPEC, observed=OTHER, fresh=True), [], Reason.ALREADY_EXISTS, id="no finalizer for what is not ours"),
    pytest.param(
        ours(SPEC, problem=Problem(Reason.INLINE_SECRET, "a secret in plain text"), server=None, observed=None, desired=None),
        [],
        Reason.INLINE_SECRET,
        id="a spec that can't be used is held",
    ),
    pytest.param(
        ours(openai_spec(suspend=True), problem=Problem(Reason.RESERVED_ID, "reserved")),
        [],
        Reason.RESERVED_ID,
        id="also while suspended: the person must know",
    ),
    pytest.param(ours(openai_spec(suspend=True), observed=ABSENT), [], Suspended, id="suspended: an absent endpoint is left so"),
    pytest.param(ours(openai_spec(suspend=True), observed=OTHER), [], Suspended, id="suspended: a difference is left so"),
    pytest.param(
        ours(openai_spec(suspend=True), failure=DOWN, observed=None),
        [],
        Suspended,
        id="suspended: an unreachable cluster is no news",
    ),
    pytest.param(ours(SPEC, failure=DOWN, observed=None), [], Reason.UNREACHABLE, id="a cluster that can't be asked"),
    pytest.param(
        ours(SPEC, failure=NO_SECRET, observed=None, desired=None), [], Reason.SECRET_NOT_FOUND, id="a reference that is missing"
    ),
    pytest.param(ours(SPEC, rival="other/one"), [], Reason.ID_CONFLICT, id="an id that another object owns"),
    pytest.param(new(OBSERVES, rival="other/one", observed=SAME), [], Watching, id="an object that observes has no rivals"),
    pytest.param(new(OBSERVES, observed=ABSENT), [(Look(), ABSENT)], Reason.WAITING_FOR_REFERENCE, id="nothing to observe yet"),
    pytest.param(new(OBSERVES), [(Look(), SAME)], Watching, id="Observe looks where nothing is known"),
    pytest.param(new(OBSERVES, observed=OTHER, fresh=True), [], Watching, id="Observe mends no difference"),
    pytest.param(ours(SPEC), [], Nothing, id="all is as written: nothing to do"),
    pytest.param(ours(SPEC, observed=None), [(Look(), SAME)], Nothing, id="unknown is looked at"),
    pytest.param(ours(SPEC, observed=None), [(Look(), DOWN)], Reason.UNREACHABLE, id="a look that fails is told"),
)


@pytest.mark.parametrize(("situation", "story", "end"), CASES)
def test_policies_and_obstacles(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_what_is_given_back_under_observe_is_claim_and_finalizer_both() -> None:
    after = follow(ours(OBSERVES), [(Unclaim(), PATCHED)])
    assert (after.claim, after.has_finalizer) == (None, False)


def test_endpoint_knows_no_step_of_another_kind() -> None:
    with pytest.raises(AssertionError):
        advance(ours(SPEC), Rehearse(), Rehearsed(()))


def test_message_of_a_failure_holds_no_value_of_a_secret() -> None:
    key = next(iter(desire(SPEC).service_settings["api_key"].value.split()))
    refusal = HttpFailure(400, "status_exception", f"validation call to service threw: bad key [{key}]")
    situation = follow(new(SPEC, observed=ABSENT, fresh=True), [(Claim(), PATCHED), (Create(), refusal), (Look(), ABSENT)])
    verdict = ending(situation, Reason.PROVIDER_REFUSED)
    assert isinstance(verdict, Held)
    assert key not in verdict.disposition.message
    assert "<secret>" in verdict.disposition.message
