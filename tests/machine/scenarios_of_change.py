"""Scenarios of every kind: what others change."""

from __future__ import annotations

from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, at_rest, ready


async def drift(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("ours"))
    await stage.forget_writes()
    await stage.thing.meddle(stage, "theirs")
    await stage.compare()
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "ours"
    assert (await stage.writes())[1] == [stage.thing.update] * 2, "theirs, and one of ours"
    await at_rest(stage)


async def drift_by_deletion(stage: Stage) -> None:
    await ready(stage)
    await stage.thing.vanish(stage)
    await stage.compare()
    await stage.sees("a", READY)
    assert stage.thing.is_from("a", stage)
    await at_rest(stage)


async def detect(stage: Stage) -> None:
    thing = stage.thing
    await ready(stage, **thing.saying("ours"), driftPolicy="Detect")
    await thing.meddle(stage, "theirs")
    await stage.compare()
    await stage.sees("a", ("True", "Drifted"), "Drifted", within=f"spec.{thing.said_path}")
    await stage.sees("a", ("False", "Drifted"))
    [entry] = (await stage.status("a")).drift
    assert (entry.path, entry.desired, entry.observed) == (thing.said_path, '"ours"', '"theirs"')
    assert await stage.events("a") == ["Drifted"]
    await at_rest(stage)
    await thing.vanish(stage)
    await stage.compare()
    assert await stage.events("a") == ["Drifted", "Drifted"], "each change of what drifts is told"
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert thing.said(stage) == "ours"


async def detect_applies_edits(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("ours"), driftPolicy="Detect")
    await stage.edit("a", **stage.thing.saying("edited"))
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "edited"
    await at_rest(stage)


async def detect_a_deletion(stage: Stage) -> None:
    await ready(stage, driftPolicy="Detect")
    await stage.thing.vanish(stage)
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"), within="deleted")
    await stage.sees("a", ("True", "Drifted"), "Drifted")
    assert stage.thing.stored(stage) is None
    assert await stage.events("a") == ["Drifted"]
    await at_rest(stage)
    await stage.edit("a", driftPolicy="Correct")
    await stage.sees("a", READY)
    assert stage.thing.is_from("a", stage)
    await at_rest(stage)


async def detect_a_deletion_and_go(stage: Stage) -> None:
    await ready(stage, driftPolicy="Detect")
    await stage.thing.vanish(stage)
    await stage.compare()
    await stage.sees("a", ("False", "Drifted"))
    await stage.delete("a")
    await stage.is_gone("a")


async def detect_a_deletion_by_which_somebody_else_takes_the_id(stage: Stage) -> None:
    """What stands under a claimed id is compared, whoever made it; under `Detect` it is shown and left alone."""
    await ready(stage, driftPolicy="Detect")
    await stage.thing.vanish(stage)
    await stage.thing.appear(stage, other=True)
    theirs = stage.thing.stored(stage)
    await stage.compare()
    await stage.sees("a", ("True", "Drifted"), "Drifted", within=f"spec.{stage.thing.other_path}")
    assert stage.thing.stored(stage) == theirs
    await at_rest(stage)


SCENARIOS = (
    Scenario("drift", drift),
    Scenario("drift by deletion", drift_by_deletion),
    Scenario("detect", detect),
    Scenario("detect applies edits", detect_applies_edits),
    Scenario("detect a deletion", detect_a_deletion),
    Scenario("detect a deletion, and go", detect_a_deletion_and_go),
    Scenario("detect a deletion by which somebody else takes the id", detect_a_deletion_by_which_somebody_else_takes_the_id),
)
