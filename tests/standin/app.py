"""The wire: bare ASGI around the stand-in. Decodes requests, carries faults out, encodes answers.

Decides nothing about Elasticsearch but header and body formats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, unquote

from tests.standin import control
from tests.standin.faults import Answer, Fault
from tests.standin.filter_path import filtered
from tests.standin.messages import JSON_TYPE, Request, Response, encode
from tests.standin.security import claimed_user
from tests.standin.stand_in import StandIn

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_PRODUCT = (("X-elastic-product", "Elasticsearch"),)
_VENDOR_TYPE = re.compile(r"application/vnd\.elasticsearch\+json\s*;\s*compatible-with\s*=\s*(\d+)", re.IGNORECASE)


class ConnectionCutError(Exception):
    """The connection is to be reset now. `started`: whether a part of the answer has already left."""

    def __init__(self, *, started: bool) -> None:
        super().__init__("connection reset by the stand-in")
        self.started = started


def make_app(standin: StandIn) -> App:
    """The ASGI application of a stand-in."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            await _serve(standin, await _read(scope, receive), send)

    return app


async def _lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read(scope: Scope, receive: Receive) -> Request:
    body = b""
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False) and message["type"] == "http.request"
    raw = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1").partition("?")[0]
    query = scope["query_string"].decode("latin-1")
    return Request(
        method=scope["method"],
        path=raw,
        query=dict(parse_qsl(query, keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        segments=tuple(unquote(part) for part in raw.split("/") if part),
        uri=f"{raw}?{query}" if query else raw,
        origin=(scope.get("client") or ("",))[0],
    )


async def _serve(standin: StandIn, request: Request, send: Send) -> None:
    if standin.control and request.segments[:1] == (control.PREFIX,):
        await _send(send, request, control.answer(standin, request))
        return
    if not standin.reachable:
        raise ConnectionCutError(started=False)
    entry = standin.log.arrived(request, claimed_user(request))
    fault = standin.faults.hit(request.method, request.path, request.uri.partition("?")[2]) or Fault()
    if fault.delay > 0:
        await standin.clock.sleep(fault.delay)
    response = await standin.answer(request) if fault.carries_out else None
    if fault.lose in ("before", "after"):
        raise ConnectionCutError(started=False)
    if response is not None and response.events is not None and fault.answer is None:
        await _stream(send, response, fault, "\ufeff" if standin.state.cluster.event_bom else "")
        entry.status = response.status
        return
    entry.status = await _reply(send, request, response, fault)


async def _stream(send: Send, response: Response, fault: Fault, mark: str) -> None:
    """Server-sent events, one message each and in no announced length, or the first half of them."""
    events = [f"{mark}event: {name}\ndata: {data}\n\n".encode() for name, data in response.events or ()]
    await _start(send, response.status, (*_PRODUCT, ("Content-Type", "text/event-stream"), *response.headers), None)
    cut = fault.lose == "half"
    for event in events[: len(events) // 2] if cut else events:
        await send({"type": "http.response.body", "body": event, "more_body": True})
    if cut:
        raise ConnectionCutError(started=True)
    await send({"type": "http.response.body", "body": b""})


async def _reply(send: Send, request: Request, response: Response | None, fault: Fault) -> int:
    """Send the answer, or the fault's own, or half of either."""
    status, headers, body = _parts(request, response, fault.answer)
    await _start(send, status, headers, len(body))
    if fault.lose == "half":
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        raise ConnectionCutError(started=True)
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else body})
    return status


def _parts(request: Request, response: Response | None, answer: Answer | None) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
    if answer is not None:
        return answer.status, answer.headers, answer.body.encode()
    real = response or Response()
    content_type = _negotiated(request) if real.content_type == JSON_TYPE else real.content_type
    return real.status, (*_PRODUCT, ("Content-Type", content_type), *real.headers), _body(request, real)


def _body(request: Request, response: Response) -> bytes:
    if response.content_type != JSON_TYPE:
        return str(response.body).encode()
    wanted = request.query.get("filter_path")
    body = response.body if wanted is None else filtered(response.body, wanted)
    if request.query.get("pretty", "false") != "false":
        return json.dumps(body, ensure_ascii=False, indent=2, default=dict).encode() + b"\n"
    return encode(body)


def _negotiated(request: Request) -> str:
    """A client that asks for a compatible media type gets it back."""
    asked = _VENDOR_TYPE.search(request.headers.get("accept", ""))
    return f"application/vnd.elasticsearch+json;compatible-with={asked[1]}" if asked else JSON_TYPE


async def _send(send: Send, request: Request, response: Response) -> None:
    await _reply(send, request, response, Fault())


async def _start(send: Send, status: int, headers: tuple[tuple[str, str], ...], length: int | None) -> None:
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    if length is not None:
        raw.append((b"content-length", str(length).encode()))
    await send({"type": "http.response.start", "status": status, "headers": raw})
