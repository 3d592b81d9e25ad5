"""A server of bare sockets on 127.0.0.1, for what only a wire can do: break, hang, lie about lengths, speak TLS."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """`heads` are the request heads that came in, as text; `asked` is set with the first."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)


@asynccontextmanager
async def serve(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[RawServer]:
    """Read one request head per connection, then let `handler` do what it likes, then close."""
    raw = RawServer()
    writers: set[asyncio.StreamWriter] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        try:
            raw.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
            raw.asked.set()
            await handler(writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)
        await server.wait_closed()


def sends(data: bytes) -> Handler:
    """A handler that sends these bytes."""

    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return send


async def hangs(writer: asyncio.StreamWriter) -> None:
    """A handler that never answers."""
    await asyncio.Event().wait()


def message(body: Any, *, status: str = "200 OK", length: int | None = None) -> bytes:
    """An answer of Elasticsearch as bytes; `length` may lie."""
    content = json.dumps(body).encode()
    head = (
        f"HTTP/1.1 {status}\r\nX-elastic-product: Elasticsearch\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content) if length is None else length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + content
