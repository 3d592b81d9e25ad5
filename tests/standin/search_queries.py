"""Queries: from JSON to a function that scores a document of an index, or says that it does not fit.

Compiling may ask an endpoint for the query's vector, so it is work. Known are the queries in `_QUERIES`; everything else is
refused, which a real server would not do.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.inference_ask import Ask
from tests.standin.mappings import field_type, values_at
from tests.standin.messages import Json
from tests.standin.reading import decimal_number, list_in, whole_number
from tests.standin.search_scores import words, words_score
from tests.standin.search_vectors import by_knn, by_meaning, by_weights
from tests.standin.state import Document, Index, State

Score = Callable[[Document, Index], float | None]
Compiled = Generator[Ask, Json, Score]
_KEYWORDS = frozenset({"keyword", "constant_keyword", "wildcard"})


@dataclass(frozen=True, slots=True)
class Reader:
    """What compiling a query knows: the cluster, the time, and the indices that are searched."""

    state: State
    now: float
    indices: tuple[Index, ...]

    def compile(self, query: Any) -> Compiled:
        """A function that scores a document, or gives None when it does not match. Raises 400."""
        if not isinstance(query, dict) or len(query) != 1:
            raise parsing(
                "[bool] malformed query, expected a single query in an object" if query else "query malformed, empty clause found"
            )
        ((kind, body),) = query.items()
        if kind not in _QUERIES:
            raise ElasticsearchError(501, "unsupported_operation_exception", f"the stand-in does not know query [{kind}]")
        if not isinstance(body, dict):
            raise parsing(f"[{kind}] query malformed, no start_object after query name")
        return (yield from _QUERIES[kind](self, body))


def parsing(reason: str) -> ElasticsearchError:
    return ElasticsearchError(400, "parsing_exception", reason)


def _all(reader: Reader, body: Json) -> Compiled:
    yield from ()
    boost = decimal_number(body.get("boost", 1.0), "boost")
    return lambda document, index: boost


def _none(reader: Reader, body: Json) -> Compiled:
    yield from ()
    return lambda document, index: None


def _one_field(kind: str, body: Json, key: str) -> tuple[str, Json]:
    """The field of a leaf query and its options; the short form is a bare value."""
    fields = {name: value for name, value in body.items() if name not in ("boost", "_name")}
    if len(fields) != 1:
        raise parsing(f"[{kind}] query doesn't support multiple fields, found [{', '.join(fields)}]")
    ((field, value),) = fields.items()
    return field, value if isinstance(value, dict) else {key: value}


def _match(reader: Reader, body: Json) -> Compiled:
    field, options = _one_field("match", body, "query")
    text = str(options.get("query", ""))
    unknown = set(options) - {"query", "operator", "boost"}
    if unknown:
        raise ElasticsearchError(
            501, "unsupported_operation_exception", f"the stand-in does not know option [{min(unknown)}] of a match query"
        )
    every = str(options.get("operator", "or")).lower() == "and"
    meaning = yield from by_meaning(field, text, reader.indices, reader.state, reader.now, strict=False)
    wanted = words(text)

    def score(document: Document, index: Index) -> float | None:
        if meaning is not None and field_type(index.mappings, field) in ("semantic_text", "semantic"):
            return meaning(document, index)
        values = values_at(document.source, _stored_path(index, field))
        if field_type(index.mappings, field) != "text":
            return 1.0 if any(_same(value, options.get("query")) for value in values) else None
        return max((words_score(wanted, str(value), every=every) for value in values), default=0.0) or None

    return score


def _stored_path(index: Index, field: str) -> str:
    """Where the value of a field is in the source: a multi-field has that of its parent."""
    parent, _, name = field.rpartition(".")
    if parent and field_type(index.mappings, parent) == "text" and name:
        return parent
    return field


def _same(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    return value == wanted or str(value) == str(wanted)


def _term(reader: Reader, body: Json) -> Compiled:
    yield from ()
    field, options = _one_field("term", body, "value")
    return _by_terms(field, [options.get("value")])


def _terms(reader: Reader, body: Json) -> Compiled:
    yield from ()
    field, values = next(((name, value) for name, value in body.items() if isinstance(value, list)), ("", None))
    if values is None:
        raise parsing("[terms] query requires an array of terms")
    return _by_terms(field, values)


def _by_terms(field: str, wanted: Sequence[Any]) -> Score:
    def score(document: Document, index: Index) -> float | None:
        if field == "_id":
            return 1.0 if document.doc_id in map(str, wanted) else None
        values = values_at(document.source, _stored_path(index, field))
        if field_type(index.mappings, field) == "text":
            values = [word for value in values for word in words(str(value))]
        return 1.0 if any(_same(value, one) for value in values for one in wanted) else None

    return score


def _exists(reader: Reader, body: Json) -> Compiled:
    yield from ()
    pattern = str(body.get("field", ""))

    def score(document: Document, index: Index) -> float | None:
        if "*" in pattern:
            return 1.0 if any(fnmatchcase(name, pattern) for name in document.source) else None
        return 1.0 if values_at(document.source, _stored_path(index, pattern)) else None

    return score


def _ids(reader: Reader, body: Json) -> Compiled:
    yield from ()
    wanted = [str(value) for value in list_in(body, "values")]
    return lambda document, index: 1.0 if document.doc_id in wanted else None


def _bool(reader: Reader, body: Json) -> Compiled:
    unknown = set(body) - {"must", "should", "filter", "must_not", "minimum_should_match", "boost"}
    if unknown:
        raise parsing(f"[bool] query does not support [{min(unknown)}]")
    parts: dict[str, list[Score]] = {}
    for name in ("must", "should", "filter", "must_not"):
        given = body.get(name, [])
        parts[name] = []
        for query in given if isinstance(given, list) else [given]:
            parts[name].append((yield from reader.compile(query)))
    needed = 0 if parts["must"] or parts["filter"] or not parts["should"] else 1
    least = whole_number(body.get("minimum_should_match", needed), "minimum_should_match")

    def score(document: Document, index: Index) -> float | None:
        must = [part(document, index) for part in parts["must"]]
        should = [found for part in parts["should"] if (found := part(document, index)) is not None]
        if any(part(document, index) is not None for part in parts["must_not"]) or len(should) < least:
            return None
        if None in must or any(part(document, index) is None for part in parts["filter"]):
            return None
        return sum(found for found in must if found is not None) + sum(should)

    return score


def _semantic(reader: Reader, body: Json) -> Compiled:
    unknown = set(body) - {"field", "query", "boost", "_name"}
    if unknown:
        raise parsing(f"[semantic] unknown field [{min(unknown)}]")
    for name in ("field", "query"):
        if not isinstance(body.get(name), str):
            raise illegal_argument(f"[semantic] requires a {name} value")
    found = yield from by_meaning(body["field"], body["query"], reader.indices, reader.state, reader.now, strict=True)
    return found or (lambda document, index: None)


def _sparse_vector(reader: Reader, body: Json) -> Compiled:
    return (yield from by_weights(body, reader.indices, reader.state, reader.now))


def _knn(reader: Reader, body: Json) -> Compiled:
    allowed: Score | None = None
    filters = body.get("filter", [])
    if filters:
        allowed = yield from _bool(reader, {"filter": filters})
    score = yield from by_knn(body, reader.indices, reader.state, reader.now)

    def filtered(document: Document, index: Index) -> float | None:
        if allowed is not None and allowed(document, index) is None:
            return None
        return score(document, index)

    return filtered


_QUERIES: Mapping[str, Callable[[Reader, Json], Compiled]] = {
    "bool": _bool,
    "exists": _exists,
    "ids": _ids,
    "knn": _knn,
    "match": _match,
    "match_all": _all,
    "match_none": _none,
    "semantic": _semantic,
    "sparse_vector": _sparse_vector,
    "term": _term,
    "terms": _terms,
}
