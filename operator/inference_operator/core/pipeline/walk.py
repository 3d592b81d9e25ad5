"""Every processor of a pipeline, wherever it stands: in `processors` or `on_failure`, in a loop, in a handler of a handler.

Pure, and total: a body of whatever shape has processors or has none. Not recursive, since the nesting is up to whoever
wrote it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from inference_operator.core.values import Json, Path

_TEMPLATE = "{{"


@dataclass(frozen=True, slots=True)
class Processor:
    """One processor. `path` leads to its settings, in Elasticsearch's names: `("processors", "[0]", "inference")`."""

    path: Path
    kind: str
    settings: Mapping[str, Any]


def processors_of(pipeline: Json) -> Iterator[Processor]:
    """The processors in the order in which they are written, each before those inside of it."""
    waiting = [*reversed(_handlers(pipeline, "on_failure", ())), *reversed(_handlers(pipeline, "processors", ()))]
    while waiting:
        path, holder = waiting.pop()
        found = [
            Processor((*path, kind), kind, settings)
            for kind, settings in (holder.items() if isinstance(holder, Mapping) else ())
            if isinstance(kind, str) and isinstance(settings, Mapping)
        ]
        if len(found) == 1:
            yield found[0]
            waiting += reversed(_inside(found[0]))
        elif found:  # Elasticsearch reads several keys in one object as several processors
            waiting += reversed([((*path,), {each.kind: each.settings}) for each in found])


def literal(value: Json) -> str | None:
    """A name as it is written; None for what is none, and for a template, which names something at ingest time only."""
    return value if isinstance(value, str) and value and _TEMPLATE not in value else None


def _inside(processor: Processor) -> list[tuple[Path, Json]]:
    looped = [((*processor.path, "processor"), processor.settings.get("processor"))] if processor.kind == "foreach" else []
    return [*looped, *_handlers(processor.settings, "on_failure", processor.path)]


def _handlers(holder: Json, key: str, path: Path) -> list[tuple[Path, Json]]:
    value = holder.get(key) if isinstance(holder, Mapping) else None
    return [((*path, key, f"[{index}]"), item) for index, item in enumerate(value)] if isinstance(value, list) else []
