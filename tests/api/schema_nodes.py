"""Walking through a structural schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def nodes(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each schema of the tree with its path."""
    yield path, tree
    for name, child in tree.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in tree:
            yield from nodes(tree[key], f"{path}[]")
