"""One scrape: everything that the operator tells, as the text that Prometheus reads.

Decides what is registered, and the form of the text by what the scraper asks for.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from inference_operator.core.clock import Clock
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.shell.metrics.instruments import Instruments
from inference_operator.shell.metrics.states import States
from inference_operator.shell.metrics.vitals import Vitals
from inference_operator.shell.operator import Operator


class Metrics:
    """The registry of one operator. Hand `meter` to it, then `watch` it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._registry = CollectorRegistry(auto_describe=False)
        self.meter = Instruments(self._registry, clock)
        ProcessCollector(registry=self._registry)

    def watch(self, operator: Operator, pool: ClusterPool, vitals: Vitals) -> None:
        """Read these at every scrape from now on."""
        self.meter.begin(kind.name for kind in operator.kinds.values())
        self._registry.register(States(operator, pool, self.meter, vitals, self._clock))

    def scrape(self, accept: str = "") -> tuple[bytes, str]:
        """See `server.Scrape`."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type
