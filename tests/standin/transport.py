"""An httpx transport to a stand-in in the same process: faults, time-outs and lost answers as on a socket.

A request that the client gives up is carried out to its end all the same, as a server would.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import MutableMapping
from typing import Any

import httpx

from tests.standin.app import ConnectionCutError, make_app
from tests.standin.stand_in import StandIn

_running: set[asyncio.Task[Any]] = set()


class StandInTransport(httpx.AsyncBaseTransport):
    """Use as `httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin")`.

    Read time-outs run on the stand-in's clock, so that virtual time covers them too.
    """

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin
        self._app = make_app(standin)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._standin.reachable:
            raise httpx.ConnectError("connection refused", request=request)
        if self._standin.certificate != "good":
            broken = f"[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {self._standin.certificate}"
            raise httpx.ConnectError(broken, request=request) from ssl.SSLCertVerificationError(1, broken)
        exchange = asyncio.ensure_future(self._exchange(request, await request.aread()))
        _running.add(exchange)
        exchange.add_done_callback(_forget)
        limit = (request.extensions.get("timeout") or {}).get("read")
        if limit is not None and not await self._in_time(exchange, limit):
            raise httpx.ReadTimeout("no answer in time", request=request)
        try:
            return await asyncio.shield(exchange)
        except ConnectionCutError as error:
            kind = httpx.RemoteProtocolError if error.started else httpx.ReadError
            raise kind("connection reset", request=request) from error

    async def _in_time(self, exchange: asyncio.Task[Any], limit: float) -> bool:
        timer = asyncio.ensure_future(self._standin.clock.sleep(limit))
        try:
            done, _ = await asyncio.wait({exchange, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return exchange in done

    async def _exchange(self, request: httpx.Request, body: bytes) -> httpx.Response:
        sent = [{"type": "http.request", "body": body, "more_body": False}]
        messages: list[MutableMapping[str, Any]] = []

        async def receive() -> MutableMapping[str, Any]:
            return sent.pop() if sent else {"type": "http.disconnect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        await self._app(_scope(request), receive, send)
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return httpx.Response(messages[0]["status"], headers=messages[0]["headers"], content=content, request=request)


def _scope(request: httpx.Request) -> MutableMapping[str, Any]:
    return {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "headers": request.headers.raw,
    }


def _forget(task: asyncio.Task[Any]) -> None:
    _running.discard(task)
    if not task.cancelled():
        task.exception()  # an abandoned exchange may have been cut: nobody is left to hear of it
