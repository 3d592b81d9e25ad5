"""What `plan` does about changes that need a replacement, about drift, and about rotated keys, by policy."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.values import ABSENT, ObjectVersion, Path, Server, Usage
from inference_operator.core.verdict import Create, Delete, DryRun, Held, Inspect, Look, Nothing, Resolve, Update, Validate
from tests.core.situations import (
    ADDRESS,
    DOWN,
    REFUSED,
    SECRET,
    SERVER,
    TAKEN,
    USED,
    UUID,
    deployed,
    desire,
    edited,
    elser_spec,
    openai_spec,
    ours,
    stored,
    told,
)
from tests.core.stories import End, Story, follow, tell

RATE: Path = ("serviceSettings", "rate_limit", "requests_per_minute")
KEY: Path = ("serviceSettings", "api_key")
NOVEL: Path = ("serviceSettings", "novelty")

SPEC = openai_spec({"rate_limit": {"requests_per_minute": 10}})
SAME = stored(SPEC)
HALF = stored(SPEC, rate_limit={"requests_per_minute": 20})
OLD_NOVELTY, NOVELTY = openai_spec({"novelty": 1}), openai_spec({"novelty": 2})
UNKNOWN_SETTING = HttpFailure(
    400, "status_exception", "Configuration contains settings [{novelty=2}] unknown to the [openai] service"
)


def sends(*paths: Path) -> Update:
    return Update(frozenset(paths))


def replacing(policy: str, after: dict[str, Any] | None = None, **fields: Any) -> EndpointSituation:
    """`SPEC` edited in the model, which can't change in place."""
    settings = {"model_id": "large", "rate_limit": {"requests_per_minute": 10}} | (after or {})
    return edited(SPEC, openai_spec(settings, replacePolicy=policy), **fields)


NEW = stored(openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 10}}))
REPLACED = [(Delete(force=False, replacing=True), Usage()), (Create(), NEW)]
FORCED = [(Delete(force=True, replacing=True), Usage()), (Create(), NEW)]
UNREAD = replacing("Always", desired=desire(openai_spec({"model_id": "large"}, replacePolicy="Always"), read=False))

REPLACES = (
    pytest.param(
        replacing("Always"),
        [(Validate(), TAKEN), (DryRun(), Usage()), *REPLACED],
        Nothing,
        id="Always, unused: validated first, then dry run, delete without force, create",
    ),
    pytest.param(
        replacing("WhenUnused"), [(Validate(), TAKEN), (DryRun(), Usage()), *REPLACED], Nothing, id="WhenUnused, unused: the same"
    ),
    pytest.param(
        replacing("Always"), [(Validate(), TAKEN), (DryRun(), USED), *FORCED], Nothing, id="Always, used: the delete is forced"
    ),
    pytest.param(
        replacing("WhenUnused"), [(Validate(), TAKEN), (DryRun(), USED)], Reason.REPLACE_BLOCKED, id="WhenUnused, used: blocked"
    ),
    pytest.param(
        replacing("WhenUnused", {"rate_limit": {"requests_per_minute": 20}}, secrets_changed=True),
        [(Validate(), TAKEN), (DryRun(), USED), (sends(RATE, KEY), HALF)],
        Reason.REPLACE_BLOCKED,
        id="WhenUnused, used: what can be mended does not wait for the last user to go, nor does a rotated key",
    ),
    pytest.param(
        replacing("Always"), [(Validate(), REFUSED)], Reason.PROVIDER_REFUSED, id="refused by the check: the old endpoint stays"
    ),
    pytest.param(
        replacing("Always"), [(Validate(), DOWN)], Reason.UNREACHABLE, id="the check is not answered: the old one stays"
    ),
    pytest.param(
        replacing("Always"),
        [(Validate(), NEW)],
        Nothing,
        id="the check finds the id free and makes the endpoint: nothing left to do",
    ),
    pytest.param(
        replacing("Always"),
        [(Validate(), TAKEN), (DryRun(), ABSENT), (Create(), NEW)],
        Nothing,
        id="gone between check and dry run: made",
    ),
    pytest.param(replacing("Always"), [(Validate(), TAKEN), (DryRun(), DOWN)], Reason.UNREACHABLE, id="the dry run fails"),
    pytest.param(
        replacing("Always"),
        [(Validate(), TAKEN), (DryRun(), Usage()), (Delete(force=False, replacing=True), DOWN)],
        Reason.UNREACHABLE,
        id="the delete fails",
    ),
    pytest.param(
        replacing("Always"),
        [(Validate(), TAKEN), (DryRun(), Usage()), REPLACED[0], (Create(), REFUSED), (Look(), ABSENT)],
        Reason.REPLACING,
        id="the create fails: told, and tried again by the next pass",
    ),
    pytest.param(
        UNREAD,
        [
            (Resolve(), desire(openai_spec({"model_id": "large"}, replacePolicy="Always"))),
            (Validate(), TAKEN),
            (DryRun(), Usage()),
            *REPLACED,
        ],
        Nothing,
        id="values that were not read are read before the check",
    ),
    pytest.param(
        edited(OLD_NOVELTY, openai_spec({"novelty": 2}, replacePolicy="Always")),
        [
            (sends(NOVEL), UNKNOWN_SETTING),
            (Validate(), TAKEN),
            (DryRun(), Usage()),
            (Delete(force=False, replacing=True), Usage()),
            (Create(), stored(NOVELTY)),
        ],
        Nothing,
        id="a refused update leads to a replacement",
    ),
    pytest.param(
        edited(OLD_NOVELTY, openai_spec({"novelty": 2}, replacePolicy="Always"), server=Server(ADDRESS, UUID, "9.2.0")),
        [
            (sends(NOVEL), stored(OLD_NOVELTY)),
            (Validate(), TAKEN),
            (DryRun(), Usage()),
            (Delete(force=False, replacing=True), Usage()),
            (Create(), stored(NOVELTY)),
        ],
        Nothing,
        id="an ignored update leads to a replacement",
    ),
    pytest.param(
        ours(openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 10}}), observed=ABSENT, fresh=True),
        [
            (Resolve(), desire(openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 10}}))),
            (Create(), NEW),
        ],
        Nothing,
        id="killed between delete and create: the next run makes it",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), REPLACES)
def test_replacement(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


def test_in_cluster_model_is_replaced_without_the_check_for_its_deployment_has_the_id() -> None:
    before = elser_spec()
    after = elser_spec(replacePolicy="Always", serviceSettings=dict(before.service_settings) | {"num_threads": 2})
    story: Story = [
        (DryRun(), Usage()),
        (Delete(force=False, replacing=True), Usage()),
        (Create(), stored(after)),
        (Inspect(), deployed()),
    ]
    tell(edited(before, after, observed=stored(before)), story, Nothing)


DETECTS = openai_spec({"rate_limit": {"requests_per_minute": 10}}, driftPolicy="Detect")
DRIFTED = stored(DETECTS, rate_limit={"requests_per_minute": 99})
REPLACES_AND_DETECTS = openai_spec(driftPolicy="Detect", replacePolicy="Always")
OTHER_MODEL = stored(REPLACES_AND_DETECTS, model_id="theirs")
ROTATED = desire(REPLACES_AND_DETECTS, version=ObjectVersion("uid", "2"))

DRIFT = (
    pytest.param(
        ours(SPEC, observed=stored(SPEC, rate_limit={"requests_per_minute": 99})),
        [(Look(), stored(SPEC, rate_limit={"requests_per_minute": 99})), (Resolve(), desire(SPEC)), (sends(RATE), SAME)],
        Nothing,
        id="Correct: confirmed by a look, then put back",
    ),
    pytest.param(
        ours(SPEC, observed=stored(SPEC, rate_limit={"requests_per_minute": 99})),
        [(Look(), SAME)],
        Nothing,
        id="a bulk read that is older than our own write proves no difference",
    ),
    pytest.param(
        ours(SPEC, observed=stored(SPEC, rate_limit={"requests_per_minute": 99})),
        [(Look(), ABSENT), (Resolve(), desire(SPEC)), (Create(), SAME)],
        Nothing,
        id="gone by the time of the look: put back",
    ),
    pytest.param(ours(DETECTS, observed=DRIFTED), [(Look(), DRIFTED)], Reason.DRIFTED, id="Detect: confirmed, then listed"),
    pytest.param(ours(DETECTS, observed=ABSENT), [(Look(), ABSENT)], Reason.DRIFTED, id="Detect: a deletion by others is listed"),
    pytest.param(
        edited(DETECTS, openai_spec({"rate_limit": {"requests_per_minute": 20}}, driftPolicy="Detect")),
        [(sends(RATE), HALF)],
        Nothing,
        id="Detect: an edit of the spec is written",
    ),
    pytest.param(
        ours(DETECTS, desired=desire(DETECTS), observed=DRIFTED, fresh=True, secrets_changed=True),
        [(sends(KEY), DRIFTED)],
        Reason.DRIFTED,
        id="Detect: a rotation is written, the drift stays",
    ),
    pytest.param(
        ours(REPLACES_AND_DETECTS, desired=ROTATED, observed=OTHER_MODEL, fresh=True, secrets_changed=True),
        [(sends(KEY), OTHER_MODEL)],
        Reason.DRIFTED,
        id="Detect: nothing is replaced for a drift, not even together with a rotation",
    ),
    pytest.param(
        ours(DETECTS, observed=ABSENT, server=replace(SERVER, uuid="another")),
        [(Look(), ABSENT), (Resolve(), desire(DETECTS))],
        None,
        id="Detect: another cluster behind the address is no deletion by others",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), DRIFT)
def test_drift(situation: EndpointSituation, story: Story, end: End | None) -> None:
    if end is None:
        follow(situation, story)
    else:
        tell(situation, story, end)


ROTATED_KEY = ours(SPEC, desired=desire(SPEC, version=ObjectVersion("uid", "2")), secrets_changed=True)

ROTATIONS = (
    pytest.param(ROTATED_KEY, [(Look(), SAME), (sends(KEY), SAME)], Nothing, id="a rotated key is sent, with nothing else"),
    pytest.param(
        replace(ROTATED_KEY, desired=desire(SPEC, read=False)),
        [(Look(), SAME), (Resolve(), desire(SPEC)), (sends(KEY), SAME)],
        Nothing,
        id="read first where it was not",
    ),
    pytest.param(
        ours(SPEC, observed=stored(SPEC, rate_limit={"requests_per_minute": 9}), fresh=True),
        [(Resolve(), desire(SPEC, version=ObjectVersion(SECRET.name, "7"))), (sends(RATE, KEY), SAME)],
        Nothing,
        id="a Secret that changed between two readings counts as rotated",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), ROTATIONS)
def test_rotation(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)


BAD_REQUEST = HttpFailure(400, "validation_exception", "[service_settings] Invalid value received.")
KEY_TOO = replacing("Always", secrets_changed=True)

REFUSED_AND_ROTATED = (
    pytest.param(
        KEY_TOO,
        [(Validate(), BAD_REQUEST), (sends(KEY), SAME)],
        Reason.VALIDATION_FAILED,
        id="the replacement is invalid: the endpoint that serves on gets the rotated key",
    ),
    pytest.param(
        KEY_TOO,
        [(Validate(), DOWN), (sends(KEY), SAME)],
        Reason.UNREACHABLE,
        id="the check got no answer: the key is sent all the same",
    ),
    pytest.param(
        KEY_TOO,
        [(Validate(), REFUSED)],
        Reason.PROVIDER_REFUSED,
        id="the provider refused: perhaps for the key, so the one that serves is kept",
    ),
    pytest.param(
        KEY_TOO,
        [(Validate(), BAD_REQUEST), (sends(KEY), DOWN)],
        Reason.VALIDATION_FAILED,
        id="and where sending it fails, too, why there is no replacement is told, and the key sent by the next pass",
    ),
    pytest.param(
        replacing("Always"), [(Validate(), BAD_REQUEST)], Reason.VALIDATION_FAILED, id="nothing rotated: nothing is sent"
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), REFUSED_AND_ROTATED)
def test_rotated_key_while_the_replacement_is_refused(situation: EndpointSituation, story: Story, end: End) -> None:
    told_of = tell(situation, story, end)
    verdict = plan(told_of)
    assert isinstance(verdict, Held)
    assert "the old endpoint keeps serving" in verdict.disposition.message


DELETED = ours(
    openai_spec({"model_id": "large"}, replacePolicy="Always"),
    previous=told(SPEC, "Replacing"),
    desired=desire(openai_spec({"model_id": "large"}, replacePolicy="Always")),
    observed=ABSENT,
    fresh=True,
)
AFTER_A_RESTART = (
    pytest.param(DELETED, [(Create(), NEW)], Nothing, id="made"),
    pytest.param(DELETED, [(Create(), REFUSED), (Look(), ABSENT)], Reason.REPLACING, id="fails again: still Replacing"),
    pytest.param(DELETED, [(Create(), DOWN), (Look(), ABSENT)], Reason.REPLACING, id="lost again: still Replacing"),
    pytest.param(
        replace(DELETED, generation=2),
        [(Create(), REFUSED), (Look(), ABSENT)],
        Reason.PROVIDER_REFUSED,
        id="edited since: what fails now is the edit",
    ),
    pytest.param(
        replace(DELETED, spec=openai_spec({"model_id": "large"}, replacePolicy="Always", driftPolicy="Detect")),
        [(Create(), NEW)],
        Nothing,
        id="Detect: our own delete is no drift",
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), AFTER_A_RESTART)
def test_create_after_a_restart_in_the_middle_of_a_replacement(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)
