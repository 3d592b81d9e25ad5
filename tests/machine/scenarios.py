"""What a scenario is: a story that a user lives through, told by what can be done and read from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.machine.stage import Stage

Play = Callable[[Stage], Awaitable[None]]
VERSIONS = ("8.17.0", "8.19.0", "9.2.0", "9.5.0")
NEWEST = VERSIONS[-1]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`play` raises AssertionError where the story goes another way. It holds for every version."""

    name: str
    play: Play

    def __str__(self) -> str:
        return self.name
