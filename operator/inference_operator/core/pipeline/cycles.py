"""Pipelines that call each other in a circle, which fails every document that comes to one of them. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping


def cycle_through(start: str, calls: Mapping[str, Collection[str]]) -> tuple[str, ...] | None:
    """The shortest circle that leads from a pipeline back to it, both ends named: `("a", "b", "a")`; None without one.

    `calls` has by pipeline those that it calls; one that it does not have calls nobody. Among circles of the same length
    it is always the same one.
    """
    came_from: dict[str, str] = {}
    waiting = deque([start])
    while waiting:
        caller = waiting.popleft()
        for called in sorted(calls.get(caller, ())):
            if called == start:
                return (*_way(start, caller, came_from), start)
            if called not in came_from:
                came_from[called] = caller
                waiting.append(called)
    return None


def _way(start: str, end: str, came_from: Mapping[str, str]) -> tuple[str, ...]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return tuple(reversed(way))
