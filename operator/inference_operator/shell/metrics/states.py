"""What can be read off the operator at the moment of a scrape, so that nobody has to keep books."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from platform import python_version

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from inference_operator.core.clock import Clock
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.shell.metrics import definitions as d
from inference_operator.shell.metrics.census import Census, Row
from inference_operator.shell.metrics.instruments import Instruments
from inference_operator.shell.metrics.vitals import Vitals
from inference_operator.shell.operator import Operator

Family = CounterMetricFamily | GaugeMetricFamily


class States(Collector):
    """Register it; each scrape calls `collect`, which takes a walk over all objects and asks nobody."""

    def __init__(self, operator: Operator, pool: ClusterPool, instruments: Instruments, vitals: Vitals, clock: Clock) -> None:
        self._clock = clock
        self._operator = operator
        self._pool = pool
        self._instruments = instruments
        self._vitals = vitals
        self._build = (version("inference-operator"), python_version())

    def describe(self) -> Iterable[Family]:
        """Nothing is collected for the sake of names."""
        return ()

    def collect(self) -> Iterator[Family]:
        """Every gauge, and the counter that the queue keeps itself."""
        self._instruments.first_ready.keep(self._operator.store)
        self._instruments.keep_clusters(cluster.address for cluster in self._pool.clusters())
        kinds = {plural: kind.name for plural, kind in self._operator.kinds.items()}
        for metric, rows in Census(self._operator.store, kinds, self._clock.now()).families():
            yield _family(metric, rows)
        yield from self._queue()
        yield _family(d.BREAKER, self._breakers())
        yield from self._life()

    def _queue(self) -> Iterator[Family]:
        load = self._operator.queue.load()
        yield _family(d.QUEUE_DUE, [((), load.due)])
        yield _family(d.QUEUE_DELAYED, [((), load.delayed)])
        yield _family(d.QUEUE_WORKING, [((), load.working)])
        yield _family(d.QUEUE_FAILING, [((), load.failing)])
        yield _family(d.QUEUE_OLDEST, [((), load.oldest_due)])
        yield _family(d.QUEUE_RETRIES, [((), load.retries)])

    def _breakers(self) -> Iterable[Row]:
        """Several connections may lead to one address, such as one of each user: while one of them works, somebody is there."""
        lost: dict[str, bool] = {}
        for cluster in self._pool.clusters():
            lost[cluster.address] = lost.get(cluster.address, True) and cluster.left_alone
        found: dict[str, bool] = {}
        for address, is_lost in lost.items():
            label = self._instruments.clusters.of(address)
            found[label] = found.get(label, False) or is_lost
        return [((label,), is_lost) for label, is_lost in found.items()]

    def _life(self) -> Iterator[Family]:
        age = self._vitals.lease_age() if self._vitals.lease_age is not None else math.inf
        yield _family(d.LEADER, [((), self._vitals.leads())])
        yield _family(d.LEASE_AGE, [((), age)] if math.isfinite(age) else [])
        yield _family(d.WATCH_AGE, [((), self._vitals.watch_age())])
        yield _family(d.BUILD, [(self._build, 1)])


def _family(metric: d.Metric, rows: Iterable[Row]) -> Family:
    made: Family = (CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily)(
        metric.name, metric.meaning, labels=metric.labels
    )
    for labels, value in rows:
        made.add_metric(labels, float(value))
    return made
