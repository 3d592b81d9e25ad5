"""Who refers to an endpoint: pipelines and indices, found with exactly the server's gaps.

Source: the facts' section "References". An own search without the gaps is the client's business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.catalogue import DENSE_TASKS
from tests.standin.state import Endpoint, InferenceField, State

_DEPTH = 10


def pipelines_using(state: State, inference_id: str) -> list[str]:
    """Ids of pipelines whose `processors` name the endpoint; the pipeline-level `on_failure` is not looked at."""
    return [
        name
        for name, pipeline in state.pipelines.items()
        if any(inference_id in _model_ids(processor, 1) for processor in _list(pipeline.body.get("processors")))
    ]


def count_inference_processors(state: State) -> int:
    """How many inference processors all pipelines have together, counted with the same gaps."""
    return sum(
        1
        for pipeline in state.pipelines.values()
        for processor in _list(pipeline.body.get("processors"))
        for _ in _model_ids(processor, 1)
    )


def indices_using(state: State, inference_id: str) -> list[str]:
    """Names of indices with a semantic field on the endpoint, for indexing or for searching."""
    return [
        index.name
        for index in state.indices.values()
        if any(inference_id in (field.inference_id, field.search_inference_id) for field in index.inference_fields)
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _model_ids(processor: Any, depth: int) -> Iterator[str]:
    if depth > _DEPTH or not isinstance(processor, Mapping):
        return
    for kind, options in processor.items():
        if isinstance(options, Mapping):
            yield from _model_ids_of(kind, options, depth)


def _model_ids_of(kind: str, options: Mapping[str, Any], depth: int) -> Iterator[str]:
    match kind:
        case "inference":
            if isinstance(options.get("model_id"), str):
                yield options["model_id"]
        case "foreach":
            yield from _model_ids(options.get("processor"), depth + 1)
        case _:
            for handler in _list(options.get("on_failure")):
                yield from _model_ids(handler, depth + 1)


def incompatible_indices(state: State, endpoint: Endpoint) -> list[str]:
    """Indices that already hold values of another kind of model under this id."""
    return [
        index.name
        for index in state.indices.values()
        if any(_refers(field, endpoint) and _conflicts(field, endpoint) for field in index.inference_fields)
    ]


def _refers(field: InferenceField, endpoint: Endpoint) -> bool:
    return endpoint.inference_id in (field.inference_id, field.search_inference_id)


def _conflicts(field: InferenceField, endpoint: Endpoint) -> bool:
    known = field.model_settings
    if known is None:
        return False
    if known.get("task_type") not in (None, endpoint.task_type):
        return True
    if endpoint.task_type not in DENSE_TASKS:
        return False
    given = endpoint.service_settings
    return any(name in known and name in given and known[name] != given[name] for name in ("dimensions", "similarity"))
