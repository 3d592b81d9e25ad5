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


async def test_each_change_of_what_drifts_from_an_observed_endpoint_is_told() -> None:
    async with World() as world:
        await world.start()
        stage = WorldStage(world, "9.5.0")
        await scenarios_of_ownership.foreign(stage)
        await stage.put_key()
        await stage.apply("a", {"managementPolicy": "Observe", "taskSettings": {"user": "one"}})
        await stage.edit("a", taskSettings={"team": "two"})
        await stage.sees("a", ("True", "Observed"), "Drifted", within="spec.taskSettings.team")
        told = await stage.events("a")
        await stage.edit("a", taskSettings=None)
        await stage.sees("a", ("True", "Observed"), "Synced")
        assert told[-1:] == ["Drifted"]
        assert await stage.events("a") == [*told, "Observed"]
