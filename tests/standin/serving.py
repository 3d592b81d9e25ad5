"""A stand-in on a real socket of 127.0.0.1, by uvicorn: in the running event loop, or in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import AsyncIterator, Generator, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.standin.app import App, ConnectionCutError, Receive, Send, make_app
from tests.standin.stand_in import StandIn
from tests.standin.tls import TlsFiles
from tests.standin.tls_faults import choose_by_handshake

_LINGER_NOTHING = struct.pack("ii", 1, 0)
_START_SECONDS = 20
_END_SECONDS = 5


class _CuttableProtocol(H11Protocol):
    """HTTP/1.1 that resets its connection when the application raises `ConnectionCutError`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._cuttable(self.app)

    def _cuttable(self, app: App) -> Any:
        async def run(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            except ConnectionCutError as cut:
                self._cut(reset=not cut.started)

        return run

    def _cut(self, *, reset: bool) -> None:
        """With `reset` the client sees ECONNRESET; without, what was sent arrives before the connection ends."""
        self.cycle.disconnected = True
        if not reset:
            self.transport.close()
            return
        raw = self.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOTHING)
        self.transport.abort()


class Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it, and tells when it is up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def run_until_up(self, bound: socket.socket) -> asyncio.Task[None]:
        """Start serving in a task. Raises what the start raised, or TimeoutError."""
        running = asyncio.ensure_future(self.serve(sockets=[bound]))
        up = asyncio.ensure_future(self.up.wait())
        done, _ = await asyncio.wait({running, up}, timeout=_START_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if running in done:
            await running
        if up not in done:
            self.should_exit = True
            msg = "the stand-in did not start in time"
            raise TimeoutError(msg)
        return running

    @override
    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let no TLS client that does not answer a goodbye keep its connection beyond the end of the event loop."""
        await super().shutdown(sockets)
        for connection in self.server_state.connections:
            connection.transport.abort()
        async with asyncio.timeout(_END_SECONDS):
            while self.server_state.connections:  # noqa: ASYNC110 - the next turns of the loop; nothing tells
                await asyncio.sleep(0)

    @override
    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def listen(host: str = "127.0.0.1", port: int = 0) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    The protocol is named because asyncio switches Nagle's delay off only for sockets that say TCP.
    """
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((host, port))
    return bound


def url_of(bound: socket.socket, tls: TlsFiles | None) -> str:
    host, port = bound.getsockname()[:2]
    return f"{'https' if tls else 'http'}://{host}:{port}"


def server_for(standin: StandIn, tls: TlsFiles | None = None) -> Server:
    """The server of a stand-in, not yet started."""
    server = server_for_app(make_app(standin), tls)
    if tls is not None:
        server.config.load()
        choose_by_handshake(_context_of(server), Path(tls.certificate).parent, lambda: standin.certificate)
    return server


def _context_of(server: Server) -> ssl.SSLContext:
    if server.config.ssl is None:
        raise AssertionError("the server was configured with certificates")
    return server.config.ssl


def server_for_app(app: App, tls: TlsFiles | None = None) -> Server:
    """The server of any ASGI application, which may cut connections; not yet started."""
    secure: dict[str, Any] = {}
    if tls is not None:
        secure = {"ssl_certfile": tls.certificate, "ssl_keyfile": tls.key, "ssl_ca_certs": tls.ca}
        secure["ssl_cert_reqs"] = ssl.CERT_REQUIRED if tls.client_required else ssl.CERT_NONE
    config = uvicorn.Config(
        app,
        http=_CuttableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=60,
        **secure,
    )
    return Server(config)


@contextlib.asynccontextmanager
async def serve(standin: StandIn, *, host: str = "127.0.0.1", port: int = 0, tls: TlsFiles | None = None) -> AsyncIterator[str]:
    """Serve in the running event loop; yields the URL."""
    bound = listen(host, port)
    server = server_for(standin, tls)
    running = await server.run_until_up(bound)
    try:
        yield url_of(bound, tls)
    finally:
        server.should_exit = True
        await running
        bound.close()


@contextlib.contextmanager
def serve_in_thread(standin: StandIn, *, host: str = "127.0.0.1", port: int = 0, tls: TlsFiles | None = None) -> Iterator[str]:
    """Serve in a thread with a loop of its own, for synchronous clients; yields the URL."""
    ready, stop = threading.Event(), threading.Event()
    found: list[str] = []

    async def run() -> None:
        async with serve(standin, host=host, port=port, tls=tls) as url:
            found.append(url)
            ready.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="standin", daemon=True)
    thread.start()
    try:
        if not ready.wait(_START_SECONDS):
            msg = "the stand-in did not start in time"
            raise TimeoutError(msg)
        yield found[0]
    finally:
        stop.set()
        thread.join(_START_SECONDS)
