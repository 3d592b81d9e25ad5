"""Many deletions at once: what they cost, and that whoever uses something before its deletion is found all the same.

Every answer of Elasticsearch takes its time, so that deletions wait for their turn and readings are under way when others begin.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import World
from tests.standin import Fault

LATENCY = 0.05
MANY = 200
READINGS = ("/_ingest/pipeline", "/_index_template", "/_component_template", "/_settings")
"""What is read to find who uses something."""
MOST_READINGS = 6
"""Of each kind. The deletions take some twenty seconds, and a reading serves for five."""


def slow(world: World) -> None:
    world.standin.faults.add(Fault(delay=LATENCY))


async def all_ready(world: World, keys: list[ObjectKey]) -> None:
    await world.clock.advance(120)
    assert {world.condition(key) for key in keys} == {("True", "Available")}


def endpoint(world: World, name: str) -> ObjectKey:
    return world.apply(name)


def pipeline(world: World, name: str) -> ObjectKey:
    return world.apply_pipeline(name, {})


@pytest.mark.parametrize("make", [endpoint, pytest.param(pipeline, marks=pytest.mark.full)])
async def test_deletions_at_once_share_their_readings(make: Callable[[World, str], ObjectKey]) -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [make(world, f"o-{number:03}") for number in range(MANY)]
        await all_ready(world, keys)
        slow(world)
        world.forget_requests()
        for key in keys:
            world.kubernetes.delete(key)
        await world.clock.advance(300)
        assert all(world.is_gone(key) for key in keys)
        read = Counter(entry.path for entry in world.standin.log if entry.method == "GET" and entry.path in READINGS)
        assert max(read.values()) <= MOST_READINGS, read
        assert min(read.values()) >= 1


async def use(world: World, name: str, make: Callable[[World, str], ObjectKey]) -> None:
    """A component template, of which Elasticsearch itself says nothing when it is asked to delete what the template names."""
    semantic: dict[str, Any] = {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": name}}}}
    default: dict[str, Any] = {"settings": {"index": {"default_pipeline": name}}}
    template = semantic if make is endpoint else default
    assert (await world.ask("PUT", f"/_component_template/uses-{name}", {"template": template})).status_code == 200


@pytest.mark.parametrize("make", [endpoint, pipeline])
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.full) for seed in range(1, 5))])
async def test_who_uses_it_before_its_deletion_is_always_found(make: Callable[[World, str], ObjectKey], seed: int) -> None:
    """At any moment of other deletions: every other object is put to use right before somebody deletes it."""
    dice = random.Random(seed)  # noqa: S311 - the same moments in every run
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [make(world, f"o-{number:03}") for number in range(60)]
        await all_ready(world, keys)
        slow(world)
        for number, key in enumerate(keys):
            if number % 2:
                world.standin.faults.clear()  # the one who says it does not wait
                await use(world, key.name, make)
                slow(world)
            world.kubernetes.delete(key)
            await world.clock.advance(dice.choice((0.0, 0.01, LATENCY, 0.3)))
        await world.clock.advance(30)
        assert [key.name for key in keys if not world.is_gone(key)] == [key.name for key in keys[1::2]]
        assert {world.condition(key, "DeletionBlocked") for key in keys[1::2]} == {("True", "InUse")}


async def test_that_nobody_uses_it_is_believed_for_seconds_only() -> None:
    """A deletion that takes long finds who came meanwhile, although a reading for another one is newer than the deletion."""
    async with World() as world:
        world.put_key()
        await world.start()
        first, second = endpoint(world, "first"), endpoint(world, "second")
        await all_ready(world, [first, second])
        world.standin.faults.add(Fault(method="DELETE", path="/_inference/second", times=1, delay=9.0))
        slow(world)
        world.kubernetes.delete(first)
        world.kubernetes.delete(second)
        await world.clock.advance(3)
        assert world.is_gone(first)
        world.standin.faults.clear()
        await use(world, "second", endpoint)
        await world.clock.advance(30)
        assert not world.is_gone(second)
        assert world.condition(second, "DeletionBlocked") == ("True", "InUse")
