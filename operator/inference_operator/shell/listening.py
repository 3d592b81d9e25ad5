"""Listening for HTTP on a port of the pod: probes and metrics."""

from __future__ import annotations

import ssl

from aiohttp import web


async def listen(runner: web.AppRunner, address: str, port: int, tls: ssl.SSLContext | None = None) -> int:
    """Listen; return the port, which the system chooses for 0. Raises OSError, whose `strerror` says where and why not."""
    await runner.setup()
    try:
        await web.TCPSite(runner, address, port, ssl_context=tls).start()
    except OSError as error:
        await runner.cleanup()
        raise OSError(error.errno, f"can't listen on {address}:{port}: {error.strerror or error}") from error
    return int(runner.addresses[0][1])
