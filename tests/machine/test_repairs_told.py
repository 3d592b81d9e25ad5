"""A repair is told by one Event, whatever becomes of the status of that pass."""

from __future__ import annotations

import pytest

from inference_operator.api.meta import RECONCILE_ANNOTATION
from inference_operator.shell.ports import KubernetesFailure, ObjectKey
from tests.fake_kubernetes import Moment, Request, Verb
from tests.machine.scenarios import NEWEST
from tests.machine.stage import READY, ready
from tests.machine.things import Thing
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.things_of_pipelines import PIPELINE
from tests.machine.world import NAMESPACE, World
from tests.machine.world_stage import WorldStage

REFUSED = KubernetesFailure("apply status", "the API server is overloaded", status=503, retryable=True)


class Struck:
    """The next status write meets a version that somebody else made meanwhile, or is refused."""

    def __init__(self, world: World, key: ObjectKey, *, by_conflict: bool) -> None:
        self._world = world
        self._key = key
        self._by_conflict = by_conflict
        self.times = 0

    def __call__(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        if request.verb is not Verb.APPLY or moment is not Moment.BEFORE or self.times:
            return None
        self.times += 1
        if not self._by_conflict:
            return REFUSED
        self._world.kubernetes.annotate(self._key, {"example.com/touched": "meanwhile"})
        return None


@pytest.mark.parametrize("by_conflict", [True, False], ids=["conflict", "refusal"])
@pytest.mark.parametrize("deleted", [True, False], ids=["deleted by others", "changed by others"])
@pytest.mark.parametrize("thing", [ENDPOINT, PIPELINE], ids=str)
async def test_a_status_that_is_not_written_takes_no_repair_along(thing: Thing, deleted: bool, by_conflict: bool) -> None:
    async with World() as world:
        await world.start()
        stage = WorldStage(world, NEWEST, thing)
        await ready(stage, **thing.saying("ours"))
        await (thing.vanish(stage) if deleted else thing.meddle(stage, "theirs"))
        key = ObjectKey(thing.plural, NAMESPACE, "a")
        strike = world.kubernetes.interceptor = Struck(world, key, by_conflict=by_conflict)
        # A person asks to look now, and status has to say that it was done: a repair alone writes none.
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.rest()
        assert strike.times == 1
        await stage.sees("a", READY)
        assert thing.said(stage) == "ours"
        assert await stage.events("a") == ["Drifted"]
