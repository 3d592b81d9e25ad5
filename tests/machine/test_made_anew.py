"""An object is deleted and another one of its name is made while a pass over the first is under way: nothing is mixed up."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes_requests import Moment, Request, Verb
from tests.machine.world import World, openai

OLD, NEW = "text-embedding-3-small", "text-embedding-3-large"


def spec(model: str) -> dict[str, Any]:
    return openai(model_id=model)


async def made_anew(world: World, verb: Verb, moment: Moment) -> ObjectKey:
    """Apply `a`; when its first request of this kind is made, the object is another one, which wants another model."""
    world.put_key()
    await world.start()

    def anew(request: Request, at: Moment) -> None:
        if request.verb is verb and at is moment:
            world.kubernetes.interceptor = None
            world.kubernetes.set_finalizers(key, ())
            world.kubernetes.delete(key)
            assert world.apply("a", spec(NEW)) == key

    key = world.apply("a", spec(OLD))
    first = world.found(key).metadata.uid
    world.kubernetes.interceptor = anew
    await world.rest()
    assert world.kubernetes.interceptor is None, "the object was made anew"
    assert world.found(key).metadata.uid != first
    return key


@pytest.mark.parametrize(
    ("verb", "moment"),
    [
        pytest.param(Verb.GET, Moment.AFTER, id="between the reading and the first step"),
        pytest.param(Verb.PATCH, Moment.BEFORE, id="while the claim is on its way"),
    ],
)
async def test_what_the_first_wanted_is_neither_claimed_nor_made(verb: Verb, moment: Moment) -> None:
    async with World() as world:
        key = await made_anew(world, verb, moment)
        assert world.condition(key) == ("True", "Available"), world.message(key)
        meta = world.found(key).metadata
        assert meta.annotations[CLAIM_ANNOTATION].startswith(f"{meta.uid}@")
        assert FINALIZER in meta.finalizers
        assert [(write.method, write.path) for write in world.standin.log.writes] == [("PUT", "/_inference/text_embedding/a")]
        assert world.standin.endpoints["a"].service_settings["model_id"] == NEW


async def test_what_the_first_claimed_and_did_not_make_is_not_made_any_more() -> None:
    async with World() as world:
        key = await made_anew(world, Verb.PATCH, Moment.AFTER)
        assert world.condition(key) == ("True", "Available"), world.message(key)
        assert world.standin.endpoints["a"].service_settings["model_id"] == NEW
        assert len(world.standin.log.writes) == 1
        assert {record["object"]["uid"] for record in world.audit} == {world.found(key).metadata.uid}
