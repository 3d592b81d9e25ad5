"""What the status of a pipeline says after a pass: bounded, lawful, and nothing that changes without news."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from inference_operator.api.ingest_pipeline import IngestPipelineStatus
from inference_operator.api.status import MAX_DRIFT, MAX_REFERRERS, UsedBy
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.status import next_status
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import Referrers
from inference_operator.core.values import ABSENT, Usage
from inference_operator.core.verdict import Conclusion, Held, Nothing, Suspended, Unusable, Watching
from tests.core.situations import LATER, NOW, USED
from tests.core_pipeline.bodies import spec
from tests.core_pipeline.situations import BAD, TESTS, edited, new, ours, there, trials, written
from tests.lawful import assert_lawful, assert_succession

SPEC = spec(description="one")
CALLS = spec(
    processors=[{"inference": {"model_id": "e2"}}, {"foreach": {"field": "f", "processor": {"inference": {"model_id": "e1"}}}}]
)
MISSING = Disposition(Mood.WAIT, Reason.WAITING_FOR_REFERENCE, "inference endpoint e waits", Area.REFERENCES)


def report(s: PipelineSituation, conclusion: Conclusion = Nothing(), handled: str | None = None) -> IngestPipelineStatus:  # noqa: B008 - a value
    """The next status, after checking that it is lawful, steady, and survives the API server."""
    status = next_status(s, conclusion, now=NOW, handled=handled)
    assert_lawful(status, s.generation)
    assert_succession(s.previous, status, NOW)
    assert next_status(replace(s, previous=status), conclusion, now=LATER, handled=handled) == status
    assert IngestPipelineStatus.model_validate(status.body()) == status
    return status


def conditions(status: IngestPipelineStatus) -> dict[str, str]:
    return {c.type: f"{c.status} {c.reason}" for c in status.conditions}


ENDS = (
    pytest.param(
        ours(SPEC),
        Nothing(),
        {"Ready": "True Available", "ReferencesResolved": "True Available", "Synced": "True Available"},
        id="as written",
    ),
    pytest.param(
        ours(SPEC),
        Unusable(MISSING),
        {
            "Ready": "False WaitingForReference",
            "Synced": "True Available",
            "ReferencesResolved": "False WaitingForReference",
            "Reconciling": "True WaitingForReference",
        },
        id="written, and what it names is not there: in sync, not Ready",
    ),
    pytest.param(
        new(SPEC, observed=ABSENT),
        Held(MISSING),
        {
            "Ready": "False WaitingForReference",
            "ReferencesResolved": "False WaitingForReference",
            "Synced": "Unknown WaitingForReference",
            "Reconciling": "True WaitingForReference",
        },
        id="not written before what it names is there",
    ),
    pytest.param(
        new(SPEC, observed=there(SPEC, description="changed")),
        Watching(),
        {
            "Ready": "True Observed",
            "ReferencesResolved": "True Available",
            "Synced": "False Observed",
            "Drifted": "True Observed",
        },
        id="observed: differs",
    ),
    pytest.param(
        ours(SPEC),
        Suspended(),
        {
            "Ready": "True Available",
            "Synced": "True Available",
            "ReferencesResolved": "True Available",
            "Suspended": "True Suspended",
        },
        id="suspended: as it was written",
    ),
    pytest.param(
        edited(SPEC, spec(description="two")),
        Suspended(),
        {
            "Ready": "Unknown Suspended",
            "Synced": "Unknown Suspended",
            "ReferencesResolved": "True Available",
            "Suspended": "True Suspended",
        },
        id="suspended: the spec moved on",
    ),
)


@pytest.mark.parametrize(("situation", "conclusion", "expected"), ENDS)
def test_conditions(situation: PipelineSituation, conclusion: Conclusion, expected: dict[str, str]) -> None:
    assert conditions(report(situation, conclusion)) == expected


LARGE = there(SPEC, meta_of_theirs="x" * 300_000)
OBSERVED: tuple[Any, ...] = (
    pytest.param(ours(SPEC), {"processors": [{"drop": {}}], "description": "one"}, 1, id="what Elasticsearch holds"),
    pytest.param(ours(SPEC, observed=ABSENT), None, None, id="nothing"),
    pytest.param(ours(SPEC, observed=LARGE), None, 1, id="more than an object may hold: only counted"),
    pytest.param(
        ours(SPEC, observed=None, previous=written(SPEC, observed={"processors": []}, processors=0)),
        {"processors": []},
        0,
        id="not known now: as before",
    ),
)


@pytest.mark.parametrize(("situation", "body", "processors"), OBSERVED)
def test_what_is_there(situation: PipelineSituation, body: object, processors: int | None) -> None:
    status = report(situation)
    assert status.observed == body
    assert status.processors == processors
    assert status.pipeline_id == situation.external_id


def test_endpoints_are_those_that_the_spec_names_sorted_and_bounded() -> None:
    assert report(ours(CALLS)).endpoints == ("e1", "e2")
    many = spec(processors=[{"inference": {"model_id": f"e{number:02}"}} for number in range(30)])
    assert report(ours(many)).endpoints == tuple(f"e{number:02}" for number in range(MAX_REFERRERS))


def test_endpoints_stay_as_before_while_the_spec_was_not_looked_at() -> None:
    assert report(ours(CALLS, desired=None, previous=written(CALLS, endpoints=("e1",)))).endpoints == ("e1",)


def test_drift_is_listed_bounded() -> None:
    there_is = there(SPEC, description="x" * 5000, processors=[{"set": {"field": str(n)}} for n in range(100)])
    drift = report(ours(SPEC, observed=there_is)).drift
    assert len(drift) == MAX_DRIFT
    text = next(entry for entry in drift if entry.path == "description")
    assert text.desired == '"one"'
    assert text.observed is not None
    assert text.observed.endswith("…")
    assert len(text.observed) <= 1024


def test_drift_stays_as_before_while_nothing_is_known() -> None:
    listed = report(ours(SPEC, observed=there(SPEC, description="two"))).drift
    assert report(ours(SPEC, observed=None, previous=written(SPEC, drift=listed))).drift == listed
    assert report(ours(SPEC, observed=ABSENT)).drift == ()


WITH_TESTS = spec(description="one", tests=TESTS)
FAILED = trials(WITH_TESTS, BAD)
TRIALS = (
    pytest.param(ours(WITH_TESTS, trials=FAILED), FAILED, id="of this pass"),
    pytest.param(ours(WITH_TESTS, previous=written(WITH_TESTS, tests=FAILED)), FAILED, id="of an earlier pass"),
    pytest.param(ours(SPEC, previous=written(WITH_TESTS, tests=FAILED)), None, id="none any more: forgotten"),
    pytest.param(ours(WITH_TESTS), None, id="never run"),
)


@pytest.mark.parametrize(("situation", "expected"), TRIALS)
def test_trials(situation: PipelineSituation, expected: object) -> None:
    assert report(situation).tests == expected


USERS = (
    pytest.param(ours(SPEC, usage=USED), UsedBy(pipelines=("p1",), indices=("i1",), total=2), id="asked for in this pass"),
    pytest.param(
        ours(SPEC, referrers=Referrers(("caller",), ("index template t",))),
        UsedBy(pipelines=("caller",), indices=("index template t",), total=2),
        id="found by reading all pipelines and templates",
    ),
    pytest.param(ours(SPEC, referrers=Referrers((), ())), None, id="nobody"),
    pytest.param(ours(SPEC, usage=Usage()), UsedBy(total=0), id="nobody, for sure"),
    pytest.param(
        ours(SPEC, previous=written(SPEC, used_by=UsedBy(pipelines=("p",), total=1))),
        UsedBy(pipelines=("p",), total=1),
        id="not searched for: as before",
    ),
    pytest.param(ours(SPEC, observed=ABSENT, referrers=Referrers(("caller",), ())), None, id="nobody uses what is not there"),
)


@pytest.mark.parametrize(("situation", "expected"), USERS)
def test_users(situation: PipelineSituation, expected: UsedBy | None) -> None:
    assert report(situation).used_by == expected


def test_reconcile_request_is_echoed_and_kept() -> None:
    first = report(ours(SPEC), handled="now")
    assert first.last_handled_reconcile_at == "now"
    assert report(ours(SPEC, previous=first)).last_handled_reconcile_at == "now"


def test_applied_is_what_was_written() -> None:
    after = edited(SPEC, spec(description="two", version=3), observed=there(spec(description="two", version=3)))
    applied = report(after).applied
    assert applied is not None
    assert applied.generation == 2
    assert applied.paths == ("description", "processors", "version")


def test_status_of_a_large_pipeline_fits_beside_its_spec() -> None:
    body = report(ours(SPEC, observed=there(SPEC, processors=[{"script": {"source": "x" * 3000}}] * 80))).body()
    assert len(json.dumps(body)) < 400_000
