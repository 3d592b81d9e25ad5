"""`GET /metrics` on a port of its own, in clear or by TLS, for everybody or for those whom Kubernetes lets.

Decides the answers alone; what is in a scrape, who is let in and which certificate is shown are its neighbours' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import structlog
from aiohttp import web

from inference_operator.shell.listening import listen
from inference_operator.shell.metrics.admission import Admission, Guard
from inference_operator.shell.metrics.certificate import ServingCertificate

log: Any = structlog.get_logger(__name__)

PATH = "/metrics"

Scrape = Callable[[str], tuple[bytes, str]]
"""Takes the header Accept, returns the text and its content type."""

_REFUSALS = {
    Admission.UNKNOWN: (
        HTTPStatus.UNAUTHORIZED,
        "Send a token that this Kubernetes cluster knows, as 'Authorization: Bearer TOKEN'.",
    ),
    Admission.DENIED: (
        HTTPStatus.FORBIDDEN,
        f"The user of the token may not get {PATH}: grant it by a ClusterRole with nonResourceURLs.",
    ),
    Admission.UNTOLD: (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Kubernetes could not be asked whether this token may read metrics; the log of the operator says why.",
    ),
}


class MetricsServer:
    """A tiny HTTP server. Without a guard everybody may read, without a certificate in clear."""

    def __init__(self, scrape: Scrape, guard: Guard | None = None, certificate: ServingCertificate | None = None) -> None:
        self._scrape = scrape
        self._guard = guard
        self._certificate = certificate
        self._following: asyncio.Task[None] | None = None
        application = web.Application()
        application.router.add_get(PATH, self._answer)
        self._runner = web.AppRunner(application, access_log=None)

    async def start(self, address: str, port: int) -> int:
        """Listen; return the port, which the system chooses for 0. Raises OSError saying where it could not."""
        tls = self._certificate.context if self._certificate is not None else None
        chosen = await listen(self._runner, address, port, tls)
        if self._certificate is not None:
            self._following = asyncio.create_task(self._certificate.follow(), name="follow the certificate of metrics")
        elif self._guard is not None:
            log.warning("tokens for metrics are sent in clear: set --metrics-cert-file and --metrics-key-file")
        log.info("metrics listen", address=address, port=chosen, tls=self._certificate is not None, auth=self._guard is not None)
        return chosen

    async def stop(self) -> None:
        """Stop listening."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        if self._guard is not None:
            admission = await self._guard.admit(request.headers.get("Authorization", ""))
            if admission is not Admission.ALLOWED:
                return _refuse(admission)
        body, content_type = self._scrape(request.headers.get("Accept", ""))
        response = web.Response(body=body, headers={"Content-Type": content_type})
        response.enable_compression()
        return response


def _refuse(admission: Admission) -> web.Response:
    status, text = _REFUSALS[admission]
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return web.Response(text=f"{text}\n", status=status, headers=headers)
