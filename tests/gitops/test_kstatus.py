"""In every state that was recorded, who knows only kstatus concludes what `Ready` says."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.core.reasons import Reason
from tests.gitops.kstatus import Kstatus, kstatus
from tests.gitops.states import Recorded, recorded, states

pytestmark = pytest.mark.xdist_group("gitops")  # recording takes seconds, and is done once a process
KINDS = ("InferenceEndpoint", "IngestPipeline")
NEVER_OF_READY = {Reason.CREATING, Reason.IN_USE, Reason.PROBE_FAILED}


def condition(kind: str, status: str) -> dict[str, str]:
    return {"type": kind, "status": status}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"metadata": {"generation": 1}}, Kstatus.CURRENT),
        ({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}, Kstatus.IN_PROGRESS),
        ({"metadata": {"generation": 2}, "status": {"observedGeneration": 1}}, Kstatus.IN_PROGRESS),
        ({"metadata": {"generation": 1, "deletionTimestamp": "now"}, "status": {"observedGeneration": 0}}, Kstatus.TERMINATING),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Stalled", "True")]}}, Kstatus.FAILED),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Stalled", "False")]}}, Kstatus.CURRENT),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Reconciling", "True")]}}, Kstatus.IN_PROGRESS),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Ready", "False")]}}, Kstatus.IN_PROGRESS),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Ready", "Unknown")]}}, Kstatus.IN_PROGRESS),
        ({"metadata": {"generation": 1}, "status": {"conditions": [condition("Ready", "True")]}}, Kstatus.CURRENT),
    ],
)
def test_the_rules_of_kstatus(body: dict[str, Any], expected: Kstatus) -> None:
    assert kstatus(body) is expected


def concluded(each: Recorded) -> Kstatus:
    """What our own conditions are documented to mean: the table of `docs/gitops.md`."""
    metadata, conditions = each.body["metadata"], each.conditions
    if "deletionTimestamp" in metadata:
        return Kstatus.TERMINATING
    if each.body["status"]["observedGeneration"] != metadata["generation"]:
        return Kstatus.IN_PROGRESS
    if conditions["Ready"]["status"] == "True":
        return Kstatus.CURRENT
    return Kstatus.FAILED if "Stalled" in conditions else Kstatus.IN_PROGRESS


def test_every_state_means_to_kstatus_what_ready_says() -> None:
    differing = {(each.story, each.state): kstatus(each.body) for each in recorded() if kstatus(each.body) is not concluded(each)}
    assert differing == {}


@pytest.mark.parametrize("kind", KINDS)
def test_no_status_of_kstatus_is_missing_from_what_was_recorded(kind: str) -> None:
    assert {kstatus(each.body) for each in states(kind).values()} == set(Kstatus)


def test_every_reason_that_ready_may_have_was_recorded() -> None:
    reasons = {each.conditions["Ready"]["reason"] for each in recorded() if "Ready" in each.conditions}
    assert reasons == {reason.value for reason in Reason} - {reason.value for reason in NEVER_OF_READY}
