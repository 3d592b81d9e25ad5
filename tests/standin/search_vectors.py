"""Queries by vector and by token weight: `knn`, `sparse_vector`, and the meaning of a text for semantic fields.

Where the query is a text, an endpoint (or a deployed model) is asked for its vector: the same text, the same vector.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

from tests.standin.errors import ElasticsearchError, bad_request, illegal_argument
from tests.standin.inference_ask import Ask
from tests.standin.mappings import field_type, fields_of, values_at
from tests.standin.messages import Json
from tests.standin.reading import decimal_number, object_in
from tests.standin.search_scores import least_score, vector_score, weights_score
from tests.standin.state import Document, Index, InferenceField, State
from tests.standin.text_inference import infer_texts

Score = Callable[[Document, Index], float | None]
_SEMANTIC = ("semantic_text", "semantic")
_KNN_KEYS = frozenset(
    {"field", "query_vector", "query_vector_builder", "k", "num_candidates", "filter", "similarity", "boost", "_name"}
)
_SPARSE_KEYS = frozenset({"field", "inference_id", "query", "query_vector", "boost", "_name"})


def by_meaning(
    field: str, text: str, indices: Sequence[Index], state: State, now: float, *, strict: bool
) -> Generator[Ask, Json, Score | None]:
    """Score a semantic field by what a text means to its search endpoint; None when no index has such a field.

    Raises 400 with `strict` for a field that is not semantic.
    """
    queries: dict[str, Any] = {}
    for index in indices:
        one = _semantic_field(index, field)
        if one is None:
            kind = field_type(index.mappings, field)
            if strict and kind is not None:
                # The words are unverified; a semantic query on a text field settles them.
                raise illegal_argument(f"Field [{field}] of type [{kind}] does not support semantic queries")
            continue
        if one.model_settings is not None and one.search_inference_id not in queries:
            (queries[one.search_inference_id],) = yield from infer_texts(one.search_inference_id, (text,), state, now)
    if not queries and not any(_semantic_field(index, field) for index in indices):
        return None
    return lambda document, index: _closest(document, index, field, queries)


def _semantic_field(index: Index, field: str) -> InferenceField | None:
    return next((one for one in index.inference_fields if one.path == field), None)


def _closest(document: Document, index: Index, field: str, queries: Mapping[str, Any]) -> float | None:
    """The best of the texts in a field."""
    one = _semantic_field(index, field)
    values = document.meaning.get(field)
    if one is None or not values or one.search_inference_id not in queries:
        return None
    query = queries[one.search_inference_id]
    similarity = _similarity(index, field)
    return max(_one(query, value, similarity) for value in values) or None


def _one(query: Any, value: Any, similarity: str) -> float:
    if isinstance(query, Mapping) and isinstance(value, Mapping):
        return weights_score(query, value)
    if isinstance(query, list) and isinstance(value, list):
        _check_length(query, len(value))
        return vector_score(similarity, query, value)
    raise bad_request("the field holds values of another kind of model than its search endpoint has")


def _check_length(query: Sequence[float], length: int) -> None:
    if len(query) != length:
        raise illegal_argument(f"the query vector has a different dimension [{len(query)}] than the index vectors [{length}]")


def by_knn(body: Json, indices: Sequence[Index], state: State, now: float) -> Generator[Ask, Json, Score]:
    """Score a `dense_vector` field, or a semantic one, by its nearness to a vector."""
    unknown = set(body) - _KNN_KEYS
    if unknown:
        raise ElasticsearchError(400, "x_content_parse_exception", f"[1:1] [knn] unknown field [{min(unknown)}]")
    field = body.get("field")
    if not isinstance(field, str):
        raise illegal_argument("Required [field]")
    query = yield from _query_vector(body, field, indices, state, now)
    for index in indices:
        _check_vector_field(index, field)
    least = None if body.get("similarity") is None else decimal_number(body["similarity"], "similarity")
    boost = decimal_number(body.get("boost", 1.0), "boost")

    def score(document: Document, index: Index) -> float | None:
        definition = dict(fields_of(index.mappings)).get(field, {})
        if definition.get("type") in _SEMANTIC:
            found = _closest(document, index, field, {index_search_id(index, field): query})
        else:
            vector = values_at(document.source, field)
            if not vector:
                return None
            _check_length(query, len(vector))
            found = vector_score(_similarity(index, field), query, vector)
        if found is None or (least is not None and found < least_score(_similarity(index, field), least)):
            return None
        return found * boost

    return score


def _similarity(index: Index, field: str) -> str:
    one = _semantic_field(index, field)
    known: Mapping[str, Any] = dict(fields_of(index.mappings)).get(field, {}) if one is None else one.model_settings or {}
    return str(known.get("similarity", "cosine"))


def index_search_id(index: Index, field: str) -> str:
    """The endpoint that a semantic field is searched with; empty when the field is not semantic."""
    one = _semantic_field(index, field)
    return "" if one is None else one.search_inference_id


def _check_vector_field(index: Index, field: str) -> None:
    kind = field_type(index.mappings, field)
    if kind is None:
        raise illegal_argument(f"field [{field}] does not exist in the mapping")
    if kind not in ("dense_vector", *_SEMANTIC):
        raise illegal_argument("[knn] queries are only supported on [dense_vector] fields")


def _query_vector(
    body: Json, field: str, indices: Sequence[Index], state: State, now: float
) -> Generator[Ask, Json, list[float]]:
    vector, builder = body.get("query_vector"), body.get("query_vector_builder")
    if (vector is None) == (builder is None):
        how_many = "either" if vector is None else "only one of"
        raise illegal_argument(
            f"{how_many} [query_vector_builder] {'or' if vector is None else 'and'} [query_vector] must be provided"
        )
    if vector is not None:
        items = vector if isinstance(vector, list) else [vector]
        return [decimal_number(item, "query_vector") for item in items]
    if not isinstance(builder, dict) or list(builder) != ["text_embedding"]:
        raise ElasticsearchError(400, "parsing_exception", f"unknown query_vector_builder {sorted(builder or {})}")
    given = object_in(builder, "text_embedding")
    model_id = given.get("model_id") or next(filter(None, (index_search_id(index, field) for index in indices)), None)
    for name, value in (("model_id", model_id), ("model_text", given.get("model_text"))):
        if not value:
            raise illegal_argument(f"[text_embedding] Required [{name}]")
    (found,) = yield from infer_texts(str(model_id), (str(given["model_text"]),), state, now)
    if not isinstance(found, list):
        raise bad_request(f"expected a result of type [text_embedding_result] received. Is [{model_id}] a text embedding model?")
    return found


def by_weights(body: Json, indices: Sequence[Index], state: State, now: float) -> Generator[Ask, Json, Score]:
    """Score a `sparse_vector` field, or a semantic one, by token weights."""
    unknown = set(body) - _SPARSE_KEYS
    if unknown:
        raise ElasticsearchError(
            400, "parsing_exception", f"[sparse_vector] unknown token [{min(unknown)}] after [sparse_vector]"
        )
    field = body.get("field")
    if not isinstance(field, str):
        raise illegal_argument("[sparse_vector] requires a fieldName")
    query = yield from _query_weights(body, field, indices, state, now)

    def score(document: Document, index: Index) -> float | None:
        if field_type(index.mappings, field) in _SEMANTIC:
            return _closest(document, index, field, {index_search_id(index, field): query})
        found = [weights_score(query, value) for value in values_at(document.source, field) if isinstance(value, Mapping)]
        return max(found, default=0.0) or None

    return score


def _query_weights(
    body: Json, field: str, indices: Sequence[Index], state: State, now: float
) -> Generator[Ask, Json, dict[str, float]]:
    given, text = body.get("query_vector"), body.get("query")
    if (given is None) == (text is None):
        raise illegal_argument("[sparse_vector] requires one of [query_vector] or [query]")
    if given is not None:
        weights: Mapping[str, Any] = object_in(body, "query_vector")
        return {token: decimal_number(weight, "query_vector") for token, weight in weights.items()}
    inference_id = body.get("inference_id") or next(filter(None, (index_search_id(index, field) for index in indices)), None)
    if inference_id is None:
        raise illegal_argument("inference_id required to perform vector search on query string")
    (found,) = yield from infer_texts(str(inference_id), (str(text),), state, now)
    if not isinstance(found, Mapping):
        raise bad_request(f"expected a result of type [text_expansion_result] from [{inference_id}]")
    return dict(found)
