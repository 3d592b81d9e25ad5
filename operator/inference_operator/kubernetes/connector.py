"""The connections to the API server: none outlives the client that it was made for.

A TLS connection that is closed says goodbye first and waits for the answer, up to half a minute. aiohttp forgets it at that
moment, so the end of its session says nothing about watches that ended and requests that took too long: their sockets would
stay open until the garbage collector found them. Knows no request; sends nothing.
"""

import asyncio
from typing import Any
from urllib.request import getproxies

import aiohttp
from aiohttp.client_proto import ResponseHandler
from kubernetes.aio.client.rest import RESTClientObject

_LONGEST_LINE = 2**21
"""Bytes. Watch events come as lines; the API server takes objects of up to 1.5 MiB."""
_END_SECONDS = 2.0
"""For the event loop to take note: nothing is sent any more, and no answer is waited for."""


class AccountableConnector(aiohttp.TCPConnector):
    """Remembers each connection until it is lost, and leaves none behind when it is closed itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._open: dict[asyncio.Future[None], asyncio.Transport] = {}

    async def _create_connection(self, *arguments: Any, **options: Any) -> ResponseHandler:
        protocol = await super()._create_connection(*arguments, **options)
        end, transport = protocol.closed, protocol.transport
        if end is not None and transport is not None:
            self._open[end] = transport
            end.add_done_callback(self._lost)
        return protocol

    def _lost(self, end: asyncio.Future[None]) -> None:
        self._open.pop(end, None)
        if not end.cancelled():
            end.exception()  # whoever had a request on it was told; unread, it would be logged as a mistake

    async def close(self, *, abort_ssl: bool = True) -> None:
        """Cut what is open or still taking leave, and wait until the event loop has let go of it."""
        await super().close(abort_ssl=abort_ssl)
        for transport in self._open.values():
            transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=_END_SECONDS)


class AccountableRest(RESTClientObject):
    """The REST client of kubernetes.aio on such connections."""

    AT_ONCE = 100
    """Connections. Further requests wait until one gives its own back."""

    def _create_pool_manager(self) -> aiohttp.ClientSession:
        """Told to look into the environment, aiohttp does so in two threads for each request; so it is told only of a proxy.

        Without one, credentials are the configuration's, never those of `.netrc`.
        """
        connector = self._create_connector()
        return aiohttp.ClientSession(connector=connector, trust_env=bool(getproxies()), read_bufsize=_LONGEST_LINE)

    def _create_connector(self) -> aiohttp.TCPConnector:
        return AccountableConnector(limit=self.AT_ONCE, ssl=self.ssl_context)


class WatchingRest(AccountableRest):
    """The same for watches, which keep their connections: how many there are is decided by what is watched."""

    AT_ONCE = 0  # no limit
