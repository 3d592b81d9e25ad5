"""A World whose operator is measured, its scrapes read back, and a story in which every metric has something to tell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from inference_operator.kubernetes.lease import Leadership
from inference_operator.shell.metrics.scrape import Metrics
from inference_operator.shell.metrics.vitals import Vitals
from tests.kubernetes.lease_world import LeaseWorld
from tests.machine.world import World

ELSER = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 2},
}
Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Scraped:
    """One scrape: the text as it is served, and what a reader makes of it."""

    text: str
    types: Mapping[str, str]
    series: Mapping[Series, float]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one series; None where there is none."""
        return self.series.get((f"inference_operator_{name}", frozenset(labels.items())))

    def all(self, name: str, **labels: str) -> float:
        """The sum of all series of that name that have these labels."""
        wanted = (f"inference_operator_{name}", frozenset(labels.items()))
        return sum(value for (found, has), value in self.series.items() if found == wanted[0] and has >= wanted[1])


def read(text: str) -> Scraped:
    """What Prometheus makes of a scrape. No series may be there twice."""
    families = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    series = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(series) == len(samples), "a series is there twice"
    return Scraped(text, {family.name: family.type for family in families}, series)


class MeasuredWorld(World):
    """Its `scrape` is what `/metrics` would say. It leads, by a Lease of its own, once `lead` was called."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.metrics = Metrics(self.clock)
        self.meter = self.metrics.meter
        self.leases = LeaseWorld()
        self.leadership: Leadership | None = None

    async def start(self) -> None:
        await super().start()
        self.metrics.watch(self.operator, self.pool, Vitals(lambda: 1.5, self._leads, self._lease_age))

    def _leads(self) -> bool:
        return self.leadership is None or self.leadership.may_write()

    def _lease_age(self) -> float:
        return self.leadership.age() if self.leadership is not None else float("inf")

    def scrape(self, accept: str = "") -> Scraped:
        return read(self.metrics.scrape(accept)[0].decode())


@asynccontextmanager
async def measured(**more: Any) -> AsyncIterator[MeasuredWorld]:
    """A measured operator that runs, with a key for its objects."""
    async with MeasuredWorld(**more) as world:
        world.put_key()
        await world.start()
        yield world
