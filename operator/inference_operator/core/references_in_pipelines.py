"""Which endpoints an ingest pipeline uses: every `model_id` of its `inference` processors, wherever they stand.

Elasticsearch itself looks into `processors` only. It passes over the pipeline's own `on_failure`, over that of `inference`
and of `foreach`, and over what is nested more than ten deep; all of that fails just the same once the endpoint is gone. A
`model_id` is compared as it is written, so one that is a template names nothing. A pipeline that is called by name counts by
itself. Pure, and total: a body of whatever shape has references or has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_operator.core.values import Json

_TEMPLATE = "{{"


def endpoints_in_pipeline(pipeline: Json) -> frozenset[str]:
    """Every id that the pipeline names; also those of trained models, which share the processor with endpoints."""
    found: set[str] = set()
    # A stack, not recursion: how deep a body is nested is up to whoever wrote it.
    waiting: list[Json] = [*_handlers(pipeline, "processors"), *_handlers(pipeline, "on_failure")]
    while waiting:
        processor = waiting.pop()
        if isinstance(processor, Mapping):
            for kind, options in processor.items():
                if isinstance(options, Mapping):
                    found.update(_named(kind, options))
                    waiting += _inside(kind, options)
    return frozenset(found)


def _named(kind: str, options: Mapping[str, Any]) -> tuple[str, ...]:
    model_id = options.get("model_id") if kind == "inference" else None
    return (model_id,) if isinstance(model_id, str) and model_id and _TEMPLATE not in model_id else ()


def _inside(kind: str, options: Mapping[str, Any]) -> list[Json]:
    looped = [options.get("processor")] if kind == "foreach" else []
    return [*looped, *_handlers(options, "on_failure")]


def _handlers(holder: Json, key: str) -> list[Json]:
    value = holder.get(key) if isinstance(holder, Mapping) else None
    return value if isinstance(value, list) else []
