"""Single documents: `_doc`, `_create`, and the `_refresh` that lets searches find them.

Reads requests and words answers; what writing means is decided in `document_writes.py`.
"""

from __future__ import annotations

from dataclasses import replace

from tests.standin.document_writes import Write, prepare, refreshed, store
from tests.standin.errors import illegal_argument
from tests.standin.indices import missing_index, resolve
from tests.standin.inference_ask import Finish, Work, drive
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import json_body
from tests.standin.source_filter import from_params
from tests.standin.state import Index, State, drop, put
from tests.standin.version import Version

_REFRESH = {"": True, "true": True, "wait_for": True, "false": False}


def refresh_wanted(request: Request) -> bool:
    """Whether `refresh` makes the write findable at once; waiting for the next refresh is one, too."""
    text = request.query.get("refresh", "false")
    if text not in _REFRESH:
        raise illegal_argument(f"Unknown value for refresh: [{text}].")
    return _REFRESH[text]


def prepare_index(request: Request, version: Version) -> Action:
    """`PUT` and `POST /{index}/_doc[/{id}]` and `/{index}/_create/{id}`."""
    kind = request.segments[1]
    op_type = "create" if kind == "_create" else request.query.get("op_type", "index")
    if op_type not in ("index", "create"):
        raise illegal_argument(f"opType must be 'create' or 'index', found: [{op_type}]")
    write = Write(
        request.segments[0],
        request.segments[2] if len(request.segments) > 2 else None,
        json_body(request),
        "create" if op_type == "create" else "index",
        request.query.get("pipeline"),
        request.query.get("routing"),
    )
    refresh = refresh_wanted(request)
    return lambda state, now: drive(_write(write, state, now, refresh=refresh))(state, now)


def _write(write: Write, state: State, now: float, *, refresh: bool) -> Work:
    prepared = yield from prepare(write, state, now)

    def finish(current: State, then: float) -> Step:
        after, status, answer = store(current, prepared, then, refresh=refresh)
        return Step(refreshed(after, [answer["_index"]]) if refresh else after, Response(status, answer))

    done: Finish = finish
    return done


def _one_index(state: State, name: str) -> Index:
    """The index of a call that takes exactly one."""
    if name not in state.indices:
        raise missing_index(name)
    return state.indices[name]


def prepare_get(request: Request, version: Version) -> Action:
    """`GET` and `HEAD /{index}/_doc/{id}`: also what no refresh has made findable yet."""
    name, doc_id = request.segments[0], request.segments[2]
    shown = from_params(request)

    def run(state: State, _now: float) -> Step:
        index = _one_index(state, name)
        document = state.documents.get(name, {}).get(doc_id)
        if document is None:
            return Step(state, Response(404, {"_index": name, "_id": doc_id, "found": False}))
        answer: Json = {"_index": name, "_id": doc_id, "_version": document.version}
        answer |= {"_seq_no": document.seq_no, "_primary_term": 1}
        answer |= ({"_routing": document.routing} if document.routing else {}) | {"found": True}
        if shown.whole:
            answer["_source"] = shown.of(document.source, index, state.version)
        return Step(state, Response(200, answer))

    return run


def prepare_delete(request: Request, version: Version) -> Action:
    """`DELETE /{index}/_doc/{id}`."""
    name, doc_id = request.segments[0], request.segments[2]
    refresh = refresh_wanted(request)

    def run(state: State, _now: float) -> Step:
        after, status, answer = delete(state, name, doc_id, refresh=refresh)
        return Step(refreshed(after, [name]) if refresh else after, Response(status, answer))

    return run


def delete(state: State, name: str, doc_id: str, *, refresh: bool) -> tuple[State, int, Json]:
    """Take a document away. Unlike a real server, searches miss it at once."""
    _one_index(state, name)
    documents = state.documents.get(name, {})
    found = documents.get(doc_id)
    after = replace(state, documents=put(state.documents, name, drop(documents, doc_id))) if found else state
    answer: Json = {"_index": name, "_id": doc_id, "_version": found.version + 1 if found else 1}
    answer["result"] = "deleted" if found else "not_found"
    answer |= {"forced_refresh": True} if refresh else {}
    answer |= {"_shards": {"total": 2, "successful": 1, "failed": 0}, "_seq_no": len(documents), "_primary_term": 1}
    return after, 200 if found else 404, answer


def prepare_refresh(request: Request, version: Version) -> Action:
    """`GET` and `POST /_refresh` and `/{index}/_refresh`."""
    expression = request.segments[0] if len(request.segments) > 1 else "_all"

    def run(state: State, _now: float) -> Step:
        names = [index.name for index in resolve(state, expression)]
        shards = {"total": 2 * len(names), "successful": len(names), "failed": 0}
        return Step(refreshed(state, names), Response(200, {"_shards": shards}))

    return run
