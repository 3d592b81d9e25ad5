"""Which transition is worth an Event."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpointStatus
from inference_operator.api.status import ClusterStatus, Difference
from inference_operator.core.news import news, news_of_repair
from tests.core.situations import condition

NEW = InferenceEndpointStatus()


def status(ready: str, reason: str, *more: str, uuid: str | None = None, message: str = "m") -> InferenceEndpointStatus:
    conditions = (condition("Ready", ready, reason, message), *(condition(name, "True", "InUse", "by p1") for name in more))
    return InferenceEndpointStatus(observed_generation=1, conditions=conditions, cluster=ClusterStatus(uuid=uuid))


READY = status("True", "Available")
DEPLOYING = status("False", "ModelDeploying")
DOWN = status("Unknown", "Unreachable")
STALLED = status("False", "ProviderRefused", message="bad key")
BLOCKED = status("False", "Deleting", "DeletionBlocked")


def drifted(ready: tuple[str, str], path: str) -> InferenceEndpointStatus:
    return status(*ready, "Drifted").model_copy(update={"drift": (Difference(path=path),)})


DRIFTED, OTHERWISE_DRIFTED = (drifted(("False", "Drifted"), path) for path in "ab")
WATCHED_DRIFT = drifted(("True", "Observed"), "a")

NEWS = (
    pytest.param(NEW, READY, [], id="the plain way to Ready is silent"),
    pytest.param(NEW, DEPLOYING, [], id="a model on its way is silent"),
    pytest.param(DEPLOYING, READY, [], id="and so is its arrival"),
    pytest.param(READY, READY, [], id="nothing new"),
    pytest.param(NEW, STALLED, [("Warning", "ProviderRefused", "bad key")], id="a new object that fails"),
    pytest.param(READY, DOWN, [("Warning", "Unreachable", "m")], id="ready no more"),
    pytest.param(DOWN, status("Unknown", "Unreachable", message="other words"), [], id="other words for the same are no news"),
    pytest.param(DOWN, STALLED, [("Warning", "ProviderRefused", "bad key")], id="another reason is"),
    pytest.param(STALLED, READY, [("Normal", "Available", "m")], id="ready again"),
    pytest.param(READY, BLOCKED, [("Warning", "InUse", "by p1")], id="a deletion that is blocked"),
    pytest.param(BLOCKED, BLOCKED, [], id="is told once"),
    pytest.param(
        READY, status("Unknown", "Suspended"), [("Normal", "Suspended", "m")], id="what a person asked for is no warning"
    ),
    pytest.param(DRIFTED, OTHERWISE_DRIFTED, [("Warning", "Drifted", "by p1")], id="something else drifts"),
    pytest.param(DRIFTED, DRIFTED, [], id="the same drifts still"),
    pytest.param(WATCHED_DRIFT, status("True", "Observed"), [("Normal", "Observed", "m")], id="observed, drifts no more"),
    pytest.param(NEW, status("True", "Observed"), [], id="an endpoint that is only watched, seen for the first time"),
    pytest.param(status("True", "Observed"), READY, [], id="and taken over"),
)


@pytest.mark.parametrize(("before", "after", "expected"), NEWS)
def test_news(before: InferenceEndpointStatus, after: InferenceEndpointStatus, expected: list[Any]) -> None:
    assert [(item.type, item.reason, item.note) for item in news(before, after)] == expected


REPAIRS = (
    pytest.param(READY, [("Warning", "Drifted", "put back")], id="told although all was well before"),
    pytest.param(STALLED, [("Warning", "Drifted", "put back")], id="told although all was wrong before"),
    pytest.param(DRIFTED, [], id="not told again where the drift was told before"),
)


@pytest.mark.parametrize(("before", "expected"), REPAIRS)
def test_repaired_drift(before: InferenceEndpointStatus, expected: list[Any]) -> None:
    assert [(item.type, item.reason, item.note) for item in news_of_repair(before, "put back")] == expected


def probed(outcome: str, reason: str = "ProbeFailed") -> InferenceEndpointStatus:
    return READY.model_copy(update={"conditions": (*READY.conditions, condition("Probed", outcome, reason, "answer"))})


ANSWERS, FAILS = probed("True", "Available"), probed("False")
PROBES = (
    pytest.param(READY, ANSWERS, [], id="the first answer is no news"),
    pytest.param(READY, FAILS, [("Warning", "ProbeFailed", "answer")], id="a first probe that fails is"),
    pytest.param(ANSWERS, FAILS, [("Warning", "ProbeFailed", "answer")], id="answers no more"),
    pytest.param(FAILS, FAILS, [], id="still fails"),
    pytest.param(FAILS, ANSWERS, [("Normal", "Available", "answer")], id="answers again"),
    pytest.param(FAILS, READY, [], id="nobody asks any more"),
)


@pytest.mark.parametrize(("before", "after", "expected"), PROBES)
def test_probe(before: InferenceEndpointStatus, after: InferenceEndpointStatus, expected: list[Any]) -> None:
    assert [(item.type, item.reason, item.note) for item in news(before, after)] == expected


def test_drift_that_is_gone_from_an_object_without_ready_is_no_news() -> None:
    assert not list(news(DRIFTED, NEW))


def test_another_cluster_behind_the_address_is_told() -> None:
    [item] = news(status("True", "Available", uuid="one"), status("True", "Available", uuid="two"))
    assert item.type == "Warning"
    assert "one" in item.note
    assert "two" in item.note


@pytest.mark.parametrize(("before", "after"), [("one", None), (None, "one"), ("one", "one"), (None, None)])
def test_uuid_that_can_not_be_read_is_no_news(before: str | None, after: str | None) -> None:
    assert not list(news(status("True", "Available", uuid=before), status("True", "Available", uuid=after)))


def test_object_without_conditions_is_no_news() -> None:
    assert not list(news(READY, NEW))
