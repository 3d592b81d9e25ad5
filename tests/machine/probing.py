"""Endpoints that are probed, and what of it arrives at Elasticsearch."""

from __future__ import annotations

from typing import Any

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import World

HOUR = 3600.0
PROBE = {"enabled": True, "interval": "1h"}


def inferences(world: World) -> list[str]:
    """The paths of all inferences since `forget_requests`."""
    return [entry.path for entry in world.standin.log.matching("POST", "/_inference/*")]


async def probed_world(world: World, count: int = 1, **spec: Any) -> list[ObjectKey]:
    """Endpoints that were probed once, successfully."""
    world.put_key()
    await world.start()
    keys = [world.apply(f"e{number}", {"probe": PROBE} | spec) for number in range(count)]
    await world.rest()
    assert {world.condition(key, "Probed") for key in keys} == {("True", "Available")}
    world.forget_requests()
    return keys
