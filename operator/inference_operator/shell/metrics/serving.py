"""The metrics of a process, as its settings want them: none at all, in clear, by TLS, for everybody or for some.

Imports the metrics library only where there are any.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from inference_operator.core.clock import Clock
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.settings import Settings
from inference_operator.shell.metrics.admission import Asks, Guard
from inference_operator.shell.metrics.certificate import ServingCertificate
from inference_operator.shell.metrics.meter import SILENT, Meter
from inference_operator.shell.metrics.server import MetricsServer
from inference_operator.shell.metrics.vitals import Vitals
from inference_operator.shell.operator import Operator

if TYPE_CHECKING:
    from inference_operator.shell.metrics.scrape import Metrics


class ServedMetrics:
    """Hand `meter` to the parts, `watch` the operator, then listen. Raises ConfigurationError for an unusable certificate."""

    def __init__(self, settings: Settings, client: Asks, clock: Clock) -> None:
        self._settings = settings
        self._metrics = _metrics(clock) if settings.metrics_port >= 0 else None
        self._server = _server(settings, self._metrics, client, clock) if self._metrics is not None else None

    @property
    def meter(self) -> Meter:
        """Hears of events; to no purpose where there are no metrics."""
        return self._metrics.meter if self._metrics is not None else SILENT

    def watch(self, operator: Operator, pool: ClusterPool, vitals: Vitals) -> None:
        """Read these at every scrape."""
        if self._metrics is not None:
            self._metrics.watch(operator, pool, vitals)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int | None]:
        """Listen within the block; gives the port. Raises OSError where that can't be."""
        if self._server is None:
            yield None
            return
        port = await self._server.start(self._settings.metrics_address, self._settings.metrics_port)
        try:
            yield port
        finally:
            await self._server.stop()


def _metrics(clock: Clock) -> Metrics:
    from inference_operator.shell.metrics.scrape import Metrics  # noqa: PLC0415 - brings the metrics library

    return Metrics(clock)


def _server(settings: Settings, metrics: Metrics, client: Asks, clock: Clock) -> MetricsServer:
    cert, key = settings.metrics_cert_file, settings.metrics_key_file
    certificate = ServingCertificate(cert, key, clock) if cert is not None and key is not None else None
    return MetricsServer(metrics.scrape, Guard(client, clock) if settings.metrics_auth else None, certificate)
