"""How deep an object may be nested: deeper than anybody needs, and shallower than what Python's stack can take."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_operator.api.invalid import InvalidObject

MAX_DEPTH = 100
"""Levels below the object itself. Kubernetes stores up to 10,000; Elasticsearch's own parsers stop far earlier."""


def bounded(body: Mapping[str, Any]) -> None:
    """Raise InvalidObject naming the block that is nested too deeply. Does not recurse, whatever the depth."""
    for name, block in _blocks(body):
        level: list[Any] = [block]
        depth = 0
        while level := [child for node in level for child in _children(node)]:
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidObject(name, f"nested more than {MAX_DEPTH} levels deep")


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    spec = body.get("spec")
    if isinstance(spec, Mapping):
        yield from ((f"spec.{name}", block) for name, block in spec.items())
    yield from ((name, block) for name, block in body.items() if name != "spec")


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, Mapping):
        yield from node.values()
    elif isinstance(node, list):
        yield from node
