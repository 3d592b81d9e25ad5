"""A folder of endpoints and pipelines ends Ready in whatever order it is applied, and clean in whatever order it is deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_operator.shell.ports import ObjectKey
from tests.machine.graph import NAMES, graph
from tests.machine.world import World

READY = ("True", "Available")
ORDERS = st.permutations(NAMES)
PAUSES = st.lists(st.sampled_from((0.0, 0.0, 1.0, 700.0)), min_size=len(NAMES), max_size=len(NAMES))


def left(world: World) -> set[str]:
    """What Elasticsearch still holds of the folder."""
    return {*world.standin.state.pipelines, *(name for name in world.standin.endpoints if not name.startswith("."))}


async def apply(world: World, order: Sequence[str], pauses: Sequence[float]) -> dict[str, ObjectKey]:
    """Apply one after the other. A pause of 0 lets the operator do what it can at once."""
    folder = graph(str)
    keys: dict[str, ObjectKey] = {}
    for name, pause in zip(order, pauses, strict=True):
        thing, spec = folder[name]
        keys[name] = world.create(thing.kind, name, {**thing.plain, **spec})
        await world.clock.advance(pause)
    return keys


async def play(
    applied: Sequence[str], pauses: Sequence[float], deleted: Sequence[str], breaks: Sequence[float], *, restarted: bool
) -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = await apply(world, applied, pauses)
        await world.clock.settle()
        assert {name: world.condition(key) for name, key in keys.items()} == dict.fromkeys(applied, READY), (
            "nothing is polled for"
        )
        assert left(world) == set(NAMES)
        assert len(world.standin.log.writes) == len(NAMES), "each is written once"
        if restarted:
            await world.restart()
        for name, pause in zip(deleted, breaks, strict=True):
            world.kubernetes.delete(keys[name])
            await world.clock.advance(pause)
        await world.clock.settle()
        assert [name for name, key in keys.items() if not world.is_gone(key)] == [], "nothing is polled for"
        assert left(world) == set()


ANY = {"applied": ORDERS, "pauses": PAUSES, "deleted": ORDERS, "breaks": PAUSES, "restarted": st.booleans()}


@given(**ANY)
@settings(deadline=None, max_examples=3)
def test_any_order_of_apply_and_delete(**order: Any) -> None:
    asyncio.run(play(**order))


@pytest.mark.full
@given(**ANY)
@settings(deadline=None)
def test_many_orders_of_apply_and_delete(**order: Any) -> None:
    asyncio.run(play(**order))
