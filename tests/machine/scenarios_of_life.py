"""Scenarios of every kind: a thing from its first day, through edits, pauses and the troubles of its cluster."""

from __future__ import annotations

from inference_operator.api.meta import FINALIZER
from tests.machine.scenarios import Scenario
from tests.machine.stage import READY, Stage, at_rest, ready


async def minimal(stage: Stage) -> None:
    await stage.put_key()
    await stage.forget_writes()
    await stage.apply("a")
    await stage.sees("a", READY)
    assert await stage.writes() == (2, [stage.thing.create])
    assert await stage.events("a") == []
    assert FINALIZER in await stage.finalizers("a")
    status = await stage.status("a")
    assert status.observed is not None
    assert status.drift == (), "what Elasticsearch adds is no drift"
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def full(stage: Stage) -> None:
    await ready(stage, **stage.thing.full)
    assert stage.thing.is_full(stage)
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def update_in_place(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("one"))
    await stage.forget_writes()
    await stage.edit("a", **stage.thing.saying("two"))
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "two"
    assert (await stage.writes())[1] == [stage.thing.update]
    await at_rest(stage)


async def restart(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("one"))
    await stage.forget_writes()
    await stage.restart()
    await stage.compare()
    assert await stage.writes() == (0, [])
    await stage.edit("a", **stage.thing.saying("two"))
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "two"


async def suspend(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("one"))
    await stage.edit("a", suspend=True)
    await stage.sees("a", ("True", "Suspended"), "Suspended")
    await stage.sees("a", READY)
    await stage.edit("a", **stage.thing.saying("two"))
    await stage.sees("a", ("Unknown", "Suspended"))
    await stage.sees("a", ("Unknown", "Suspended"), "Synced")
    assert stage.thing.said(stage) == "one"
    await at_rest(stage)
    await stage.edit("a", suspend=False)
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "two"
    await stage.edit("a", suspend=True)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def backend_down(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("one"))
    stage.standin.reachable = False
    await stage.edit("a", **stage.thing.saying("two"))
    await stage.sees("a", ("Unknown", "Unreachable"))
    stage.standin.reachable = True
    await stage.compare()
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "two"
    assert await stage.events("a") == ["Unreachable", "Available"]


async def backend_replaced(stage: Stage) -> None:
    """Another cluster behind the same address: everything is put back, and told."""
    await ready(stage)
    before = (await stage.status("a")).cluster
    stage.standin.replace_cluster(f"another-{stage.id_of('')}")
    await stage.compare()
    await stage.sees("a", READY)
    assert stage.thing.is_from("a", stage)
    assert await stage.events("a") == ["Creating"]
    after = (await stage.status("a")).cluster
    assert before is not None
    assert after is not None
    assert (before.uuid, after.uuid) != (after.uuid, before.uuid)
    await at_rest(stage)
    await stage.delete("a")
    await stage.is_gone("a")
    assert stage.thing.stored(stage) is None


async def backend_restored_to_an_older_state(stage: Stage) -> None:
    await ready(stage, **stage.thing.saying("one"))
    before = stage.standin.state
    await stage.edit("a", **stage.thing.saying("two"))
    await stage.sees("a", READY)
    stage.standin.restore(before)
    await stage.compare()
    await stage.sees("a", READY)
    assert stage.thing.said(stage) == "two"
    await at_rest(stage)


SCENARIOS = (
    Scenario("minimal", minimal),
    Scenario("full", full),
    Scenario("update in place", update_in_place),
    Scenario("restart", restart),
    Scenario("suspend", suspend),
    Scenario("backend down", backend_down),
    Scenario("backend replaced", backend_replaced),
    Scenario("backend restored to an older state", backend_restored_to_an_older_state),
)
