"""Scenarios of every kind: whose a thing is, and what becomes of it when its object goes."""

from __future__ import annotations

from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, at_rest, ready


async def delete_in_use(stage: Stage) -> None:
    await ready(stage)
    user = await stage.thing.use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked", within=user)
    used = (await stage.status("a")).used_by
    assert used is not None
    assert (used.indices, used.total) == ((user,), 1)
    assert stage.thing.stored(stage)
    await stage.thing.unuse(stage)
    await stage.compare()
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def force(stage: Stage) -> None:
    await ready(stage)
    await stage.thing.use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked")
    await stage.edit("a", forceDelete=True)
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def retain(stage: Stage) -> None:
    await ready(stage, deletionPolicy="Retain")
    assert await stage.finalizers("a") == ()
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.is_from("a", stage)


async def retain_lets_a_blocked_deletion_go(stage: Stage) -> None:
    await ready(stage)
    await stage.thing.use(stage)
    await stage.delete("a")
    await stage.sees("a", ("True", "InUse"), "DeletionBlocked")
    await stage.edit("a", deletionPolicy="Retain")
    await stage.is_gone("a")
    assert stage.thing.stored(stage)


async def adopt_never(stage: Stage) -> None:
    await stage.thing.appear(stage)
    theirs = stage.thing.stored(stage)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "Never"})
    await stage.sees("a", ("False", "AlreadyExists"))
    await at_rest(stage)
    assert stage.thing.stored(stage) == theirs
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) == theirs


async def adopt_identical(stage: Stage) -> None:
    await stage.thing.appear(stage)
    await stage.forget_writes()
    await ready(stage, adoptionPolicy="IfIdentical")
    assert stage.thing.is_from("a", stage)
    assert (await stage.writes())[1] == [stage.thing.update]
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None, "what was adopted goes with the object"


async def adopt_identical_leaves_what_differs(stage: Stage) -> None:
    await stage.thing.appear(stage, other=True)
    theirs = stage.thing.stored(stage)
    await stage.put_key()
    await stage.apply("a", {"adoptionPolicy": "IfIdentical"})
    await stage.sees("a", ("False", "AlreadyExists"), within=f"spec.{stage.thing.other_path}")
    await at_rest(stage)
    assert stage.thing.stored(stage) == theirs
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) == theirs


async def adopt_always(stage: Stage) -> None:
    await stage.thing.appear(stage)
    await ready(stage, adoptionPolicy="Always", **stage.thing.saying("ours"))
    assert stage.thing.said(stage) == "ours"
    assert stage.thing.is_from("a", stage)
    await at_rest(stage)


async def observe(stage: Stage) -> None:
    thing = stage.thing
    await stage.put_key()
    await stage.apply("a", {"managementPolicy": "Observe"})
    await stage.sees("a", ("False", "WaitingForReference"))
    await thing.appear(stage)
    await stage.compare()
    await stage.sees("a", ("True", "Observed"))
    assert await stage.finalizers("a") == ()
    await thing.meddle(stage, "them")
    await stage.edit("a", **thing.saying("us"))
    await stage.compare()
    await stage.sees("a", ("True", "Observed"), "Drifted", within=f"spec.{thing.said_path}")
    await stage.sees("a", ("True", "Observed"))
    assert "Drifted" in await stage.events("a")
    await stage.edit("a", **thing.saying("them"))
    await stage.sees("a", ("True", "Observed"), "Synced")
    theirs = thing.stored(stage)
    await stage.forget_writes()
    await stage.put_key("rotated")
    await stage.compare()
    assert (await stage.writes())[1] == []
    await stage.delete("a")
    await stage.is_gone("a")
    assert thing.stored(stage) == theirs


async def conflict(stage: Stage) -> None:
    await ready(stage)
    await stage.put_key(other_namespace=True)
    await stage.apply("b", {stage.thing.id_field: stage.id_of("a"), "adoptionPolicy": "Always"}, other_namespace=True)
    await stage.sees("b", ("False", "IdConflict"), within="/a")
    await stage.sees("a", READY)
    assert await stage.finalizers("b") == ()
    await at_rest(stage)
    await stage.delete("b")
    await stage.is_gone("b")
    assert stage.thing.is_from("a", stage), "the loser takes nothing along"


async def hand_over(stage: Stage) -> None:
    """The younger wants the same, so what is used never goes away."""
    await ready(stage)
    await stage.thing.use(stage)
    await stage.put_key(other_namespace=True)
    await stage.apply("b", {stage.thing.id_field: stage.id_of("a")}, other_namespace=True)
    await stage.sees("b", ("False", "IdConflict"))
    await stage.forget_writes()
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert (await stage.writes())[1] == [stage.thing.update], "no delete, no create"
    assert stage.thing.is_from("b", stage)
    await stage.compare()  # who uses it is known after a round
    await at_rest(stage)


async def hand_over_at_once(stage: Stage) -> None:
    """As a renamed manifest does it: the new object comes and the old one goes in one breath."""
    await ready(stage)
    await stage.forget_writes()
    await stage.apply("b", {stage.thing.id_field: stage.id_of("a")})
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert (await stage.writes())[1] == [stage.thing.update]
    await at_rest(stage)


async def hand_over_to_other_settings(stage: Stage) -> None:
    await ready(stage)
    await stage.apply("b", {stage.thing.id_field: stage.id_of("a"), "adoptionPolicy": "Always", **stage.thing.other})
    await stage.sees("b", ("False", "IdConflict"))
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    assert stage.thing.is_other(stage)
    await at_rest(stage)


async def no_hand_over_to_one_that_adopts_nothing(stage: Stage) -> None:
    await ready(stage)
    await stage.apply("b", {stage.thing.id_field: stage.id_of("a"), "adoptionPolicy": "Never"})
    await stage.sees("b", ("False", "IdConflict"))
    await stage.delete("a")
    await stage.is_gone("a")
    await stage.sees("b", READY)
    await at_rest(stage)


SCENARIOS = (
    Scenario("delete in use", delete_in_use),
    Scenario("force", force),
    Scenario("retain", retain),
    Scenario("retain lets a blocked deletion go", retain_lets_a_blocked_deletion_go),
    Scenario("adopt: Never", adopt_never),
    Scenario("adopt: IfIdentical", adopt_identical),
    Scenario("adopt: IfIdentical leaves what differs", adopt_identical_leaves_what_differs),
    Scenario("adopt: Always", adopt_always),
    Scenario("observe", observe),
    Scenario("conflict", conflict),
    Scenario("hand-over", hand_over),
    Scenario("hand-over at once", hand_over_at_once),
    Scenario("hand-over to other settings", hand_over_to_other_settings),
    Scenario("no hand-over to one that adopts nothing", no_hand_over_to_one_that_adopts_nothing),
)
