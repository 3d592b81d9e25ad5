"""Where a setting stands in a tree of settings: to find it, to put it, to tell whether one place lies inside another. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from inference_operator.core.values import Path, Tree


class Missing:
    """Stands for a setting that a tree does not have; not the same as null."""

    def __repr__(self) -> str:
        return "<missing>"


MISSING: Final = Missing()


def at(tree: Tree, path: Path) -> Tree | Missing:
    """What stands at the path, or `MISSING`. Lists and sealed values are not looked into."""
    for step in path:
        if not isinstance(tree, Mapping) or step not in tree:
            return MISSING
        tree = tree[step]
    return tree


def put(tree: dict[str, Tree], path: Path, value: Tree) -> None:
    """Set the value at the path. Changes `tree` itself and replaces the objects on the way by copies.

    What stands on the way and is no object gives way.
    """
    for step in path[:-1]:
        old = tree.get(step)
        new = dict(old) if isinstance(old, Mapping) else {}
        tree[step] = new
        tree = new
    tree[path[-1]] = value


def is_inside(path: Path, places: Collection[Path]) -> bool:
    """True when the path is one of the places, or lies below one."""
    return any(path[:length] in places for length in range(1, len(path) + 1))
