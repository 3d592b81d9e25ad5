"""The scenario matrix in one process, for every kind and every server version that behaves differently."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.machine import (
    scenarios_of_change,
    scenarios_of_life,
    scenarios_of_ownership,
    scenarios_of_pipelines,
    scenarios_of_replacing,
    scenarios_of_settings,
)
from tests.machine.audit_trail import Reached, assert_no_secret, assert_on_record
from tests.machine.scenarios import NEWEST, VERSIONS, Performance, performances
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.world import World
from tests.machine.world_stage import WorldStage

OF_SETTINGS = scenarios_of_change.SCENARIOS + scenarios_of_settings.SCENARIOS + scenarios_of_replacing.SCENARIOS
PERFORMANCES = tuple(
    performances(scenarios_of_life.SCENARIOS + scenarios_of_ownership.SCENARIOS + OF_SETTINGS + scenarios_of_pipelines.SCENARIOS)
)


def in_versions() -> Iterator[Any]:
    """Servers in between differ in what they do to the settings of endpoints: all else is tried with them in full only."""
    for performance in PERFORMANCES:
        differs = performance.thing is ENDPOINT and performance.scenario in OF_SETTINGS
        for version in VERSIONS:
            is_quick = differs or version in (VERSIONS[0], NEWEST)
            marks = () if is_quick else pytest.mark.full
            yield pytest.param(performance, version, marks=marks, id=f"{performance}-{version}")


@pytest.mark.parametrize(("performance", "version"), list(in_versions()))
async def test_scenario(performance: Performance, version: str) -> None:
    async with World(version=version) as world:
        reached = Reached(world)
        await world.start()
        await performance.scenario.play(WorldStage(world, version, performance.thing))
        await world.rest()
        assert_on_record(world, reached)
        assert_no_secret(world.audit)


async def test_each_change_of_what_drifts_from_an_observed_endpoint_is_told() -> None:
    async with World() as world:
        await world.start()
        stage = WorldStage(world, NEWEST, ENDPOINT)
        await ENDPOINT.appear(stage)
        await stage.put_key()
        await stage.apply("a", {"managementPolicy": "Observe", "taskSettings": {"user": "one"}})
        await stage.edit("a", taskSettings={"team": "two"})
        await stage.sees("a", ("True", "Observed"), "Drifted", within="spec.taskSettings.team")
        told = await stage.events("a")
        await stage.edit("a", taskSettings=None)
        await stage.sees("a", ("True", "Observed"), "Synced")
        assert told[-1:] == ["Drifted"]
        assert await stage.events("a") == [*told, "Observed"]
