"""Streams of server-sent events: what ends them, what breaks them, and how their errors read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.elasticsearch.answers import Answer, Response
from inference_operator.elasticsearch.event_stream import read_events
from tests.elasticsearch.laws import LAW
from tests.virtual_clock import START

ADDRESS = "https://es:9200"
HEADERS = {"x-elastic-product": "Elasticsearch", "content-type": "text/event-stream"}
BOM = "\ufeff"
CHUNK = {"completion": [{"delta": "Elastic"}]}
ERROR = {"error": {"type": "status_exception", "reason": "Streaming is not allowed"}, "status": 405}


def event(data: Any, name: str = "message") -> str:
    return f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n"


DONE = event("[DONE]")


def answered(
    text: str | bytes, status: int = 200, headers: dict[str, str] | None = None, *, cut: bool = False
) -> Response | HttpFailure | TransportFailure:
    raw = text if isinstance(text, bytes) else text.encode()
    return read_events(Answer(status, HEADERS if headers is None else headers, raw, cut), "inference.stream", ADDRESS, START)


COMPLETE: dict[str, tuple[str, list[Any]]] = {
    "one chunk": (event(CHUNK) + DONE, [CHUNK]),
    "two chunks": (event(CHUNK) + event(CHUNK) + DONE, [CHUNK, CHUNK]),
    "nothing but the end": (DONE, []),
    "a byte-order mark before the first event": (BOM + event(CHUNK) + DONE, [CHUNK]),
    "a byte-order mark before each event": (BOM + event(CHUNK) + BOM + event(CHUNK) + BOM + DONE, [CHUNK, CHUNK]),
    "lines that end as on Windows": ((event(CHUNK) + DONE).replace("\n", "\r\n"), [CHUNK]),
    "comments to keep the connection alive": (": wait\n\n" + event(CHUNK) + ": wait\n\n" + DONE, [CHUNK]),
    "an id, which lasts": ("id: 1\n" + event(CHUNK) + "\n\n" + DONE, [CHUNK]),
    "data on two lines": ('data: {"a":\ndata: 1}\n\n' + DONE, [{"a": 1}]),
    "events without a name": (f"data: {json.dumps(CHUNK)}\n\ndata: [DONE]\n\n", [CHUNK]),
    "something after the end": (event(CHUNK) + DONE + event("not JSON"), [CHUNK]),
}


@pytest.mark.parametrize(("text", "chunks"), COMPLETE.values(), ids=COMPLETE)
def test_a_complete_stream(text: str, chunks: list[Any]) -> None:
    assert answered(text) == Response(200, chunks, ADDRESS, "inference.stream")


CUT = {
    "nothing at all": "",
    "after a chunk": event(CHUNK),
    "in the middle of a chunk": event(CHUNK) + 'event: message\ndata: {"comple',
    "before the blank line that ends the end": event(CHUNK) + "event: message\ndata: [DONE]\n",
    "in the middle of a character": event(CHUNK).encode() + "data: é".encode()[:-1],
}


@pytest.mark.parametrize("text", CUT.values(), ids=CUT)
def test_a_stream_without_its_end_was_cut(text: str | bytes) -> None:
    lost = answered(text)
    assert isinstance(lost, TransportFailure)
    assert (lost.kind, lost.address) == (TransportKind.RESET, ADDRESS)


def test_a_stream_that_was_not_read_to_its_end_counts_as_far_as_it_was_read() -> None:
    assert answered(event(CHUNK) + 'data: {"comp', cut=True) == Response(200, [CHUNK], ADDRESS, "inference.stream")
    assert isinstance(answered("x" * 100, cut=True), TransportFailure)


ERRORS: dict[str, tuple[str, int, HttpFailure]] = {
    "nothing was sent before: the status of the answer says the same": (
        event(ERROR, "error"),
        405,
        HttpFailure(405, "status_exception", "Streaming is not allowed", operation="inference.stream"),
    ),
    "in the middle: the status of the event counts": (
        event(CHUNK) + event(ERROR, "error"),
        200,
        HttpFailure(405, "status_exception", "Streaming is not allowed", operation="inference.stream"),
    ),
    "with byte-order marks": (
        BOM + event(CHUNK) + BOM + event(ERROR, "error"),
        200,
        HttpFailure(405, "status_exception", "Streaming is not allowed", operation="inference.stream"),
    ),
    "under the name of a message": (
        event({"error": {"type": "t", "reason": "r"}, "status": 429}),
        200,
        HttpFailure(429, "t", "r", operation="inference.stream"),
    ),
    "worded as OpenAI does it": (
        event({"error": {"code": "bad_request", "message": "no such model", "type": "unified_error"}}, "error"),
        200,
        HttpFailure(500, "unified_error", "no such model", operation="inference.stream"),
    ),
    "without a type": (
        event({"error": {"message": "no such model", "type": None}}, "error"),
        400,
        HttpFailure(400, "status_exception", "no such model", operation="inference.stream"),
    ),
    "mere text": (
        event({"error": "out of order"}, "error"),
        200,
        HttpFailure(500, reason="out of order", operation="inference.stream"),
    ),
}


@pytest.mark.parametrize(("text", "status", "expected"), ERRORS.values(), ids=ERRORS)
def test_an_error_event(text: str, status: int, expected: HttpFailure) -> None:
    assert answered(text, status) == expected


def test_an_error_that_is_no_stream_reads_as_everywhere() -> None:
    document = {"error": {"type": "security_exception", "reason": "missing authentication credentials"}, "status": 401}
    failure = answered(json.dumps(document), 401, {**HEADERS, "content-type": "application/json"})
    assert isinstance(failure, HttpFailure)
    assert (failure.status, failure.type) == (401, "security_exception")


GARBLED: dict[str, tuple[str, int, dict[str, str]]] = {
    "JSON where a stream was asked for": ("{}", 200, {**HEADERS, "content-type": "application/json"}),
    "a stream of somebody else": (event(CHUNK) + DONE, 200, {"content-type": "text/event-stream"}),
    "a chunk that is not JSON": (event("<html>") + DONE, 200, HEADERS),
    "an error that is not JSON": (event("no", "error"), 500, HEADERS),
    "an error that says nothing": (event([], "error"), 500, HEADERS),
    "a redirect": ("", 302, {"location": "https://elsewhere/"}),
}


@pytest.mark.parametrize(("text", "status", "headers"), GARBLED.values(), ids=GARBLED)
def test_what_is_not_a_stream_of_elasticsearch(text: str, status: int, headers: dict[str, str]) -> None:
    failure = answered(text, status, headers)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED


@LAW
@given(st.integers(0, 400), st.booleans())
def test_wherever_a_stream_is_cut_it_is_complete_or_a_failure(length: int, marked: bool) -> None:
    mark = BOM if marked else ""
    whole = "".join(mark + event(data) for data in ({"completion": [{"delta": "Zoë"}]}, CHUNK, "[DONE]")).encode()
    part = whole[:length]
    result = answered(part)
    assert isinstance(result, Response) == (part == whole)


@LAW
@given(st.binary(max_size=200), st.sampled_from([200, 400, 500]))
def test_no_bytes_raise(body: bytes, status: int) -> None:
    assert isinstance(answered(body, status), Response | HttpFailure | TransportFailure)
