"""The status after each conclusion: lawful, steady, and what a later pass needs to remember."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.status import ClusterStatus, SecretVersion
from inference_operator.core.disposition import Area, Disposition, Mood
from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import unreadable_status
from inference_operator.core.failure import ReferenceFailure, ReferenceKind
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Pass
from inference_operator.core.values import ABSENT, Deployment
from inference_operator.core.verdict import (
    Blocked,
    Conclusion,
    Held,
    Nothing,
    Suspended,
    Unusable,
    Watching,
)
from tests.core.reports import report
from tests.core.situations import (
    CANARY,
    DOWN,
    ID,
    LATER,
    NOW,
    SERVER,
    THEN,
    USED,
    condition,
    deployed,
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
from tests.lawful import assert_lawful, assert_succession

SPEC = openai_spec()
ELSER = elser_spec()
SUSPENDED = openai_spec(suspend=True)
OBSERVES = openai_spec(managementPolicy="Observe")
INSPECTED = Pass(inspected=True)
STALL = Disposition(Mood.STALL, Reason.VALIDATION_FAILED, "refused")
RETRY = Disposition(Mood.RETRY, Reason.UNREACHABLE, "no answer", blind=True)
MISSING = Disposition(Mood.WAIT, Reason.SECRET_NOT_FOUND, "no Secret", Area.REFERENCES)
STARTING = Disposition(Mood.WAIT, Reason.MODEL_DEPLOYING, "starting", Area.MODEL)
UNSEEN = Disposition(Mood.RETRY, Reason.UNREACHABLE, "no answer", Area.MODEL, blind=True)

Expected = dict[str, tuple[str, str]]
YES, NO = ("True", "Available"), "False"


def conditions(status: InferenceEndpointStatus) -> Expected:
    return {c.type: (c.status, c.reason) for c in status.conditions}


CONDITIONS: tuple[Any, ...] = (
    pytest.param(ours(SPEC), Nothing(), {"Ready": YES, "ReferencesResolved": YES, "Synced": YES}, id="all is well"),
    pytest.param(
        ours(ELSER, deployment=deployed(), done=INSPECTED),
        Nothing(),
        {"Ready": YES, "ReferencesResolved": YES, "Synced": YES, "ModelReady": YES},
        id="all is well, in-cluster",
    ),
    pytest.param(
        ours(ELSER, deployment=deployed(), done=INSPECTED),
        Unusable(STARTING),
        {
            "Ready": (NO, "ModelDeploying"),
            "ReferencesResolved": YES,
            "Synced": YES,
            "ModelReady": (NO, "ModelDeploying"),
            "Reconciling": ("True", "ModelDeploying"),
        },
        id="the model is on its way",
    ),
    pytest.param(
        ours(ELSER),
        Unusable(UNSEEN),
        {
            "Ready": ("Unknown", "Unreachable"),
            "ReferencesResolved": YES,
            "Synced": YES,
            "ModelReady": ("Unknown", "Unreachable"),
            "Reconciling": ("True", "Unreachable"),
        },
        id="the model can't be looked at",
    ),
    pytest.param(
        ours(SPEC),
        Held(STALL),
        {
            "Ready": (NO, "ValidationFailed"),
            "ReferencesResolved": YES,
            "Synced": (NO, "ValidationFailed"),
            "Stalled": ("True", "ValidationFailed"),
        },
        id="a person must act",
    ),
    pytest.param(
        ours(SPEC, observed=None),
        Held(RETRY),
        {
            "Ready": ("Unknown", "Unreachable"),
            "ReferencesResolved": YES,
            "Synced": ("Unknown", "Unreachable"),
            "Reconciling": ("True", "Unreachable"),
        },
        id="nobody could look",
    ),
    pytest.param(
        ours(SPEC, desired=None, observed=None),
        Held(MISSING),
        {
            "Ready": (NO, "SecretNotFound"),
            "ReferencesResolved": (NO, "SecretNotFound"),
            "Synced": ("Unknown", "SecretNotFound"),
            "Reconciling": ("True", "SecretNotFound"),
        },
        id="a reference is missing",
    ),
    pytest.param(
        ours(SPEC, desired=None, observed=None, server=None),
        Held(STALL),
        {"Ready": (NO, "ValidationFailed"), "Synced": (NO, "ValidationFailed"), "Stalled": ("True", "ValidationFailed")},
        id="the spec can't be used: nothing is said of references",
    ),
    pytest.param(
        ours(openai_spec(driftPolicy="Detect"), observed=stored(SPEC, model_id="x"), fresh=True),
        None,
        {
            "Ready": (NO, "Drifted"),
            "ReferencesResolved": YES,
            "Synced": (NO, "Drifted"),
            "Drifted": ("True", "Drifted"),
            "Stalled": ("True", "Drifted"),
        },
        id="drift that is only detected",
    ),
    pytest.param(
        going(SPEC),
        Blocked(USED),
        {"Ready": (NO, "Deleting"), "DeletionBlocked": ("True", "InUse"), "Reconciling": ("True", "Deleting")},
        id="the deletion is blocked",
    ),
    pytest.param(
        new(OBSERVES, observed=stored(SPEC)),
        Watching(),
        {"Ready": ("True", "Observed"), "ReferencesResolved": YES, "Synced": ("True", "Observed")},
        id="observed, as written",
    ),
    pytest.param(
        new(OBSERVES, observed=stored(SPEC, model_id="x")),
        Watching(),
        {"Ready": ("True", "Observed"), "ReferencesResolved": YES, "Synced": (NO, "Observed"), "Drifted": ("True", "Observed")},
        id="observed, not as written: said, and no fault",
    ),
    pytest.param(
        new(elser_spec(managementPolicy="Observe"), observed=stored(ELSER, num_threads=9), deployment=deployed(), done=INSPECTED),
        Unusable(STARTING),
        {
            "Ready": (NO, "ModelDeploying"),
            "ReferencesResolved": YES,
            "Synced": (NO, "Observed"),
            "Drifted": ("True", "Observed"),
            "ModelReady": (NO, "ModelDeploying"),
            "Reconciling": ("True", "ModelDeploying"),
        },
        id="observed, its model on its way",
    ),
)


@pytest.mark.parametrize(("situation", "conclusion", "expected"), CONDITIONS)
def test_conditions(situation: EndpointSituation, conclusion: Conclusion | None, expected: Expected) -> None:
    verdict = conclusion or plan(situation)
    assert isinstance(verdict, Conclusion)
    assert conditions(report(situation, verdict)) == expected


NO_SECRET = ReferenceFailure(
    ReferenceKind.SECRET_NOT_FOUND, "spec.serviceSettings.api_key", "Secret search/openai does not exist"
)
PAUSED = {"Suspended": ("True", "Suspended")}
UNKNOWN = ("Unknown", "Suspended")
WHILE_SUSPENDED: tuple[Any, ...] = (
    pytest.param(ours(SUSPENDED), {"Ready": YES, "Synced": YES, "ReferencesResolved": YES}, id="as it was written"),
    pytest.param(
        ours(SUSPENDED, previous=told(SUSPENDED, "Unreachable")),
        {"Ready": YES, "Synced": YES, "ReferencesResolved": YES},
        id="as it was written, though not told so before",
    ),
    pytest.param(
        ours(SUSPENDED, observed=None),
        {"Ready": YES, "Synced": YES, "ReferencesResolved": YES},
        id="nobody could look: what was known stays",
    ),
    pytest.param(
        ours(SUSPENDED, observed=None, previous=told(SUSPENDED, "Unreachable")),
        {"Ready": (NO, "Unreachable"), "Synced": (NO, "Unreachable"), "ReferencesResolved": YES},
        id="also when it was no good",
    ),
    pytest.param(
        ours(SUSPENDED, observed=None, previous=told(SUSPENDED, "ReasonOfAnotherRelease")),
        {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": YES},
        id="a reason of another release is not repeated",
    ),
    pytest.param(
        ours(SUSPENDED, observed=ABSENT), {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": YES}, id="gone meanwhile"
    ),
    pytest.param(
        ours(SUSPENDED, observed=stored(SPEC, model_id="x")),
        {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": YES},
        id="changed meanwhile by others",
    ),
    pytest.param(
        edited(SPEC, openai_spec({"model_id": "large"}, suspend=True)),
        {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": YES},
        id="changed meanwhile in the spec",
    ),
    pytest.param(
        new(SUSPENDED, observed=ABSENT),
        {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": YES},
        id="suspended from the start",
    ),
    pytest.param(
        ours(SUSPENDED, desired=None, observed=None, failure=NO_SECRET),
        {"Ready": UNKNOWN, "Synced": UNKNOWN, "ReferencesResolved": (NO, "SecretNotFound")},
        id="a reference is missing meanwhile",
    ),
    pytest.param(
        ours(SUSPENDED, desired=None, observed=None),
        {"Ready": UNKNOWN, "Synced": UNKNOWN},
        id="nobody looked at references",
    ),
)


@pytest.mark.parametrize(("situation", "expected"), WHILE_SUSPENDED)
def test_conditions_while_suspended(situation: EndpointSituation, expected: Expected) -> None:
    assert conditions(report(situation, Suspended())) == expected | PAUSED


def test_model_of_a_suspended_object_is_told() -> None:
    paused = elser_spec(suspend=True)
    ready = {"Synced": YES, "ReferencesResolved": YES} | PAUSED
    serving = ours(paused, deployment=deployed(), done=INSPECTED)
    assert conditions(report(serving, Suspended())) == ready | {"Ready": YES, "ModelReady": YES}
    starting = report(serving, Suspended(STARTING))
    told_so = (NO, "ModelDeploying")
    assert conditions(starting) == ready | {"Ready": told_so, "ModelReady": told_so}
    unseen = ours(paused, deployment=None)
    assert conditions(report(unseen, Suspended())) == ready | {"Ready": YES}


def test_time_of_a_condition_changes_with_its_status_only() -> None:
    before = (condition("Ready", "True", "Available"), condition("Synced", "False", "Drifted"))
    status = report(ours(SPEC, previous=written(SPEC, conditions=before)), Nothing())
    times = {c.type: c.last_transition_time for c in status.conditions}
    assert times == {"Ready": THEN, "Synced": NOW, "ReferencesResolved": NOW}


def test_message_is_one_bounded_line() -> None:
    long = "x" * 100_000
    status = report(ours(SPEC), Held(replace(STALL, message=f"two\nlines\x07 {long}")))
    ready = next(c for c in status.conditions if c.type == "Ready")
    assert ready.message.startswith("two lines xxx")
    assert ready.message.endswith("…")


def test_cluster_that_can_not_be_read_is_not_forgotten() -> None:
    known = ClusterStatus(uuid=SERVER.uuid, version="9.5.0")
    assert report(ours(SPEC, server=None), Held(RETRY)).cluster == known
    assert report(ours(SPEC, server=replace(SERVER, uuid=None, version=None)), Nothing()).cluster == known
    assert report(new(SPEC, server=replace(SERVER, uuid=None), observed=stored(SPEC)), Nothing()).cluster == replace_uuid(
        known, None
    )


def replace_uuid(cluster: ClusterStatus, uuid: str | None) -> ClusterStatus:
    return cluster.model_copy(update={"uuid": uuid})


def test_endpoint_is_shown_while_it_is_there() -> None:
    seen = report(ours(SPEC, observed=stored(SPEC, dimensions=8, similarity="cosine", element_type="byte")), Nothing())
    assert seen.observed is not None
    assert seen.observed["service_settings"] == {
        "model_id": "small",
        "dimensions": 8,
        "similarity": "cosine",
        "element_type": "byte",
    }
    assert seen.model is not None
    assert (seen.model.id, seen.model.dimensions, seen.model.similarity, seen.model.element_type) == (
        "small",
        8,
        "cosine",
        "byte",
    )
    unseen = report(ours(SPEC, observed=None, previous=seen.model_copy(update={"applied": None})), Held(RETRY))
    assert (unseen.observed, unseen.model) == (seen.observed, seen.model)
    gone = report(ours(SPEC, observed=ABSENT, previous=seen), Held(STALL))
    assert (gone.observed, gone.model, gone.drift) == (None, None, ())


def test_model_that_a_secret_names_is_masked() -> None:
    spec = openai_spec({"model_id": secret_ref("model")})
    status = report(ours(spec, observed=stored(SPEC, model_id=CANARY), desired=desire(spec)), Nothing())
    assert status.model is not None
    assert status.model.id == "<secret openai/model>"


def test_deployment_is_shown_as_it_was_seen() -> None:
    some = Deployment(ID, state="started", allocation_state="started", allocation_count=1, target_allocation_count=2, reason="r")
    seen = report(ours(ELSER, deployment=some, done=INSPECTED), Unusable(STARTING))
    assert seen.deployment is not None
    assert seen.deployment.body() == {
        "id": ID,
        "state": "started",
        "allocationState": "started",
        "allocationCount": 1,
        "targetAllocationCount": 2,
        "reason": "r",
    }
    assert report(ours(ELSER, previous=seen), Held(RETRY)).deployment == seen.deployment
    assert report(ours(ELSER, previous=seen, done=INSPECTED), Unusable(STARTING)).deployment is None
    assert report(ours(ELSER, previous=seen, observed=ABSENT), Held(RETRY)).deployment is None
    assert report(ours(SPEC, previous=seen.model_copy(update={"applied": None})), Nothing()).deployment is None


def test_request_to_reconcile_is_echoed_and_not_forgotten() -> None:
    status = report(ours(SPEC), Nothing(), handled="today")
    assert status.last_handled_reconcile_at == "today"
    assert report(ours(SPEC, previous=status), Nothing()).last_handled_reconcile_at == "today"


def test_object_that_can_not_be_read_stalls_and_vouches_for_no_secret() -> None:
    before = written(SPEC, secret_versions=(SecretVersion(name="openai", uid="uid", resource_version="1"),))
    status = unreadable_status(before, generation=3, fault="spec.service: Field required", now=NOW)
    assert_lawful(status, 3)
    assert_succession(before, status, NOW)
    assert conditions(status) == {"Ready": (NO, "ValidationFailed"), "Stalled": ("True", "ValidationFailed")}
    assert "spec.service" in status.conditions[0].message
    assert status.applied == before.applied
    assert status.secret_versions == ()
    assert unreadable_status(status, generation=3, fault="spec.service: Field required", now=LATER) == status


def test_failure_while_deleting_keeps_what_is_known() -> None:
    status = report(going(SPEC, failure=DOWN), Held(RETRY))
    assert status.applied is not None


def test_status_of_a_large_endpoint_fits_beside_its_spec() -> None:
    spec = openai_spec({"model_id": "m" * 600_000, "url": "u"})
    observed = stored(spec, model_id="n" * 600_000)
    body = report(ours(spec, observed=observed), Held(RETRY)).body()
    assert [entry["path"] for entry in body["drift"]] == ["serviceSettings.model_id"]
    assert len(json.dumps(body)) < 10_000
