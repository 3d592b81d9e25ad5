"""Texts into vectors, tokens or answers, by an inference endpoint or by a model that is deployed under that id.

What pipelines, semantic fields and queries have in common. Raises the refusals of the server.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tests.standin import deployments, vectors
from tests.standin.default_endpoints import preconfigured
from tests.standin.errors import ElasticsearchError, bad_request, status_error
from tests.standin.inference_ask import Ask
from tests.standin.messages import Json
from tests.standin.state import State

Infer = Generator[Ask, Json, list[Any]]
_LENGTH = 384


def is_endpoint(inference_id: str, state: State) -> bool:
    """Whether the id is one of an endpoint, the reserved ones included."""
    return inference_id in state.endpoints or inference_id in preconfigured(state)


def is_deployed(model_id: str, state: State) -> bool:
    """Whether the id names a running model directly; an endpoint of the same id is asked as an endpoint."""
    if is_endpoint(model_id, state):
        return False
    return any(model_id in (one.deployment_id, one.model_id) for one in state.deployments.values())


def infer_texts(model_id: str, texts: tuple[str, ...], state: State, now: float) -> Infer:
    """A vector, token weights or an answer for each text. Raises 404 for an id that nothing has."""
    if is_deployed(model_id, state):
        return from_deployment(model_id, texts, state, now)
    try:
        body = yield Ask(model_id, texts)
    except ElasticsearchError as error:
        if error.error_type == "resource_not_found_exception":
            raise status_error(404, f"[{model_id}] is not an inference service model or a deployed ml model") from None
        raise
    return _results_of(body)


def _results_of(body: Json) -> list[Any]:
    ((kind, items),) = body.items()
    match kind:
        case "completion":
            return [item["result"] for item in items]
        case "rerank":
            # Unverified words; an inference processor on a rerank endpoint settles them.
            raise bad_request("[rerank] results are not supported here")
        case _:
            return [item["embedding"] for item in items]


def from_deployment(model_id: str, texts: tuple[str, ...], state: State, now: float) -> list[Any]:
    """What a deployed model makes of texts. Raises 409 while it is not there yet."""
    deployment = next(one for one in state.deployments.values() if model_id in (one.deployment_id, one.model_id))
    if deployments.progress(deployment, state.pace, now).state != "started":
        raise status_error(409, f"Trained model deployment [{deployment.deployment_id}] is not allocated to any nodes")
    model = state.models.get(deployment.model_id)
    if model is not None and model.task_type == "sparse_embedding":
        return [vectors.sparse(text) for text in texts]
    return [list(vectors.dense(text, _LENGTH)) for text in texts]
