"""`/livez` and `/readyz`, for a kubelet.

Alive: the event loop turns, and every watch was heard of lately. Ready: all objects were listed and all Secrets' versions are
known, so that the operator does its work. Each answer says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog
from aiohttp import web

from inference_operator.shell.listening import listen

log: Any = structlog.get_logger(__name__)

Check = Callable[[], str | None]
"""Returns what is wrong, or None."""


class Probes:
    """A tiny HTTP server; answers 200 `ok`, or 503 with what is wrong."""

    def __init__(self, *, live: Check, ready: Check) -> None:
        application = web.Application()
        application.router.add_get("/livez", _answer(live))
        application.router.add_get("/readyz", _answer(ready))
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, address: str, port: int) -> int:
        """Listen; return the port, which the system chooses for 0. Raises OSError saying where it could not."""
        chosen = await listen(self._runner, address, port)
        log.info("probes listen", address=address, port=chosen)
        return chosen

    async def stop(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()


def _answer(check: Check) -> Callable[[web.Request], Any]:
    async def handle(_: web.Request) -> web.Response:
        wrong = check()
        return web.Response(text=f"{wrong or 'ok'}\n", status=503 if wrong else 200)

    return handle
