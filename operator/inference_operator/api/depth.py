"""How deep an object may be nested: deeper than anybody needs, and shallower than what Python's stack can take."""

from collections.abc import Iterator, Mapping
from typing import Any

from inference_operator.api.invalid import InvalidObject

MAX_DEPTH = 100
"""Levels below the object itself. Kubernetes stores up to 10,000; Elasticsearch's own parsers stop far earlier."""


def bounded(body: Mapping[str, Any]) -> None:
    """Raise InvalidObject naming the block that is nested too deeply. Does not recurse, whatever the depth."""
    for name, block in _blocks(body):
        level, depth = [block], 0
        # dict and list, not their abstract classes, which take ten times as long to ask for: this is JSON, read many times.
        while level := [node for node in level if isinstance(node, dict | list)]:
            level = [child for node in level for child in (node.values() if isinstance(node, dict) else node)]
            depth += bool(level)
            if depth > MAX_DEPTH:
                raise InvalidObject(name, f"nested more than {MAX_DEPTH} levels deep")


def _blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    spec = body.get("spec")
    if isinstance(spec, Mapping):
        yield from ((f"spec.{name}", block) for name, block in spec.items())
    yield from ((name, block) for name, block in body.items() if name != "spec")
