"""Whose endpoint is it? What `plan` does about strangers, adoption, and claims of every kind."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import ClaimMark
from inference_operator.core.values import ABSENT, Server
from inference_operator.core.verdict import (
    Claim,
    Create,
    Inspect,
    Look,
    Nothing,
    Resolve,
    Unclaim,
    Update,
)
from tests.core.situations import (
    ADDRESS,
    CANARY,
    CLAIM,
    ID,
    LOST,
    REFUSED,
    SERVER,
    TAKEN,
    UUID,
    desire,
    elser_spec,
    new,
    openai_spec,
    ours,
    stored,
)
from tests.core.stories import PATCHED, End, Story, follow, tell

SPEC = openai_spec()
SAME = stored(SPEC)
OTHER = stored(SPEC, model_id="large")
API_KEY = ("serviceSettings", "api_key")
SENDS_KEY = Update(frozenset({API_KEY}))
RETAINS = openai_spec(deletionPolicy="Retain")
HIDES_UUID = replace(SERVER, uuid=None)

BUSY = HttpFailure(503, "cluster_block_exception", "blocked")
OUTRUN: Story = [(Claim(), PATCHED), (Create(), TAKEN), (Unclaim(), PATCHED)]
SPEC_ALWAYS, SPEC_NEVER = openai_spec(adoptionPolicy="Always"), openai_spec(adoptionPolicy="Never")

FASTER_STRANGERS = (
    pytest.param(SPEC, [*OUTRUN, (Look(), OTHER)], Reason.ALREADY_EXISTS, id="different and IfIdentical: left alone"),
    pytest.param(SPEC_NEVER, [*OUTRUN, (Look(), SAME)], Reason.ALREADY_EXISTS, id="identical and Never: left alone"),
    pytest.param(
        SPEC,
        [*OUTRUN, (Look(), SAME), (Claim(), PATCHED), (SENDS_KEY, SAME)],
        Nothing,
        id="identical and IfIdentical: adopted, and our key sent",
    ),
    pytest.param(
        SPEC,
        [*OUTRUN, (Look(), ABSENT), (Claim(), PATCHED), (Create(), SAME)],
        Nothing,
        id="gone again meanwhile: made",
    ),
    pytest.param(
        SPEC_ALWAYS,
        [*OUTRUN, (Look(), OTHER), (Claim(), PATCHED), (SENDS_KEY, OTHER)],
        Reason.REPLACE_REQUIRED,
        id="different and Always: adopted",
    ),
    pytest.param(
        SPEC,
        [(Claim(), PATCHED), (Create(), REFUSED), (Look(), OTHER), (Unclaim(), PATCHED), (Look(), OTHER)],
        Reason.ALREADY_EXISTS,
        id="our create was refused as invalid, so nothing of ours was stored: what is there is theirs, and left alone",
    ),
    pytest.param(
        SPEC,
        [(Claim(), PATCHED), (Create(), LOST), (Look(), OTHER), (SENDS_KEY, OTHER)],
        Reason.REPLACE_REQUIRED,
        id="our create was lost, so what is there may be ours: the claim decides",
    ),
    pytest.param(
        SPEC,
        [(Claim(), PATCHED), (Create(), BUSY), (Look(), OTHER), (SENDS_KEY, OTHER)],
        Reason.REPLACE_REQUIRED,
        id="our create failed in the server, which may have stored it before: the claim decides",
    ),
)


@pytest.mark.parametrize(("spec", "story", "end"), FASTER_STRANGERS)
def test_id_taken_right_after_our_claim_is_given_up_and_adoption_policy_decides(spec: object, story: Story, end: End) -> None:
    assert isinstance(spec, type(SPEC))
    tell(new(spec, observed=ABSENT, fresh=True), story, end)


def test_in_cluster_model_is_stored_before_its_start_is_refused_so_it_is_no_stranger() -> None:
    spec = elser_spec()
    story: Story = [(Claim(), PATCHED), (Create(), REFUSED), (Look(), stored(spec)), (Inspect(), None)]
    tell(new(spec, observed=ABSENT, fresh=True, secrets_changed=False), story, Reason.MODEL_FAILED)


def test_unclaim_takes_claim_and_finalizer_back() -> None:
    after = follow(new(SPEC, observed=ABSENT, fresh=True), OUTRUN)
    assert (after.claim, after.has_finalizer, after.observed, after.failure) == (None, False, None, None)


SENDS_MODEL_TOO = Update(frozenset({API_KEY, ("taskSettings", "user")}))
WITH_USER = openai_spec(adoptionPolicy="Always", taskSettings={"user": "search-team"})

ADOPTS = (
    pytest.param(SPEC_NEVER, SAME, [], Reason.ALREADY_EXISTS, id="Never, identical: left alone"),
    pytest.param(SPEC_NEVER, OTHER, [], Reason.ALREADY_EXISTS, id="Never, different: left alone"),
    pytest.param(SPEC, OTHER, [], Reason.ALREADY_EXISTS, id="IfIdentical, different: left alone"),
    pytest.param(
        SPEC,
        SAME,
        [(Claim(), PATCHED), (SENDS_KEY, SAME)],
        Nothing,
        id="IfIdentical, identical: claimed, then our secrets are sent, since these can't be compared",
    ),
    pytest.param(SPEC_ALWAYS, SAME, [(Claim(), PATCHED), (SENDS_KEY, SAME)], Nothing, id="Always, identical: as IfIdentical"),
    pytest.param(
        SPEC_ALWAYS,
        OTHER,
        [(Claim(), PATCHED), (SENDS_KEY, OTHER)],
        Reason.REPLACE_REQUIRED,
        id="Always, different in what can't change: claimed, key sent, and the rest needs a replacement",
    ),
    pytest.param(
        WITH_USER,
        SAME,
        [(Claim(), PATCHED), (SENDS_MODEL_TOO, replace(SAME, task_settings={"user": "search-team"}))],
        Nothing,
        id="Always, lacking a setting of ours: the setting is sent along",
    ),
    pytest.param(
        openai_spec(taskSettings={"user": "search-team"}),
        SAME,
        [],
        Reason.ALREADY_EXISTS,
        id="IfIdentical, lacking a setting of ours: not identical",
    ),
)


@pytest.mark.parametrize(("spec", "there", "story", "end"), ADOPTS)
def test_strange_endpoint(spec: object, there: object, story: Story, end: End) -> None:
    assert isinstance(spec, type(SPEC))
    assert isinstance(there, type(SAME))
    situation = new(spec, observed=there)
    tell(situation, [(Look(), there), *story], end)


CUSTOM = type(SPEC).model_validate(
    {
        "taskType": "text_embedding",
        "service": "custom",
        "serviceSettings": {"headers": {"Authorization": {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "k"}}}}},
    }
)
SHOWS_KEY, SHOWS_THEIRS = (
    replace(stored(CUSTOM), service_settings={"headers": {"Authorization": value}}) for value in (CANARY, "theirs")
)


def test_strange_endpoint_whose_returned_secrets_were_not_read_is_compared_after_reading_them() -> None:
    situation = new(CUSTOM, desired=desire(CUSTOM, read=False), observed=SHOWS_THEIRS, fresh=True)
    tell(situation, [(Resolve(), desire(CUSTOM))], Reason.ALREADY_EXISTS)


def test_endpoint_of_ours_whose_returned_secrets_were_not_read_is_compared_after_reading_them() -> None:
    tell(ours(CUSTOM, observed=SHOWS_KEY), [(Resolve(), desire(CUSTOM))], Nothing)


NOT_OURS = (
    pytest.param(None, SERVER, id="no claim"),
    pytest.param(ClaimMark("another-uid", UUID, ID), SERVER, id="the claim of another uid, as a copied or restored object has"),
    pytest.param(ClaimMark(CLAIM.uid, "another-cluster", ID), SERVER, id="a claim on another cluster"),
    pytest.param(ClaimMark(CLAIM.uid, UUID, "another-id"), SERVER, id="a claim on another id"),
    pytest.param(ClaimMark.parse(f"{CLAIM.uid}@{UUID}"), SERVER, id="a mangled claim"),
)
OURS = (
    pytest.param(CLAIM, SERVER, id="a claim by UUID"),
    pytest.param(CLAIM, HIDES_UUID, id="a claim by UUID while the UUID can't be read"),
    pytest.param(
        ClaimMark(CLAIM.uid, "https://old.example:9200", ID), HIDES_UUID, id="whatever the claim says while nothing is known"
    ),
)


@pytest.mark.parametrize(("claim", "server"), NOT_OURS)
def test_claim_that_counts_for_nothing(claim: ClaimMark | None, server: Server) -> None:
    situation = new(SPEC_NEVER, claim=claim, has_finalizer=True, server=server, observed=SAME, fresh=True)
    tell(situation, [], Reason.ALREADY_EXISTS)


@pytest.mark.parametrize(("claim", "server"), OURS)
def test_claim_that_counts(claim: ClaimMark, server: Server) -> None:
    situation = ours(SPEC_NEVER, claim=claim, server=server)
    tell(situation, [], Nothing)


BY_ADDRESS = ClaimMark(CLAIM.uid, ADDRESS, ID)
VAGUE = (
    pytest.param(
        ours(SPEC_NEVER, claim=BY_ADDRESS),
        [(Claim(), PATCHED)],
        Nothing,
        id="made precise once the UUID is known; no finalizer is lost, no adoption",
    ),
    pytest.param(ours(SPEC_NEVER, claim=BY_ADDRESS, server=HIDES_UUID), [], Nothing, id="left so while the UUID is not known"),
    pytest.param(
        ours(SPEC_NEVER, claim=BY_ADDRESS, rival="other/one"), [], Reason.ID_CONFLICT, id="left so while another owns the id"
    ),
    pytest.param(
        ours(SPEC_NEVER, claim=BY_ADDRESS, desired=desire(SPEC_NEVER), observed=ABSENT, fresh=True),
        [(Claim(), PATCHED), (Create(), TAKEN), (Look(), SAME)],
        Nothing,
        id="made precise before the create: what was ours before is no stranger afterwards",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), VAGUE)
def test_claim_by_address(situation: EndpointSituation, story: Story, end: End) -> None:
    claimed = tell(situation, story, end)
    assert claimed.has_finalizer
    assert claimed.owned


@pytest.mark.parametrize("text", [None, "", "uid", "uid@cluster", "uid@/id", "@cluster/id", "uid@cluster/", "cluster/id"])
def test_mangled_claim_is_none(text: str | None) -> None:
    assert ClaimMark.parse(text) is None


@pytest.mark.parametrize("text", [str(CLAIM), f"uid@{ADDRESS}/id", "uid@http://host:9200/base/id"])
def test_claim_reads_back_as_written(text: str) -> None:
    assert str(ClaimMark.parse(text)) == text
