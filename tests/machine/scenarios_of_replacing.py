"""Scenarios of endpoints only: replacing, and ids that are Elasticsearch's own."""

from __future__ import annotations

from tests.machine.scenarios import Scenario
from tests.machine.scenarios_of_settings import ELSER
from tests.machine.stage import READY, Refused, Stage, at_rest, endpoint_status, ready
from tests.machine.things import KEY
from tests.machine.things_of_endpoints import ENDPOINT, LARGE, holds, settings

USER = {"user": "ours"}


async def detect_lets_a_rotation_through(stage: Stage) -> None:
    await ready(stage, taskSettings=USER, driftPolicy="Detect")
    await ENDPOINT.meddle(stage, "theirs")
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}, "a rotation is no drift"
    assert dict(holds(stage).task_settings) == {"user": "theirs"}
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert dict(holds(stage).task_settings) == USER
    assert await stage.events("a") == ["Drifted", "Available"]
    await at_rest(stage)


async def replace_when_unused(stage: Stage) -> None:
    await ready(stage, replacePolicy="WhenUnused")
    await ENDPOINT.use(stage)
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", ("False", "ReplaceBlocked"), within=stage.id_of("a"))
    assert holds(stage).service_settings["model_id"] == "text-embedding-3-small"
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage).secrets) == {"api_key": "rotated"}, "a rotation does not wait for the last user to go"
    await ENDPOINT.unuse(stage)
    await stage.compare()
    await stage.sees("a", READY)
    assert holds(stage).service_settings["model_id"] == LARGE
    await at_rest(stage)


async def replace_always(stage: Stage) -> None:
    """An index that has no vectors yet takes any model; the replacement is forced."""
    await ready(stage, replacePolicy="Always")
    await ENDPOINT.use(stage)
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", READY)
    assert holds(stage).service_settings["model_id"] == LARGE
    await at_rest(stage)


async def replace_refused(stage: Stage) -> None:
    """The provider refuses the new settings: nothing is deleted."""
    await ready(stage, replacePolicy="Always")
    stage.standin.refuse_key("refused")
    await stage.put_key("refused")
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", ("False", "ProviderRefused"), within="the old endpoint keeps serving")
    found = holds(stage)
    assert (found.service_settings["model_id"], dict(found.secrets)) == ("text-embedding-3-small", {"api_key": KEY})
    status = await endpoint_status(stage)
    assert status.observed is not None
    assert status.observed["service_settings"]["model_id"] == "text-embedding-3-small", "which settings serve is shown"
    await stage.put_key("accepted")
    await stage.compare()
    await stage.sees("a", READY)
    assert holds(stage).service_settings["model_id"] == LARGE


async def replace_a_model(stage: Stage) -> None:
    await ready(stage, taskType="sparse_embedding", service="elasticsearch", serviceSettings=ELSER, replacePolicy="WhenUnused")
    await stage.edit("a", serviceSettings=ELSER | {"num_threads": 2})
    await stage.sees("a", READY)
    assert holds(stage).service_settings["num_threads"] == 2
    assert stage.standin.state.deployments[stage.id_of("a")].threads == 2
    await at_rest(stage)


async def replace_by_another_task_type(stage: Stage) -> None:
    """The CRD may refuse it; what gets through is a replacement like any other."""
    await ready(stage, replacePolicy="WhenUnused", serviceSettings=settings(model_id="gpt-4.1"))
    await stage.edit("a", taskType="completion")
    await stage.sees("a", READY)
    assert holds(stage).task_type == "completion"
    await at_rest(stage)


async def adopt_always_does_not_replace_by_itself(stage: Stage) -> None:
    await ENDPOINT.appear(stage, other=True)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "Always"})
    await stage.sees("a", ("False", "ReplaceRequired"), within="spec.serviceSettings.model_id")
    assert holds(stage).service_settings["model_id"] == LARGE
    await stage.edit("a", replacePolicy="WhenUnused")
    await stage.sees("a", READY)
    assert holds(stage).service_settings["model_id"] == "text-embedding-3-small"
    await at_rest(stage)


async def reserved_id(stage: Stage) -> None:
    """The CRD refuses it where it can; what gets through is told by the operator."""
    await stage.put_key()
    elser = {
        "inferenceId": ".elser-2-elasticsearch",
        "taskType": "sparse_embedding",
        "service": "elasticsearch",
        "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1},
    }
    try:
        await stage.apply("a", elser)
    except Refused as refusal:
        assert "Observe" in str(refusal)  # noqa: PT017 - the other way out is as good
    else:
        await stage.sees("a", ("False", "ValidationFailed"), within="Observe")
    elser["serviceSettings"] = {"model_id": ".elser_model_2_linux-x86_64", "num_threads": 1}
    await stage.apply("b", elser | {"managementPolicy": "Observe"})
    await stage.sees("b", ("True", "Observed"))
    await stage.sees("b", ("True", "Observed"), "Synced")
    await stage.sees("b", READY, "ModelReady", within="first request")
    await at_rest(stage)


SCENARIOS = tuple(
    Scenario(name, play, (ENDPOINT,))
    for name, play in (
        ("detect lets a rotation through", detect_lets_a_rotation_through),
        ("replace: WhenUnused", replace_when_unused),
        ("replace: Always", replace_always),
        ("replace: refused", replace_refused),
        ("replace: in-cluster model", replace_a_model),
        ("replace: another task type", replace_by_another_task_type),
        ("adopt: Always does not replace by itself", adopt_always_does_not_replace_by_itself),
        ("reserved id", reserved_id),
    )
)
