"""Another Elasticsearch cluster answers at the same address, and nobody heard of it: what is made there stays ours.

Which cluster it is is read once per round; these stories happen between two rounds.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import RESYNC, World, openai

READY = ("True", "Available")
Make = Callable[[World, str], ObjectKey]


def endpoint(world: World, name: str) -> ObjectKey:
    return world.apply(name, openai() | {"adoptionPolicy": "Never"})


def pipeline(world: World, name: str) -> ObjectKey:
    return world.apply_pipeline(name, {"adoptionPolicy": "Never"})


def left(world: World) -> set[str]:
    return {*world.standin.state.pipelines, *(name for name in world.standin.endpoints if not name.startswith("."))}


async def replaced(world: World, make: Make) -> ObjectKey:
    """An object is ready, then the cluster is another one, and empty."""
    world.put_key()
    await world.start()
    key = make(world, "first")
    await world.rest(RESYNC / 4)
    assert world.condition(key) == READY
    world.standin.replace_cluster("another-uuid")
    await world.clock.advance(RESYNC / 4)
    return key


async def goes(world: World, key: ObjectKey) -> None:
    await world.resync(2)
    assert world.condition(key) == READY, world.message(key)
    world.kubernetes.delete(key)
    await world.rest()
    assert world.is_gone(key)


@pytest.mark.parametrize("make", [endpoint, pipeline])
async def test_what_is_made_right_after_it_is_kept_up_and_goes_with_its_object(make: Make) -> None:
    async with World() as world:
        await replaced(world, make)
        second = make(world, "second")
        await world.rest(RESYNC / 4)
        assert world.condition(second) == READY, world.message(second)
        await goes(world, second)
        assert left(world) == {"first"}


@pytest.mark.parametrize("make", [endpoint, pipeline])
async def test_what_an_edit_brings_back_right_after_it_is_kept_up_and_goes_with_its_object(make: Make) -> None:
    async with World() as world:
        first = await replaced(world, make)
        edit = openai(rate_limit={"requests_per_minute": 7}) if make is endpoint else {"description": "edited"}
        world.kubernetes.edit_spec(first, edit)
        await world.rest(RESYNC / 4)
        assert world.condition(first) == READY, world.message(first)
        await goes(world, first)
        assert left(world) == set()
