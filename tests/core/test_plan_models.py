"""What `plan` makes of the deployment of an in-cluster model: ready, on its way, scaled to zero, failed, missing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference_operator.core.disposition import Mood
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.values import ABSENT, Deployment
from inference_operator.core.verdict import Claim, Create, Inspect, Look, Nothing, Suspended, Unusable, Watching
from tests.core.situations import DOWN, ID, condition, deployed, elser_spec, new, ours, stored, written
from tests.core.stories import PATCHED, End, Story, ending, tell

SPEC = elser_spec()
SAME = stored(SPEC)
TIMEOUT = HttpFailure(408, "status_exception", "Timed out after [30s] waiting for model deployment to start.")
CAPACITY = HttpFailure(
    429, "status_exception", "Could not start deployment because no ML nodes with sufficient capacity were found"
)
INVALID = HttpFailure(400, "validation_exception", "[number_of_allocations] cannot be set if adaptive allocations is enabled;")
FORBIDDEN = HttpFailure(403, "security_exception", "action [cluster:monitor/xpack/ml/inference/stats/get] is unauthorized")

DEPLOYMENTS = (
    pytest.param(deployed(), Nothing, None, id="started and fully allocated: ready"),
    pytest.param(deployed(state="starting"), Reason.MODEL_DEPLOYING, Mood.WAIT, id="starting: wait"),
    pytest.param(deployed(state="stopping"), Reason.MODEL_DEPLOYING, Mood.WAIT, id="stopping: wait"),
    pytest.param(deployed(allocation_state="starting"), Reason.MODEL_DEPLOYING, Mood.WAIT, id="no allocation yet: wait"),
    pytest.param(
        deployed(allocation_state="started", allocation_count=1, target_allocation_count=2),
        Reason.MODEL_DEPLOYING,
        Mood.WAIT,
        id="started with some of its allocations: wait",
    ),
    pytest.param(
        deployed(allocation_state="started", allocation_count=0, target_allocation_count=0, adaptive=True),
        Nothing,
        None,
        id="scaled to zero by adaptive allocations: ready",
    ),
    pytest.param(deployed(state="failed", reason="no memory"), Reason.MODEL_FAILED, Mood.STALL, id="failed: a person must act"),
    pytest.param(None, Reason.MODEL_FAILED, Mood.STALL, id="a deployment that was there is missing: a person must act"),
    pytest.param(Deployment(ID), Nothing, None, id="Serverless says nothing of state and allocations: ready"),
)


@pytest.mark.parametrize(("deployment", "end", "mood"), DEPLOYMENTS)
def test_deployment(deployment: Deployment | None, end: End, mood: Mood | None) -> None:
    verdict = ending(tell(ours(SPEC), [(Inspect(), deployment)], end), end)
    assert (verdict.disposition.mood if isinstance(verdict, Unusable) else None) is mood


def test_message_counts_the_allocations() -> None:
    some = deployed(allocation_state="started", allocation_count=1, target_allocation_count=3)
    verdict = ending(tell(ours(SPEC), [(Inspect(), some)], Reason.MODEL_DEPLOYING), Reason.MODEL_DEPLOYING)
    assert isinstance(verdict, Unusable)
    assert "1 of 3 allocations" in verdict.disposition.message


def test_message_of_a_failed_deployment_gives_the_reason() -> None:
    failed = deployed(state="failed", reason="no memory")
    verdict = ending(tell(ours(SPEC), [(Inspect(), failed)], Reason.MODEL_FAILED), Reason.MODEL_FAILED)
    assert isinstance(verdict, Unusable)
    assert "no memory" in verdict.disposition.message


NEW = [(Claim(), PATCHED)]
CREATES = (
    pytest.param([*NEW, (Create(), SAME), (Inspect(), deployed())], Nothing, id="made and started"),
    pytest.param(
        [*NEW, (Create(), TIMEOUT), (Look(), SAME), (Inspect(), deployed(state="starting"))],
        Reason.MODEL_DEPLOYING,
        id="the start takes longer than the timeout: the endpoint is there, its model on the way",
    ),
    pytest.param(
        [*NEW, (Create(), TIMEOUT), (Look(), SAME), (Inspect(), None)],
        Reason.MODEL_DEPLOYING,
        id="the model is still downloaded: no deployment yet, which is no failure",
    ),
    pytest.param(
        [*NEW, (Create(), CAPACITY), (Look(), ABSENT)], Reason.SERVER_ERROR, id="no capacity and nothing stored: tried again"
    ),
    pytest.param(
        [*NEW, (Create(), INVALID), (Look(), SAME), (Inspect(), None)],
        Reason.MODEL_FAILED,
        id="stored, but the start was refused: a person must act",
    ),
)


@pytest.mark.parametrize(("story", "end"), CREATES)
def test_create(story: Story, end: End) -> None:
    tell(new(SPEC, observed=ABSENT, fresh=True, secrets_changed=False), story, end)


def after(reason: str, **fields: object) -> EndpointSituation:
    """Ready was False for `reason` at the last report."""
    before = (condition("Ready", "False", reason, "told before"), condition("Synced", "True", "Available"))
    return ours(SPEC, previous=written(SPEC, conditions=before).model_copy(update=fields))


REMEMBERED = (
    pytest.param(after("ModelDeploying"), Reason.MODEL_DEPLOYING, id="no deployment yet in the pass after: still on its way"),
    pytest.param(after("ModelFailed"), Reason.MODEL_FAILED, id="a start that was refused stays refused"),
    pytest.param(after("ModelFailed", applied=None), Reason.MODEL_FAILED, id="also where nothing was applied before"),
    pytest.param(after("Unreachable", applied=None), Reason.MODEL_DEPLOYING, id="nothing known of before: give it time"),
)


@pytest.mark.parametrize(("situation", "end"), REMEMBERED)
def test_missing_deployment_in_a_later_pass(situation: EndpointSituation, end: End) -> None:
    tell(situation, [(Inspect(), None)], end)


@pytest.mark.parametrize(("failure", "reason"), [(FORBIDDEN, Reason.FORBIDDEN), (DOWN, Reason.UNREACHABLE)])
def test_deployment_that_can_not_be_looked_at_leaves_the_endpoint_in_sync(failure: HttpFailure, reason: Reason) -> None:
    situation = tell(ours(SPEC), [(Inspect(), failure)], reason)
    assert isinstance(ending(situation, reason), Unusable)


def test_attached_endpoint_is_inspected_by_the_deployment_it_names() -> None:
    assert replace(ours(SPEC), observed=stored(SPEC, deployment_id="theirs")).deployment_id == "theirs"
    assert ours(SPEC).deployment_id == ID
    assert ours(SPEC, observed=None).deployment_id == ID


SUSPENDED = elser_spec(suspend=True)
OBSERVES = elser_spec(managementPolicy="Observe")
POLICIES = (
    pytest.param(ours(SUSPENDED), [(Inspect(), deployed())], Suspended, id="suspended: the deployment is still looked at"),
    pytest.param(
        ours(SUSPENDED), [(Inspect(), deployed(state="failed"))], Suspended, id="suspended: a failed deployment is no conclusion"
    ),
    pytest.param(ours(SUSPENDED), [(Inspect(), DOWN)], Suspended, id="suspended: not even when it can't be looked at"),
    pytest.param(new(OBSERVES, observed=SAME), [(Inspect(), deployed())], Watching, id="observed: the deployment is looked at"),
    pytest.param(
        new(OBSERVES, external_id=".elser-2-elasticsearch", observed=SAME),
        [(Inspect(), None)],
        Watching,
        id="an endpoint that Elasticsearch brings along starts with its first use",
    ),
    pytest.param(
        new(OBSERVES, observed=SAME), [(Inspect(), deployed(state="starting"))], Reason.MODEL_DEPLOYING, id="observed: on its way"
    ),
)


@pytest.mark.parametrize(("situation", "story", "end"), POLICIES)
def test_policies(situation: EndpointSituation, story: Story, end: End) -> None:
    tell(situation, story, end)
