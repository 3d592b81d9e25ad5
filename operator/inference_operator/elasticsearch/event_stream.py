"""From the bytes of a stream of server-sent events to the JSON of its chunks, or to a failure.

Decides when a stream is complete: `[DONE]` ends it, an `error` event is the failure that a status would be elsewhere, and a
stream that ends without either was cut. Pure: the stream was read, within bounds, before it comes here.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx
from httpx_sse import EventSource

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import Json
from inference_operator.elasticsearch.answers import Answer, Response, parse_json, read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from httpx_sse import ServerSentEvent

MAX_STREAM = 1024 * 1024
"""Bytes of a stream that are read at most: nobody needs to hear a model out to know that it answers."""

_TYPE = "text/event-stream"
_DONE = "[DONE]"
_NO_STATUS = 600
# Some versions put a byte-order mark before each event; the field behind it would not be recognised.
_MARKS = re.compile(rb"^(?:\xef\xbb\xbf)+", re.MULTILINE)


def read_events(answer: Answer, operation: str, address: str, now: datetime) -> Response | HttpFailure | TransportFailure:
    """What a streamed answer means. The body of the response is the list of its chunks, `[DONE]` not among them.

    A stream that is longer than what was read is answered as far as it was read.
    """
    if not _is_stream(answer):
        plain = read(answer, operation, address, now)
        detail = f"the answer to {operation} is no stream of events"
        return TransportFailure(TransportKind.GARBLED, address, detail) if isinstance(plain, Response) else plain
    chunks: list[Json] = []
    for event in _events(answer.body):
        if event.data.strip() == _DONE:
            return Response(answer.status, chunks, address, operation)
        try:
            document = parse_json(event.data.encode())
        except ValueError:
            return TransportFailure(TransportKind.GARBLED, address, f"an event of the answer to {operation} is not JSON")
        if event.event == "error" or (isinstance(document, dict) and "error" in document):
            return read(_as_answer(document, answer), operation, address, now)
        chunks.append(document)
    if answer.cut and chunks:
        return Response(answer.status, chunks, address, operation)
    return TransportFailure(TransportKind.RESET, address, f"the stream that answers {operation} ended before it was complete")


def _is_stream(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").split(";")[0].strip().lower() == _TYPE and (
        # A proxy that streams an error page of its own is told apart by `read`, as everywhere.
        answer.headers.get("x-elastic-product", "").strip() == "Elasticsearch"
    )


def _events(body: bytes) -> Iterator[ServerSentEvent]:
    """The events that carry data. What the stream broke off in the middle of is not among them."""
    response = httpx.Response(HTTPStatus.OK, headers={"content-type": _TYPE}, content=_MARKS.sub(b"", body))
    return (event for event in EventSource(response).iter_sse() if event.data)


def _as_answer(document: Json, answer: Answer) -> Answer:
    """An error of a stream as the answer that Elasticsearch gives to everything else.

    Once something was sent the HTTP status is 200, so the event's own counts. Errors of a chat may be worded as OpenAI does it:
    `message` for `reason`.
    """
    fields = document if isinstance(document, dict) else {}
    status = fields.get("status")
    if not isinstance(status, int) or not HTTPStatus.BAD_REQUEST <= status < _NO_STATUS:
        status = answer.status if answer.status >= HTTPStatus.BAD_REQUEST else int(HTTPStatus.INTERNAL_SERVER_ERROR)
    error = fields.get("error")
    if isinstance(error, dict):
        kind, reason = error.get("type"), error.get("reason", error.get("message"))
        error = {**error, "type": kind if isinstance(kind, str) else "status_exception", "reason": reason}
    return Answer(status, answer.headers, json.dumps({"error": error, "status": status}).encode())
