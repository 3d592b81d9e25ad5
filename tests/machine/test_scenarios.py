"""The scenario matrix in one process, for every server version that behaves differently."""

from __future__ import annotations

import pytest

from tests.machine import scenarios_of_change, scenarios_of_life, scenarios_of_ownership
from tests.machine.scenarios import VERSIONS, Scenario
from tests.machine.stage import WorldStage
from tests.machine.world import World

SCENARIOS = scenarios_of_life.SCENARIOS + scenarios_of_ownership.SCENARIOS + scenarios_of_change.SCENARIOS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
async def test_scenario(scenario: Scenario, version: str) -> None:
    async with World(version=version) as world:
        await world.start()
        await scenario.play(WorldStage(world, version))
