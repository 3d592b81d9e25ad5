"""A TCP proxy before the API server that can go deaf: what it is told on some connections is swallowed, and they stay open.

Speaks plain HTTP to whoever connects and TLS to the API server, so that it sees which connection carries what.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class DeafProxy:
    """`deafen` swallows what comes back on connections whose requests hold a text, also on those that are opened later."""

    def __init__(self, server: str, tls: ssl.SSLContext) -> None:
        self._server = urlsplit(server)
        self._tls = tls
        self._swallowed: bytes | None = None
        self._links: set[asyncio.Task[None]] = set()
        self.url = ""

    def deafen(self, text: str | None) -> None:
        """Swallow from now on, or nothing any more."""
        self._swallowed = text.encode() if text is not None else None

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = asyncio.current_task()
        assert link is not None
        self._links.add(link)
        try:
            await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            return  # one end went, or the proxy ends
        finally:
            self._links.discard(link)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, requests = await asyncio.open_connection(self._server.hostname, self._server.port, ssl=self._tls)
        asked = bytearray()
        ways = {asyncio.create_task(self._ask(reader, requests, asked)), asyncio.create_task(self._tell(answers, writer, asked))}
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            requests.close()
            writer.close()

    async def _ask(self, come: asyncio.StreamReader, go: asyncio.StreamWriter, asked: bytearray) -> None:
        while data := await come.read(65536):
            asked += data
            go.write(data)
            await go.drain()

    async def _tell(self, come: asyncio.StreamReader, go: asyncio.StreamWriter, asked: bytearray) -> None:
        while data := await come.read(65536):
            if self._swallowed is None or self._swallowed not in asked:
                go.write(data)
                await go.drain()

    async def stop(self) -> None:
        for link in tuple(self._links):
            link.cancel()
        await asyncio.gather(*self._links, return_exceptions=True)


@contextmanager
def deaf_proxy(server: str, ca: Path) -> Iterator[DeafProxy]:
    """The proxy in a thread of its own, listening within the block."""
    proxy = DeafProxy(server, ssl.create_default_context(cafile=ca))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(proxy.start(), loop).result(10)
    try:
        yield proxy
    finally:
        listening.close()
        asyncio.run_coroutine_threadsafe(proxy.stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
