"""What the status holds beside conditions: users, drift, and what a later pass must remember of this one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.status import MAX_DRIFT, SecretVersion, UsedBy
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.endpoint.compare import digest
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Pass
from inference_operator.core.values import ABSENT, ObjectVersion, Path, Usage
from inference_operator.core.verdict import (
    Blocked,
    Conclusion,
    Delete,
    Held,
    Nothing,
    Step,
    Suspended,
    Unusable,
    Update,
    Watching,
)
from tests.core.reports import report
from tests.core.situations import (
    CANARY,
    LOST,
    SERVER,
    VERSION,
    desire,
    edited,
    elser_spec,
    going,
    new,
    openai_spec,
    ours,
    secret_ref,
    stored,
    told,
    written,
)

SPEC = openai_spec()
SUSPENDED = openai_spec(suspend=True)
ELSER = elser_spec()
OBSERVES = openai_spec(managementPolicy="Observe")
STALL = Disposition(Mood.STALL, Reason.VALIDATION_FAILED, "refused")
RETRY = Disposition(Mood.RETRY, Reason.UNREACHABLE, "no answer", blind=True)
MISSING = Disposition(Mood.WAIT, Reason.SECRET_NOT_FOUND, "no Secret", Area.REFERENCES)
STARTING = Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, "starting", Area.MODEL)


def test_users_are_counted_and_listed_up_to_a_bound() -> None:
    many = Usage(tuple(f"p{n:03}" for n in range(50)), tuple(f"i{n:03}" for n in range(3)))
    blocked = report(going(SPEC, usage=many), Blocked(many))
    assert blocked.used_by is not None
    assert (len(blocked.used_by.pipelines), len(blocked.used_by.indices), blocked.used_by.total) == (20, 3, 53)
    remembered = written(SPEC, used_by=UsedBy(pipelines=("p",), total=1))
    assert report(ours(SPEC, previous=remembered), Nothing()).used_by == UsedBy(pipelines=("p",), total=1)
    assert report(ours(SPEC, previous=remembered, observed=ABSENT), Held(STALL)).used_by is None


def test_drift_is_listed_up_to_a_bound_and_says_both_sides() -> None:
    spec = openai_spec({f"x{n:02}": n for n in range(50)}, driftPolicy="Detect")
    other = stored(spec, **{f"x{n:02}": None for n in range(1, 50)}, x00="0!", model_id="b")
    assert len(report(ours(spec, observed=stored(spec, **{f"x{n:02}": "?" for n in range(50)})), Held(STALL)).drift) == MAX_DRIFT
    drift = report(ours(spec, observed=other), Held(STALL)).drift
    assert [(d.path, d.desired, d.observed) for d in drift] == [
        ("serviceSettings.model_id", '"small"', '"b"'),
        ("serviceSettings.x00", "0", '"0!"'),
    ]
    assert report(ours(spec, observed=None, previous=told(spec, "Drifted", "a")), Held(RETRY)).drift[0].path == "a"


def test_drift_of_what_a_secret_feeds_shows_neither_side() -> None:
    spec = openai_spec({"url": secret_ref("url")})
    drift = report(ours(spec, observed=stored(SPEC, url=f"https://{CANARY}"), desired=desire(spec)), Held(STALL)).drift
    assert [(d.path, d.desired, d.observed) for d in drift] == [
        ("serviceSettings.url", '"<secret openai/url>"', "<hidden>"),
    ]


DEFAULT = '"https://api.openai.com/v1/embeddings"'


def test_setting_that_a_secret_fed_is_not_shown_once_the_spec_leaves_it_out() -> None:
    before, after = openai_spec({"url": secret_ref("url")}), openai_spec()
    there = stored(SPEC, url=CANARY)
    first = report(ours(before, observed=there, desired=desire(before)), Nothing())
    second = report(edited(before, after, previous=first, observed=there), Held(STALL))
    assert second.observed is not None
    assert second.observed["service_settings"]["url"] == "<secret openai/url>"
    assert [(d.path, d.desired, d.observed) for d in second.drift] == [("serviceSettings.url", DEFAULT, "<hidden>")]


REMEMBERS: tuple[Any, ...] = (
    pytest.param(Nothing(), SPEC, True, id="all is well: this is what was applied"),
    pytest.param(Unusable(STARTING), SPEC, True, id="the model is on its way: applied all the same"),
    pytest.param(Held(STALL), SPEC, False, id="held: not applied"),
    pytest.param(Watching(), OBSERVES, False, id="observed: nothing was applied"),
    pytest.param(Unusable(STARTING), OBSERVES, False, id="observed, the model on its way: nothing was applied"),
    pytest.param(Suspended(), SUSPENDED, False, id="suspended: nothing was applied"),
)


@pytest.mark.parametrize(("conclusion", "spec", "is_applied"), REMEMBERS)
def test_applied_is_what_was_written(conclusion: Conclusion, spec: Any, is_applied: bool) -> None:
    status = report(new(spec, observed=stored(SPEC)), conclusion)
    if is_applied:
        assert status.applied is not None
        assert status.applied.digest == digest(desire(spec))
        assert status.applied.paths == ("serviceSettings.api_key", "serviceSettings.model_id")
    else:
        assert status.applied is None


def test_applied_keeps_its_generation_while_the_settings_are_the_same() -> None:
    status = report(edited(SPEC, openai_spec(replacePolicy="Always")), Nothing())
    assert status.applied is not None
    assert status.applied.generation == 1


RATED = openai_spec({"model_id": "large", "rate_limit": {"requests_per_minute": 10}}, taskSettings={"user": "them"})
RATE: Path = ("serviceSettings", "rate_limit", "requests_per_minute")
USER: Path = ("taskSettings", "user")
FIRST = ("serviceSettings.api_key", "serviceSettings.model_id")
BUSY = HttpFailure(503, "cluster_block_exception", "blocked")
TURNED_DOWN = HttpFailure(400, "validation_exception", "no such setting")
MAKES_WAY = Delete(force=False, replacing=True)
ELSEWHERE = replace(SERVER, uuid="another")
SENT = Pass(written=True, updated=frozenset({RATE, USER}))
THERE = replace(stored(SPEC, rate_limit={"requests_per_minute": 10}), task_settings={"user": "them"})
SLOW = stored(SPEC, rate_limit={"requests_per_minute": 3000})
HALF = edited(SPEC, RATED, observed=THERE, done=SENT)


def held(s: EndpointSituation, step: Step, failure: Failure) -> EndpointSituation:
    return replace(s, failure=failure, done=replace(s.done, tried=step))


LEFT: tuple[Any, ...] = (
    pytest.param(edited(SPEC, RATED), 1, True, FIRST, id="nothing of the edit was written: as before"),
    pytest.param(
        HALF, 2, False, (*FIRST, "serviceSettings.rate_limit.requests_per_minute", "taskSettings.user"), id="a part of it was"
    ),
    pytest.param(
        edited(SPEC, RATED, observed=SLOW, done=replace(SENT, updated=frozenset({RATE}))),
        1,
        True,
        FIRST,
        id="it was acknowledged and ignored: as before",
    ),
    pytest.param(
        held(edited(SPEC, RATED), Update(frozenset({USER})), LOST),
        2,
        False,
        (*FIRST, "taskSettings.user"),
        id="a part may have been: the answer was lost",
    ),
    pytest.param(
        held(edited(SPEC, RATED), Update(frozenset({USER})), TURNED_DOWN), 1, True, FIRST, id="the part was refused: as before"
    ),
    pytest.param(
        ours(SPEC, done=Pass(written=True, updated=frozenset({RATE}))), 1, True, FIRST, id="the same spec, put back: as before"
    ),
    pytest.param(ours(SPEC, server=ELSEWHERE), 1, False, (), id="another cluster: nothing of it is known to be there"),
    pytest.param(ours(SPEC, server=replace(SERVER, uuid=None)), 1, True, FIRST, id="a cluster that can't be told: as before"),
    pytest.param(edited(SPEC, RATED, observed=ABSENT, done=Pass(replaced=True)), 1, False, (), id="it was deleted to make way"),
    pytest.param(held(edited(SPEC, RATED), MAKES_WAY, LOST), 2, False, FIRST, id="it may have been: the answer was lost"),
    pytest.param(held(edited(SPEC, RATED), MAKES_WAY, BUSY), 2, False, FIRST, id="it may have been: the server failed"),
    pytest.param(held(edited(SPEC, RATED), MAKES_WAY, TURNED_DOWN), 1, True, FIRST, id="its deletion was refused: as before"),
)


@pytest.mark.parametrize(("situation", "generation", "is_whole", "paths"), LEFT)
def test_applied_after_a_held_pass_is_what_may_be_there(
    situation: EndpointSituation, generation: int, is_whole: bool, paths: tuple[str, ...]
) -> None:
    left = report(situation, Held(STALL)).applied
    assert left is not None
    assert (left.generation, left.digest, left.paths) == (generation, digest(desire(SPEC)) if is_whole else None, paths)
    again = replace(situation, previous=report(situation, Held(STALL)), failure=None, done=Pass())
    assert report(again, Held(STALL)).applied == left, "the next pass, which is held as well, forgets nothing"


def test_applied_of_a_suspended_object_says_nothing_of_another_cluster() -> None:
    left = report(ours(SUSPENDED, server=ELSEWHERE), Suspended()).applied
    assert left is not None
    assert (left.digest, left.paths) == (None, ())


def test_what_was_created_and_is_not_as_written_leaves_its_paths() -> None:
    left = report(new(SPEC, observed=stored(SPEC), done=Pass(written=True, created=True)), Held(STALL)).applied
    assert left is not None
    assert (left.digest, left.paths) == (None, FIRST)


def test_applied_once_all_is_well_again_lists_only_what_the_spec_sets() -> None:
    left = report(HALF, Held(STALL))
    status = report(edited(RATED, SPEC, generation=3, previous=left, observed=stored(SPEC)), Nothing())
    assert status.applied is not None
    assert (status.applied.generation, status.applied.paths) == (3, FIRST)


NOTED = (SecretVersion(name="openai", uid=VERSION.uid, resource_version="1"),)
NEWER = (SecretVersion(name="openai", uid=VERSION.uid, resource_version="2"),)
ROTATED = desire(SPEC, version=ObjectVersion(VERSION.uid, "2"))
BEFORE = written(SPEC, secret_versions=NOTED)
EDITED = edited(SPEC, SPEC, previous=BEFORE, desired=ROTATED)

VERSIONS: tuple[Any, ...] = (
    pytest.param(ours(SPEC, previous=BEFORE), Nothing(), NOTED, id="nothing changed"),
    pytest.param(
        ours(SPEC, previous=BEFORE, desired=ROTATED), Nothing(), NEWER, id="a new version with the same values is noted"
    ),
    pytest.param(
        ours(SPEC, previous=BEFORE, desired=ROTATED, secrets_changed=True, done=Pass(written=True)), Nothing(), NEWER, id="sent"
    ),
    pytest.param(
        ours(SPEC, previous=BEFORE, desired=ROTATED, secrets_changed=True, done=Pass(written=True)),
        Held(STALL),
        NEWER,
        id="sent, then held",
    ),
    pytest.param(
        ours(SPEC, previous=BEFORE, desired=ROTATED, secrets_changed=True), Held(RETRY), NOTED, id="not sent: the old one is"
    ),
    pytest.param(
        ours(SPEC, previous=BEFORE, desired=None, observed=None),
        Held(MISSING),
        NOTED,
        id="a reference is missing: what was sent was sent",
    ),
    pytest.param(
        replace(EDITED, secrets_changed=True),
        Held(RETRY),
        (),
        id="not sent for this generation: what was sent may be another key",
    ),
    pytest.param(
        replace(EDITED, desired=None, observed=None), Held(MISSING), (), id="another generation, not even read: the same"
    ),
    pytest.param(EDITED, Held(STALL), NEWER, id="another generation, the same values: noted"),
    pytest.param(ours(SPEC, previous=BEFORE, server=ELSEWHERE), Held(STALL), (), id="another cluster: nothing was sent to it"),
    pytest.param(
        ours(SPEC, previous=BEFORE, done=Pass(claimed=True)), Held(STALL), (), id="taken over, not sent: it may hold another's"
    ),
    pytest.param(ours(SPEC, previous=BEFORE, done=Pass(claimed=True, written=True)), Nothing(), NOTED, id="taken over, and sent"),
    pytest.param(new(OBSERVES, observed=stored(SPEC)), Watching(), (), id="observed: nothing was sent"),
)


@pytest.mark.parametrize(("situation", "conclusion", "expected"), VERSIONS)
def test_versions_are_of_what_elasticsearch_holds(situation: EndpointSituation, conclusion: Conclusion, expected: object) -> None:
    assert report(situation, conclusion).secret_versions == expected


PUT_OFF = Disposition(Mood.RETRY, Reason.RATE_LIMITED, "asks for fewer requests", blind=True)
PUTTING_OFF: tuple[Any, ...] = (
    pytest.param(told(SPEC, "RateLimited"), "False", id="the answer itself said so: nothing is taken back"),
    pytest.param(told(SPEC, "Creating"), "Unknown", id="something else was said: nothing is known"),
    pytest.param(written(SPEC), "Unknown", id="nothing was wrong: nothing is known"),
)


@pytest.mark.parametrize(("previous", "truth"), PUTTING_OFF)
def test_request_that_is_put_off_takes_nothing_back(previous: InferenceEndpointStatus, truth: str) -> None:
    status = report(ours(SPEC, observed=None, previous=previous), Held(PUT_OFF))
    assert [c.status for c in status.conditions if c.type in ("Ready", "Synced")] == [truth, truth]
    later = report(ours(SPEC, observed=None, previous=previous, generation=2), Held(PUT_OFF))
    assert {c.status for c in later.conditions if c.type in ("Ready", "Synced")} == {"Unknown"}


def test_a_look_at_the_model_that_is_put_off_takes_nothing_back() -> None:
    answer = Disposition(Mood.RETRY, Reason.RATE_LIMITED, "asks for fewer requests", Area.MODEL)
    first = report(ours(ELSER), Unusable(answer))
    later = report(ours(ELSER, previous=first), Unusable(replace(answer, blind=True)))
    assert later.conditions == first.conditions
