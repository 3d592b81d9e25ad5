"""What a scenario is: a story that a user lives through, told by what can be done and read from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from tests.machine.stage import Stage
from tests.machine.things import Thing
from tests.machine.things_of_endpoints import ENDPOINT
from tests.machine.things_of_pipelines import PIPELINE

Play = Callable[[Stage], Awaitable[None]]
VERSIONS = ("8.17.0", "8.19.0", "9.2.0", "9.5.0")
NEWEST = VERSIONS[-1]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` raises AssertionError where the story goes another way. It holds for every version, and for each of `things`."""

    name: str
    play: Play
    things: tuple[Thing, ...] = (ENDPOINT, PIPELINE)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Performance:
    """A scenario with the kind that it is played for."""

    scenario: Scenario
    thing: Thing

    def __str__(self) -> str:
        return f"{self.scenario}-{self.thing.kind}"


def performances(scenarios: Iterable[Scenario]) -> Iterator[Performance]:
    """Each scenario for each of its kinds."""
    return (Performance(scenario, thing) for scenario in scenarios for thing in scenario.things)
