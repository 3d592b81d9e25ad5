"""A World whose operator is measured, its scrapes read back, and a story in which every metric has something to tell."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from inference_operator.kubernetes.client import Reply, Request
from inference_operator.kubernetes.lease import Leadership
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.metrics.scrape import Metrics
from inference_operator.shell.metrics.vitals import Vitals
from tests.kubernetes.lease_world import NAME, LeaseServer
from tests.machine.world import CANARY, World

ELSER = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 2},
}
UNKNOWN = {"service": "nobody-offers-this"}
_ELECTION = 30.0
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
    """Its `scrape` is what `/metrics` would say. With `compete` it leads by a Lease, before that it leads without."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._metrics: Metrics | None = None
        self._leadership: Leadership | None = None
        self._elections: list[asyncio.Task[None]] = []

    @property
    def metrics(self) -> Metrics:
        assert self._metrics is not None, "the operator does not run"
        return self._metrics

    async def start(self) -> None:
        """Start the operator; all counts begin anew, as they do with a process."""
        self._metrics = metrics = Metrics(self.clock)
        self.meter = metrics.meter
        await super().start()
        metrics.watch(self.operator, self.pool, Vitals(lambda: 1.5, self._leads, self._lease_age))

    async def kill(self) -> None:
        for election in self._elections:
            election.cancel()
        await asyncio.gather(*self._elections, return_exceptions=True)
        await super().kill()

    async def compete(self, *, after_another: bool = False) -> None:
        """Take part in an election from now on; `after_another` took the Lease, which then waits."""
        server = LeaseServer()
        if after_another:
            other = Leadership(OneReplica(server), NAME, self.clock)
            self._elections.append(asyncio.ensure_future(other.run()))
            await self.clock.advance(_ELECTION)
            assert other.held.is_set()
        self._leadership = Leadership(OneReplica(server), NAME, self.clock)
        self._elections.append(asyncio.ensure_future(self._leadership.run()))
        await self.clock.advance(_ELECTION)

    def _leads(self) -> bool:
        return self._leadership is None or self._leadership.may_write()

    def _lease_age(self) -> float:
        return self._leadership.age() if self._leadership is not None else math.inf

    def scrape(self, accept: str = "") -> Scraped:
        return read(self.metrics.scrape(accept)[0].decode())


@dataclass(frozen=True, slots=True)
class OneReplica:
    """Asks a server of Leases, over a network without faults."""

    server: LeaseServer

    async def ask(self, operation: str, request: Request) -> Reply | KubernetesFailure:
        return self.server.handle(request)


@asynccontextmanager
async def measured(**more: Any) -> AsyncIterator[MeasuredWorld]:
    """A measured operator that runs, with a key for its objects."""
    async with MeasuredWorld(**more) as world:
        world.put_key()
        await world.start()
        yield world


async def tell(world: MeasuredWorld) -> None:
    """A story in which each metric gets something to tell: an abandoned object, a Lease, models, a probe, drift, a breaker."""
    world.kubernetes.put_secret("going", "es", {"url": "http://standin:9200"})
    world.kubernetes.put_secret("going", "openai", {"api-key": CANARY})
    abandoned = world.apply("abandoned", {"elasticsearchRef": {"secretName": "es"}}, namespace="going")
    await world.rest()
    await world.kill()
    world.kubernetes.terminate_namespace("going")
    await world.start()
    await world.rest()
    assert world.is_gone(abandoned)
    await world.compete()
    for name, spec in (("a", {"probe": {"enabled": True, "interval": "1h"}}), ("model", ELSER), ("refused", UNKNOWN)):
        world.apply(name, spec)
    pipeline = world.apply_pipeline("pipeline", {})
    await world.rest()
    assert world.condition(pipeline) == ("True", "Available")
    assert (await world.ask("DELETE", "/_ingest/pipeline/pipeline")).status_code == 200
    await world.resync()
    world.standin.reachable = False
    world.apply("late")
    await world.rest()
