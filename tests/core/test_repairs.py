"""What counts as put back after somebody else had changed it, so that an Event tells of it: not our own edits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.values import ABSENT, Path, Usage
from inference_operator.core.verdict import Claim, Create, Delete, DryRun, Update, Validate
from inference_operator.core.words import put_back
from tests.core.situations import SERVER, TAKEN, desire, edited, new, openai_spec, ours, stored, told
from tests.core.stories import PATCHED, Story, follow

RATE: Path = ("serviceSettings", "rate_limit", "requests_per_minute")
KEY: Path = ("serviceSettings", "api_key")
WHOLE: Path = ()
SPEC = openai_spec({"rate_limit": {"requests_per_minute": 10}})
FASTER = openai_spec({"rate_limit": {"requests_per_minute": 20}})
LARGE = openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 10}}, replacePolicy="Always")
SAME = stored(SPEC)
DRIFTED = stored(SPEC, rate_limit={"requests_per_minute": 99})
READ = ours(SPEC, desired=desire(SPEC), fresh=True)

REPAIRS = (
    pytest.param(replace(READ, observed=DRIFTED), [(Update(frozenset({RATE})), SAME)], {RATE}, id="a setting is put back"),
    pytest.param(
        replace(READ, observed=DRIFTED, secrets_changed=True),
        [(Update(frozenset({RATE, KEY})), SAME)],
        {RATE},
        id="a rotated key that goes along is none",
    ),
    pytest.param(replace(READ, observed=ABSENT), [(Create(), SAME)], {WHOLE}, id="what was deleted by others is made anew"),
    pytest.param(
        edited(SPEC, FASTER, fresh=True), [(Update(frozenset({RATE})), stored(FASTER))], set(), id="an edit of the spec is none"
    ),
    pytest.param(
        new(SPEC, observed=ABSENT, fresh=True), [(Claim(), PATCHED), (Create(), SAME)], set(), id="the first create is none"
    ),
    pytest.param(
        replace(READ, observed=ABSENT, server=replace(SERVER, uuid="another")),
        [(Claim(), PATCHED), (Create(), SAME)],
        set(),
        id="a create in another cluster is none",
    ),
    pytest.param(
        edited(SPEC, LARGE, fresh=True),
        [(Validate(), TAKEN), (DryRun(), Usage()), (Delete(force=False, replacing=True), Usage()), (Create(), stored(LARGE))],
        set(),
        id="a replacement is none",
    ),
    pytest.param(
        replace(READ, observed=ABSENT, previous=told(SPEC, "Replacing")),
        [(Create(), SAME)],
        set(),
        id="nor is its end after a restart",
    ),
    pytest.param(READ, [], set(), id="where nothing differs there is none"),
)


@pytest.mark.parametrize(("situation", "story", "paths"), REPAIRS)
def test_repair(situation: EndpointSituation, story: Story, paths: set[Path]) -> None:
    assert follow(situation, story).done.repaired == paths


def test_repair_is_told_by_its_paths() -> None:
    assert "spec.serviceSettings.rate_limit.requests_per_minute" in put_back(READ, {RATE})
    assert "was put back" in put_back(READ, {RATE})


def test_repair_of_the_whole_is_told_as_made_anew() -> None:
    assert "was deleted" in put_back(READ, {WHOLE, RATE})
