"""Semantic fields: which texts of a document they infer, and what the mapping then remembers of the model.

Asks endpoints through `text_inference.py`; knows neither requests nor pipelines.
"""

from __future__ import annotations

import copy
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standin.catalogue import DENSE_TASKS
from tests.standin.default_endpoints import preconfigured
from tests.standin.errors import ElasticsearchError, not_found
from tests.standin.inference_ask import Ask
from tests.standin.mappings import fields_of, parsing_error, values_at
from tests.standin.messages import Json
from tests.standin.state import Endpoint, Index, InferenceField, State
from tests.standin.text_inference import infer_texts, is_endpoint

_REMEMBERED = ("dimensions", "similarity", "element_type")
_INFERABLE = (*DENSE_TASKS, "sparse_embedding")


@dataclass(frozen=True, slots=True)
class Meaning:
    """What was inferred for a document: values by field, and by field what the model is like."""

    values: Mapping[str, list[Any]] = field(default_factory=dict)
    models: Mapping[str, Json] = field(default_factory=dict)


def understand(index: Index, source: Json, state: State, now: float) -> Generator[Ask, Json, Meaning]:
    """Infer every semantic field that has a text. Raises what the server says of the document then."""
    values: dict[str, list[Any]] = {}
    models: dict[str, Json] = {}
    for one in index.inference_fields:
        texts = _texts(one, source)
        if texts:
            values[one.path] = yield from _infer(one, texts, state, now)
            models[one.path] = model_settings(_endpoint(one.inference_id, state), state)
    return Meaning(values, models)


def _texts(one: InferenceField, source: Json) -> tuple[str, ...]:
    found = values_at(source, one.path)
    for value in found:
        if not isinstance(value, str):
            raise parsing_error(f"Failed to parse object: invalid value for field [{one.path}]: expected a text")
    return tuple(text for text in found if text)


def _infer(one: InferenceField, texts: tuple[str, ...], state: State, now: float) -> Generator[Ask, Json, list[Any]]:
    if not is_endpoint(one.inference_id, state):
        raise not_found(f"Inference id [{one.inference_id}] not found for field [{one.path}]")
    try:
        return (yield from infer_texts(one.inference_id, texts, state, now))
    except ElasticsearchError as error:
        reason = f"Exception when running inference id [{one.inference_id}] on field [{one.path}]"
        raise ElasticsearchError(error.status, "inference_exception", reason, caused_by=error) from None


def _endpoint(inference_id: str, state: State) -> Endpoint:
    return state.endpoints.get(inference_id) or preconfigured(state)[inference_id]


def model_settings(endpoint: Endpoint, state: State) -> Json:
    """What a mapping remembers of an endpoint's model."""
    found: Json = {"service": endpoint.service} if state.version.since("8.18") else {}
    found["task_type"] = endpoint.task_type
    if endpoint.task_type in DENSE_TASKS:
        given = {"element_type": "float"} | dict(endpoint.service_settings)
        found |= {name: given[name] for name in _REMEMBERED if given.get(name) is not None}
    return found


def remember(mappings: Mapping[str, Any], models: Mapping[str, Json]) -> Json:
    """The mappings with the models that were used for the first time."""
    changed = copy.deepcopy(dict(mappings))
    for path, definition in fields_of(changed):
        if path in models and not definition.get("model_settings"):
            definition["model_settings"] = models[path]
    return changed
