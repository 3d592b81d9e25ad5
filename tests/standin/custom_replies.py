"""Service `custom`: results from a provider's JSON, by the paths of the endpoint's `json_parser`."""

from __future__ import annotations

from typing import Any

from tests.standin.custom_calls import extract, paths
from tests.standin.results import Dense, Rank, Ranking, Result, Sparse, Texts, element_type
from tests.standin.state import Endpoint


def read_custom(endpoint: Endpoint, data: Any) -> Result:
    """The result in a reply. Raises ValueError, with the server's words where they are known, when a path does not fit."""
    match endpoint.task_type:
        case "text_embedding":
            rows = _found(endpoint, data, "text_embeddings")
            kind = element_type(endpoint.service_settings)
            return Dense(tuple(tuple(float(value) if kind == "float" else int(value) for value in row) for row in rows), kind)
        case "sparse_embedding":
            return _sparse(endpoint, data)
        case "rerank":
            return _ranking(endpoint, data)
        case _:
            found = _found(endpoint, data, "completion_result")
            return Texts(tuple(map(str, found if isinstance(found, list) else [found])))


def _found(endpoint: Endpoint, data: Any, name: str) -> Any:
    path = paths(endpoint).get(name)
    if not isinstance(path, str):
        raise ValueError(f"[service_settings.response.json_parser] does not contain the required setting [{name}]")  # noqa: TRY004
    return extract(data, path)


def _optional(endpoint: Endpoint, data: Any, name: str) -> Any:
    return extract(data, str(paths(endpoint)[name])) if name in paths(endpoint) else None


def _sparse(endpoint: Endpoint, data: Any) -> Sparse:
    tokens, weights = _found(endpoint, data, "token_path"), _found(endpoint, data, "weight_path")
    if len(tokens) != len(weights):
        raise ValueError(
            f"The extracted tokens list is size [{len(tokens)}] but the weights list is size [{len(weights)}]. "
            "The list sizes must be equal."
        )
    return Sparse(
        tuple(
            {str(token): float(weight) for token, weight in zip(names, values, strict=True)}
            for names, values in zip(tokens, weights, strict=True)
        )
    )


def _ranking(endpoint: Endpoint, data: Any) -> Ranking:
    scores = _found(endpoint, data, "relevance_score")
    indices = _optional(endpoint, data, "reranked_index") or range(len(scores))
    texts = _optional(endpoint, data, "document_text") or [None] * len(scores)
    rows = zip(indices, scores, texts, strict=True)
    return Ranking(tuple(Rank(int(index), float(score), text) for index, score, text in rows))
