"""`_search` and `_count`, far enough to find what a pipeline or a semantic field has prepared.

Reads requests and shows hits; scoring is decided in `search_queries.py`. Sorting, aggregations, highlighting, retrievers and
everything else are refused.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.indices import resolve
from tests.standin.inference_ask import Ask, Finish, Work, drive
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import decimal_number, flag, json_body, whole_number
from tests.standin.search_queries import Reader, Score, parsing
from tests.standin.source_filter import PARAMS, VECTORS_PARAM, Shown, from_body, from_params
from tests.standin.state import Document, Index, State
from tests.standin.version import Version

_KEYS = frozenset({"query", "knn", "from", "size", "_source", "min_score", "track_total_hits", "timeout"})
_WINDOW = 10_000
_DEFAULT_SIZE = 10


@dataclass(frozen=True, slots=True)
class Hit:
    index: Index
    document: Document
    score: float


@dataclass(frozen=True, slots=True)
class Page:
    """Which hits are shown, and what of them."""

    start: int
    size: int
    least: float | None
    shown: Shown


def prepare_search(request: Request, version: Version) -> Action:
    """`GET` and `POST /_search` and `/{index}/_search`."""
    body = json_body(request) if request.body.strip() else {}
    _check_keys(body)
    page = _page(request, body)
    return lambda state, now: drive(_search(request, body, page, state, now))(state, now)


def _check_keys(body: Json) -> None:
    for name in body:
        if name not in _KEYS:
            raise ElasticsearchError(501, "unsupported_operation_exception", f"the stand-in does not know [{name}] in a search")


def _page(request: Request, body: Json) -> Page:
    start = whole_number(request.query.get("from", body.get("from", 0)), "from")
    size = whole_number(request.query.get("size", body.get("size", _DEFAULT_SIZE)), "size")
    if start < 0 or size < 0:
        name, value = ("from", start) if start < 0 else ("size", size)
        raise illegal_argument(f"[{name}] parameter cannot be negative but was [{value}]")
    if start + size > _WINDOW:
        raise illegal_argument(
            f"Result window is too large, from + size must be less than or equal to: [{_WINDOW}] but was [{start + size}]"
        )
    by_params = any(name in request.query for name in (*PARAMS, VECTORS_PARAM))
    shown = from_params(request) if by_params else from_body(body.get("_source"))
    least = body.get("min_score")
    return Page(start, size, None if least is None else decimal_number(least, "min_score"), shown)


def _indices(request: Request, state: State) -> tuple[Index, ...]:
    expression = request.segments[0] if len(request.segments) > 1 else "_all"
    try:
        return tuple(resolve(state, expression))
    except ElasticsearchError:
        if flag(request, "ignore_unavailable"):
            return ()
        raise


def _search(request: Request, body: Json, page: Page, state: State, now: float) -> Work:
    indices = _indices(request, state)
    hits = yield from _hits(body, indices, state, now)
    found = sorted((hit for hit in hits if page.least is None or hit.score >= page.least), key=lambda hit: -hit.score)
    answer = _answer(found, page, indices, state)
    done: Finish = lambda current, _then: Step(current, Response(200, answer))  # noqa: E731 (a value, not a function)
    return done


def _hits(body: Json, indices: tuple[Index, ...], state: State, now: float) -> Generator[Ask, Json, list[Hit]]:
    """What the query finds, and the nearest of the `knn` section beside it: a document in both has both scores."""
    reader = Reader(state, now, indices)
    best: dict[tuple[str, str], Hit] = {}
    if "query" in body or "knn" not in body:
        score = yield from reader.compile(body.get("query", {"match_all": {}}))
        best = {_key(hit): hit for hit in _scored(score, indices, state, now)}
    sections = body.get("knn", [])
    for section in sections if isinstance(sections, list) else [sections]:
        for hit in (yield from _nearest(section, reader)):
            before = best.get(_key(hit))
            best[_key(hit)] = hit if before is None else Hit(hit.index, hit.document, before.score + hit.score)
    return list(best.values())


def _key(hit: Hit) -> tuple[str, str]:
    return hit.index.name, hit.document.doc_id


def _nearest(section: Any, reader: Reader) -> Generator[Ask, Json, list[Hit]]:
    if not isinstance(section, dict):
        raise parsing("Unknown key for a VALUE in [knn].")
    k = whole_number(section.get("k", _DEFAULT_SIZE), "k")
    candidates = whole_number(section.get("num_candidates", max(k, _DEFAULT_SIZE)), "num_candidates")
    if k < 1:
        raise illegal_argument("[k] must be greater than 0")
    if candidates < k:
        raise illegal_argument("[num_candidates] cannot be less than [k]")
    score = yield from reader.compile({"knn": section})
    found = sorted(_scored(score, reader.indices, reader.state, reader.now), key=lambda hit: -hit.score)
    return found[:k]


def _scored(score: Score, indices: tuple[Index, ...], state: State, now: float) -> Iterator[Hit]:
    for index in indices:
        for document in state.documents.get(index.name, {}).values():
            if document.searchable_at <= now and (found := score(document, index)) is not None:
                yield Hit(index, document, found)


def _answer(found: list[Hit], page: Page, indices: tuple[Index, ...], state: State) -> Json:
    hits = [_shown(hit, page.shown, state.version) for hit in found[page.start : page.start + page.size]]
    return {
        "took": 1,
        "timed_out": False,
        "_shards": {"total": len(indices), "successful": len(indices), "skipped": 0, "failed": 0},
        "hits": {
            "total": {"value": len(found), "relation": "eq"},
            "max_score": found[0].score if found and page.size else None,
            "hits": hits,
        },
    }


def _shown(hit: Hit, shown: Shown, version: Version) -> Json:
    row: Json = {"_index": hit.index.name, "_id": hit.document.doc_id, "_score": hit.score}
    if hit.document.routing:
        row["_routing"] = hit.document.routing
    if shown.whole:
        row["_source"] = shown.of(hit.document.source, hit.index, version)
    return row


def prepare_count(request: Request, version: Version) -> Action:
    """`GET` and `POST /_count` and `/{index}/_count`."""
    body: Mapping[str, Any] = json_body(request) if request.body.strip() else {}
    for name in body:
        if name != "query":
            raise parsing(f"request does not support [{name}]")
    return lambda state, now: drive(_count(request, dict(body), state, now))(state, now)


def _count(request: Request, body: Json, state: State, now: float) -> Work:
    indices = _indices(request, state)
    score = yield from Reader(state, now, indices).compile(body.get("query", {"match_all": {}}))
    count = sum(1 for _ in _scored(score, indices, state, now))
    shards = {"total": len(indices), "successful": len(indices), "skipped": 0, "failed": 0}
    done: Finish = lambda current, _then: Step(current, Response(200, {"count": count, "_shards": shards}))  # noqa: E731
    return done
