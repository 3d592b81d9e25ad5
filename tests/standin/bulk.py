"""`_bulk`: many writes in one request, each with an answer of its own.

Reads NDJSON; what writing means is decided in `document_writes.py`. Updates are refused: nothing here needs them.
"""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from tests.standin.document_writes import UNNAMED, Prepared, Write, prepare, refreshed, store
from tests.standin.documents import delete, refresh_wanted
from tests.standin.errors import ElasticsearchError, illegal_argument, parse_error, request_invalid
from tests.standin.inference_ask import Ask, Finish, Work, drive
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.state import State
from tests.standin.version import Version

_ACTIONS = ("create", "delete", "index", "update")
_METADATA = frozenset({"_index", "_id", "routing", "pipeline", "require_alias", "dynamic_templates", "list_executed_pipelines"})


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a bulk request, with its document."""

    action: str
    index: str
    doc_id: str | None
    write: Write | None


def prepare_bulk(request: Request, version: Version) -> Action:
    """`POST` and `PUT /_bulk` and `/{index}/_bulk`."""
    default = request.segments[0] if len(request.segments) > 1 else None
    refresh = refresh_wanted(request)
    items = _items(request, default)
    return lambda state, now: drive(_bulk(items, state, now, refresh=refresh))(state, now)


def _items(request: Request, default: str | None) -> list[Item]:
    if not request.body.strip():
        raise parse_error("request body is required")
    if not request.body.endswith(b"\n"):
        raise illegal_argument("The bulk request must be terminated by a newline [\\n]")
    lines = request.body.split(b"\n")[:-1]
    items: list[Item] = []
    position = 0
    while position < len(lines):
        if not lines[position].strip():
            position += 1
            continue
        action, metadata = _action(lines[position], position + 1)
        source = None
        if action != "delete":
            position += 1
            if position == len(lines):
                raise (
                    request_invalid(["no requests added"])
                    if not items
                    else illegal_argument("Validation Failed: source is missing")
                )
            source = _object(lines[position], position + 1)
        items.append(_item(action, metadata, source, request, default))
        position += 1
    if not items:
        raise request_invalid(["no requests added"])
    return items


def _object(line: bytes, number: int) -> Json:
    try:
        value = json.loads(line)
    except ValueError:
        raise ElasticsearchError(400, "x_content_parse_exception", f"[{number}:1] Unexpected character or end of input") from None
    if not isinstance(value, dict):
        raise illegal_argument(f"Malformed action/metadata line [{number}], expected START_OBJECT but found [{_token(value)}]")
    return value


def _token(value: Any) -> str:
    return {str: "VALUE_STRING", list: "START_ARRAY", bool: "VALUE_BOOLEAN"}.get(type(value), "VALUE_NUMBER")


def _action(line: bytes, number: int) -> tuple[str, Json]:
    entries = list(_object(line, number).items())
    if len(entries) != 1:
        raise illegal_argument(f"Malformed action/metadata line [{number}], expected FIELD_NAME but found [END_OBJECT]")
    ((action, metadata),) = entries
    if action not in _ACTIONS:
        known = "field [create], [delete], [index] or [update]"
        raise illegal_argument(f"Malformed action/metadata line [{number}], expected {known} but found [{action}]")
    if not isinstance(metadata, dict):
        raise illegal_argument(f"Malformed action/metadata line [{number}], expected START_OBJECT but found [{_token(metadata)}]")
    for name in metadata:
        if name not in _METADATA:
            raise illegal_argument(f"Action/metadata line [{number}] contains an unknown parameter [{name}]")
    if action == "update":
        raise ElasticsearchError(
            501, "unsupported_operation_exception", "the stand-in does not carry out [update] in a bulk request"
        )
    return action, metadata


def _item(action: str, metadata: Json, source: Json | None, request: Request, default: str | None) -> Item:
    index = metadata.get("_index", default)
    if not isinstance(index, str):
        raise request_invalid(["index is missing"])
    given = metadata.get("_id")
    doc_id = None if given is None else str(given)
    if source is None:
        if doc_id is None:
            raise request_invalid(["id is missing"])
        return Item(action, index, doc_id, None)
    pipeline = metadata.get("pipeline", request.query.get("pipeline"))
    routing = metadata.get("routing", request.query.get("routing"))
    write = Write(index, doc_id, source, "create" if action == "create" else "index", pipeline, routing)
    return Item(action, index, doc_id, write)


def _bulk(items: list[Item], state: State, now: float, *, refresh: bool) -> Work:
    outcomes: list[Prepared | ElasticsearchError | None] = []
    for item in items:
        outcomes.append((yield from _attempt(item, state, now)))  # noqa: PERF401 (a comprehension can't yield)

    def finish(current: State, then: float) -> Step:
        answers: list[Json] = []
        for item, outcome in zip(items, outcomes, strict=True):
            current, answer = _stored(current, item, outcome, then, refresh=refresh)
            answers.append({item.action: answer})
        if refresh:
            touched = [answer["_index"] for one in answers for answer in one.values() if answer["_index"] in current.indices]
            current = refreshed(current, touched)
        failed = any("error" in answer for one in answers for answer in one.values())
        body: Json = {"errors": failed, "took": 1}
        if any(isinstance(outcome, Prepared) and outcome.ran_pipelines for outcome in outcomes):
            body["ingest_took"] = 1
        return Step(current, Response(200, body | {"items": answers}))

    done: Finish = finish
    return done


def _attempt(item: Item, state: State, now: float) -> Generator[Ask, Json, Prepared | ElasticsearchError | None]:
    if item.write is None:
        return None
    try:
        return (yield from prepare(item.write, state, now))
    except ElasticsearchError as error:
        return error


def _stored(
    state: State, item: Item, outcome: Prepared | ElasticsearchError | None, now: float, *, refresh: bool
) -> tuple[State, Json]:
    try:
        if isinstance(outcome, ElasticsearchError):
            raise outcome
        if outcome is None:
            after, status, answer = delete(state, item.index, str(item.doc_id), refresh=refresh)
        else:
            after, status, answer = store(state, outcome, now, refresh=refresh)
    except ElasticsearchError as error:
        failed = {"_index": item.index, "_id": item.doc_id or UNNAMED, "status": error.status, "error": error.detail()}
        return state, failed
    return after, answer | {"status": status}
