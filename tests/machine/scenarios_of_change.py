"""Scenarios: what others change, what can't change, and replacing."""

from __future__ import annotations

from typing import Any

from tests.machine.scenarios import Scenario
from tests.machine.scenarios_of_life import ELSER, at_rest, ready
from tests.machine.scenarios_of_ownership import LARGE, foreign, unuse, use
from tests.machine.stage import KEY, READY, Stage, holds, settings, stored

USER = {"user": "ours"}


async def meddle(stage: Stage, **task_settings: Any) -> None:
    """Somebody else changes the endpoint of object `a`."""
    body = {"task_settings": task_settings}
    answer = await stage.ask("PUT", f"/_inference/text_embedding/{stage.id_of('a')}/_update", body)
    assert answer.status_code == 200, answer.text


async def remove(stage: Stage) -> None:
    """Somebody else deletes the endpoint of object `a`."""
    assert (await stage.ask("DELETE", f"/_inference/{stage.id_of('a')}?force=true")).status_code == 200


async def drift(stage: Stage) -> None:
    await ready(stage, taskSettings=USER)
    await stage.forget_writes()
    await meddle(stage, user="theirs")
    await stage.compare()
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == USER
    assert (await stage.writes())[1] == ["PUT /_inference/text_embedding/_update"] * 2, "theirs, and one of ours"
    await at_rest(stage)


async def drift_by_deletion(stage: Stage) -> None:
    await ready(stage)
    await remove(stage)
    await stage.compare()
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").secrets) == {"api_key": KEY}
    await at_rest(stage)


async def detect(stage: Stage) -> None:
    await ready(stage, taskSettings=USER, driftPolicy="Detect")
    await meddle(stage, user="theirs")
    await stage.compare()
    await stage.sees("a", ("True", "Drifted"), "Drifted", within="spec.taskSettings.user")
    await stage.sees("a", ("False", "Drifted"))
    [entry] = (await stage.status("a")).drift
    assert (entry.path, entry.desired, entry.observed) == ("taskSettings.user", '"ours"', '"theirs"')
    assert await stage.events("a") == ["Drifted"]
    await at_rest(stage)
    await stage.ask("DELETE", "/_inference/" + stage.id_of("a"))
    await stage.compare()
    assert await stage.events("a") == ["Drifted", "Drifted"], "each change of what drifts is told"
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == USER


async def detect_lets_a_rotation_through(stage: Stage) -> None:
    await ready(stage, taskSettings=USER, driftPolicy="Detect")
    await meddle(stage, user="theirs")
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}, "a rotation is no drift"
    assert dict(holds(stage, "a").task_settings) == {"user": "theirs"}
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == USER
    assert await stage.events("a") == ["Drifted", "Available"]
    await at_rest(stage)


async def detect_applies_edits(stage: Stage) -> None:
    await ready(stage, taskSettings=USER, driftPolicy="Detect")
    await stage.edit("a", taskSettings={"user": "edited"})
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").task_settings) == {"user": "edited"}
    await at_rest(stage)


async def detect_a_deletion(stage: Stage) -> None:
    await ready(stage, driftPolicy="Detect")
    await remove(stage)
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"), within="deleted")
    await stage.sees("a", ("True", "Drifted"), "Drifted")
    assert stored(stage, "a") is None
    assert await stage.events("a") == ["Drifted"]
    await at_rest(stage)
    await stage.put_key("rotated")
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    assert stored(stage, "a") is None, "a rotation has nowhere to go"
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}
    await at_rest(stage)


async def detect_a_deletion_and_go(stage: Stage) -> None:
    await ready(stage, driftPolicy="Detect")
    await remove(stage)
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    await stage.delete("a")
    await stage.is_gone("a")


async def detect_a_deletion_by_which_somebody_else_takes_the_id(stage: Stage) -> None:
    """What stands under a claimed id is compared, whoever made it; under `Detect` it is shown and left alone."""
    await ready(stage, driftPolicy="Detect")
    await remove(stage)
    await foreign(stage, model=LARGE)
    await stage.compare()
    await stage.sees("a", ("True", "Drifted"), "Drifted", within="spec.serviceSettings.model_id")
    assert dict(holds(stage, "a").secrets) == {"api_key": "theirs"}
    await at_rest(stage)


async def replace_when_unused(stage: Stage) -> None:
    await ready(stage, replacePolicy="WhenUnused")
    await use(stage)
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", ("False", "ReplaceBlocked"), within=stage.id_of("a"))
    assert holds(stage, "a").service_settings["model_id"] == "text-embedding-3-small"
    await stage.put_key("rotated")
    await stage.compare()
    assert dict(holds(stage, "a").secrets) == {"api_key": "rotated"}, "a rotation does not wait for the last user to go"
    await unuse(stage)
    await stage.compare()
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["model_id"] == LARGE
    await at_rest(stage)


async def replace_always(stage: Stage) -> None:
    """An index that has no vectors yet takes any model; the replacement is forced."""
    await ready(stage, replacePolicy="Always")
    await use(stage)
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["model_id"] == LARGE
    await at_rest(stage)


async def replace_refused(stage: Stage) -> None:
    """The provider refuses the new settings: nothing is deleted."""
    await ready(stage, replacePolicy="Always")
    stage.standin.refuse_key("refused")
    await stage.put_key("refused")
    await stage.edit("a", serviceSettings=settings(model_id=LARGE))
    await stage.sees("a", ("False", "ProviderRefused"), within="the old endpoint keeps serving")
    found = holds(stage, "a")
    assert (found.service_settings["model_id"], dict(found.secrets)) == ("text-embedding-3-small", {"api_key": KEY})
    status = await stage.status("a")
    assert status.observed is not None
    assert status.observed["service_settings"]["model_id"] == "text-embedding-3-small", "which settings serve is shown"
    await stage.put_key("accepted")
    await stage.compare()
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["model_id"] == LARGE


async def replace_a_model(stage: Stage) -> None:
    await ready(stage, taskType="sparse_embedding", service="elasticsearch", serviceSettings=ELSER, replacePolicy="WhenUnused")
    await stage.edit("a", serviceSettings=ELSER | {"num_threads": 2})
    await stage.sees("a", READY)
    assert holds(stage, "a").service_settings["num_threads"] == 2
    assert stage.standin.state.deployments[stage.id_of("a")].threads == 2
    await at_rest(stage)


async def replace_by_another_task_type(stage: Stage) -> None:
    """The CRD may refuse it; what gets through is a replacement like any other."""
    await ready(stage, replacePolicy="WhenUnused", serviceSettings=settings(model_id="gpt-4.1"))
    await stage.edit("a", taskType="completion")
    await stage.sees("a", READY)
    assert holds(stage, "a").task_type == "completion"
    await at_rest(stage)


SCENARIOS = (
    Scenario("drift", drift),
    Scenario("drift by deletion", drift_by_deletion),
    Scenario("detect", detect),
    Scenario("detect lets a rotation through", detect_lets_a_rotation_through),
    Scenario("detect applies edits", detect_applies_edits),
    Scenario("detect a deletion", detect_a_deletion),
    Scenario("detect a deletion, and go", detect_a_deletion_and_go),
    Scenario("detect a deletion by which somebody else takes the id", detect_a_deletion_by_which_somebody_else_takes_the_id),
    Scenario("replace: WhenUnused", replace_when_unused),
    Scenario("replace: Always", replace_always),
    Scenario("replace: refused", replace_refused),
    Scenario("replace: in-cluster model", replace_a_model),
    Scenario("replace: another task type", replace_by_another_task_type),
)
