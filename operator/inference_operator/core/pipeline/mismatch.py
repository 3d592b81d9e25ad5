"""Where two JSON values first differ.

Decides what is the same: numbers by value, so that 1 is 1.0, which Kubernetes makes of it; a boolean is no number; the
order of keys does not count, that of lists does. Not recursive, since the nesting is up to whoever wrote it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from inference_operator.core.paths import MISSING, Missing
from inference_operator.core.values import Json, Path


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A place that differs. An entry of a list is a step `[2]` of the path; `MISSING` where a side has no such place."""

    path: Path
    wanted: Json | Missing
    found: Json | Missing


def first_mismatch(wanted: Json | Missing, found: Json | Missing, *, subset: bool = False) -> Mismatch | None:
    """The first place, in the order of `wanted`, where the two differ; None when they are equal.

    With `subset`, objects may have keys beyond those that are wanted, at any depth. Lists always have the same length.
    """
    waiting: list[Mismatch] = [Mismatch((), wanted, found)]
    while waiting:
        here = waiting.pop()
        inside = _inside(here, subset=subset)
        if inside is not None:
            waiting += reversed(list(inside))
        elif not _same(here.wanted, here.found):
            return here
    return None


def _inside(here: Mismatch, *, subset: bool) -> Iterator[Mismatch] | None:
    """The places inside of two objects or two lists; None for all else."""
    if isinstance(here.wanted, Mapping) and isinstance(here.found, Mapping):
        keys = dict.fromkeys([*here.wanted, *(() if subset else here.found)])
        wanted, found = here.wanted, here.found
        return (Mismatch((*here.path, key), wanted.get(key, MISSING), found.get(key, MISSING)) for key in keys)
    if isinstance(here.wanted, list) and isinstance(here.found, list):
        return _entries(here.path, here.wanted, here.found)
    return None


def _entries(path: Path, wanted: list[Json], found: list[Json]) -> Iterator[Mismatch]:
    for index in range(max(len(wanted), len(found))):
        sides = (values[index] if index < len(values) else MISSING for values in (wanted, found))
        yield Mismatch((*path, f"[{index}]"), *sides)


def _same(one: Json | Missing, other: Json | Missing) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return bool(one == other)
