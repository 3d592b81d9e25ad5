"""Counters and histograms of events: a `Meter` that keeps them in the registry of a metrics library.

Decides what a label may say: closed lists, and addresses of clusters, of which there are at most so many.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.metrics import MetricWrapperBase

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import ObjectMeta
from inference_operator.core.clock import Clock
from inference_operator.elasticsearch.traffic import Exchange, Unsent
from inference_operator.shell.metrics import definitions as d
from inference_operator.shell.metrics.meter import FAULT, PassEnd, Result
from inference_operator.shell.store import ObjectStore

OTHER = "other"
_MOST_CLUSTERS = 100
_Wrapper = TypeVar("_Wrapper", bound=MetricWrapperBase)


class ClusterLabels:
    """Names for addresses: where a cluster listens, which is known also while it can't be reached.

    A path may hold what is nobody's business. Addresses come from Secrets of users, so there may be any number of them.
    """

    def __init__(self, most: int = _MOST_CLUSTERS) -> None:
        self._most = most
        self._known: set[str] = set()

    def of(self, address: str) -> str:
        """`https://host:9200`, or `other` for those that come after the first so many."""
        label = _place(address)
        if label not in self._known and len(self._known) >= self._most:
            return OTHER
        self._known.add(label)
        return label

    def keep(self, addresses: Iterable[str]) -> set[str]:
        """Forget all others, so that others may have a name. Returns the names that are forgotten."""
        gone = self._known - {_place(address) for address in addresses}
        self._known -= gone
        return gone


class FirstReady:
    """Which objects were never `Ready`, as far as this process saw their whole life."""

    def __init__(self) -> None:
        self._waiting: set[str] = set()

    def __len__(self) -> int:
        """How many wait for it."""
        return len(self._waiting)

    def became(self, uid: str, before: ManagedStatus, after: ManagedStatus) -> bool:
        """True with the first status that says `Ready`."""
        is_new = _ready(before) is None or uid in self._waiting
        if _ready(after) == "True":
            self._waiting.discard(uid)
            return is_new
        if is_new:
            self._waiting.add(uid)
        return False

    def keep(self, store: ObjectStore) -> None:
        """Forget those that are gone."""
        self._waiting = {uid for uid in self._waiting if store.has(uid)}


class Instruments:
    """See `Meter`. Counts from the start of the process."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        # Twice as many series otherwise, for the time at which each began, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._clock = clock
        self.clusters = ClusterLabels()
        self.first_ready = FirstReady()
        self._reconciles = _make(Counter, d.RECONCILES, registry)
        self._durations = _make(Histogram, d.RECONCILE_DURATION, registry)
        self._ready = _make(Histogram, d.TIME_TO_READY, registry)
        self._repairs = _make(Counter, d.REPAIRS, registry)
        self._abandoned = _make(Counter, d.ABANDONED, registry)
        self._requests = _make(Counter, d.REQUESTS, registry)
        self._latencies = _make(Histogram, d.REQUEST_DURATION, registry)
        self._unsent = _make(Counter, d.UNSENT, registry)
        self._probes = _make(Counter, d.PROBES, registry)
        self._inferences = _make(Histogram, d.PROBE_DURATION, registry)

    def begin(self, kinds: Iterable[str]) -> None:
        """Tell 0 of what is rare: of a counter that begins with 1, nobody could say that it rose."""
        for kind in kinds:
            for rare in (self._durations, self._ready, self._repairs, self._abandoned):
                rare.labels(kind)
            self._reconciles.labels(kind, Result.FAULT.value, FAULT)
        for outcome in ("Succeeded", "Failed"):
            self._probes.labels(outcome)

    def reconciled(self, kind: str, end: PassEnd, seconds: float) -> None:
        self._reconciles.labels(kind, end.result.value, str(end.reason)).inc()
        self._durations.labels(kind).observe(seconds)

    def reported(self, kind: str, meta: ObjectMeta, before: ManagedStatus, after: ManagedStatus) -> None:
        if self.first_ready.became(meta.uid, before, after) and meta.creation_timestamp is not None:
            created = datetime.fromisoformat(meta.creation_timestamp)
            self._ready.labels(kind).observe(max(0.0, (self._clock.now() - created).total_seconds()))

    def repaired(self, kind: str) -> None:
        self._repairs.labels(kind).inc()

    def abandoned(self, kind: str) -> None:
        self._abandoned.labels(kind).inc()

    def probed(self, outcome: Literal["Succeeded", "Failed"], seconds: float | None) -> None:
        self._probes.labels(outcome).inc()
        if seconds is not None:
            self._inferences.observe(seconds)

    def exchanged(self, exchange: Exchange) -> None:
        cluster = self.clusters.of(exchange.address)
        self._requests.labels(cluster, exchange.operation, exchange.status).inc()
        self._latencies.labels(cluster, exchange.operation).observe(exchange.seconds)

    def unsent(self, address: str, cause: Unsent) -> None:
        self._unsent.labels(self.clusters.of(address), cause.value).inc()

    def keep_clusters(self, addresses: Iterable[str]) -> None:
        """Drop what was counted of clusters that no connection leads to any more: users may invent any number of addresses."""
        for cluster in self.clusters.keep(addresses):
            for counted in (self._requests, self._latencies, self._unsent):
                counted.remove_by_labels({"cluster": cluster})


def _make(wrapper: type[_Wrapper], metric: d.Metric, registry: CollectorRegistry) -> _Wrapper:
    bounds: dict[str, Any] = {"buckets": metric.buckets} if metric.buckets else {}
    return wrapper(metric.name, metric.meaning, metric.labels, registry=registry, **bounds)


def _place(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _ready(status: ManagedStatus) -> str | None:
    return next((condition.status for condition in status.conditions if condition.type == "Ready"), None)
