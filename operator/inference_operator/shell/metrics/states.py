"""What can be read off the operator at the moment of a scrape, so that nobody has to keep books.

Decides how objects are counted. Their number does not change the number of series: what is counted are conditions that the
operator writes itself, and every one of them is told, also as 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from platform import python_version
from typing import get_args

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from inference_operator.api.status import DeploymentStatus
from inference_operator.core.conditions import Truth
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.shell.metrics import definitions as d
from inference_operator.shell.metrics.instruments import Instruments
from inference_operator.shell.metrics.vitals import Vitals
from inference_operator.shell.operator import Operator
from inference_operator.shell.store import ObjectStore, Unreadable

CONDITION_TYPES = (
    "Ready",
    "Reconciling",
    "Stalled",
    "ReferencesResolved",
    "Synced",
    "ModelReady",
    "Drifted",
    "DeletionBlocked",
    "Suspended",
    "Probed",
)
"""All that the operator writes."""
TRUTHS: tuple[str, ...] = get_args(Truth)

Family = CounterMetricFamily | GaugeMetricFamily
Row = tuple[tuple[str, ...], float]


class States(Collector):
    """Register it; each scrape calls `collect`, which takes a walk over all objects and asks nobody."""

    def __init__(self, operator: Operator, pool: ClusterPool, instruments: Instruments, vitals: Vitals) -> None:
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
        yield from _objects(self._operator.store, {plural: kind.name for plural, kind in self._operator.kinds.items()})
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
        """Several connections may lead to one cluster, such as one of each user: the worst of them counts."""
        found: dict[str, bool] = {}
        for cluster in self._pool.clusters():
            label = self._instruments.clusters.of(cluster.address)
            found[label] = found.get(label, False) or cluster.left_alone
        return [((label,), is_open) for label, is_open in found.items()]

    def _life(self) -> Iterator[Family]:
        age = self._vitals.lease_age() if self._vitals.lease_age is not None else math.inf
        yield _family(d.LEADER, [((), self._vitals.leads())])
        yield _family(d.LEASE_AGE, [((), age)] if math.isfinite(age) else [])
        yield _family(d.WATCH_AGE, [((), self._vitals.watch_age())])
        yield _family(d.BUILD, [(self._build, 1)])


def _objects(store: ObjectStore, kinds: Mapping[str, str]) -> Iterator[Family]:
    objects, unreadable, conditions, drifted, running, wanted = (Counter[tuple[str, ...]]() for _ in range(6))
    for key in store:
        kind, found = kinds[key.plural], store.get(key)
        assert found is not None
        status = found.status
        objects[kind,] += 1
        unreadable[kind,] += isinstance(found, Unreadable)
        drifted[kind,] += bool(status.drift)
        conditions.update((kind, condition.type, condition.status) for condition in status.conditions)
        deployment = getattr(status, "deployment", None)  # of whatever kind: asking for a protocol would cost more than the rest
        if isinstance(deployment, DeploymentStatus):
            running[kind,] += deployment.allocation_count or 0
            wanted[kind,] += deployment.target_allocation_count or 0
    each = [(kind,) for kind in kinds.values()]
    stands = [(kind, type_, truth) for kind in kinds.values() for type_ in CONDITION_TYPES for truth in TRUTHS]
    yield _family(d.OBJECTS, _rows(objects, each))
    yield _family(d.UNREADABLE, _rows(unreadable, each))
    yield _family(d.CONDITIONS, _rows(conditions, stands))
    yield _family(d.DRIFTED, _rows(drifted, each))
    yield _family(d.ALLOCATIONS, _rows(running, each))
    yield _family(d.ALLOCATIONS_WANTED, _rows(wanted, each))


def _rows(counted: Counter[tuple[str, ...]], labels: Iterable[tuple[str, ...]]) -> Iterable[Row]:
    return [(each, counted[each]) for each in labels]


def _family(metric: d.Metric, rows: Iterable[Row]) -> Family:
    made: Family = (CounterMetricFamily if metric.type == "counter" else GaugeMetricFamily)(
        metric.name, metric.meaning, labels=metric.labels
    )
    for labels, value in rows:
        made.add_metric(labels, float(value))
    return made
