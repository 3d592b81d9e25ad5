"""A stand-in Elasticsearch that lives on a virtual clock, and a cluster that talks to it in the same process."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from inference_operator.core.values import DesiredEndpoint, Sealed
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.elasticsearch.connection import Connection, Credentials
from inference_operator.elasticsearch.limits import Limits
from tests.standin import StandIn, StandInTransport
from tests.standin.clock import EPOCH
from tests.virtual_clock import VirtualClock

CANARY = "canary-71c2e-secret"


class _StandInTime:
    """The virtual clock as the stand-in wants to see it."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return EPOCH + self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.Event()
        timer = self._clock.call_later(seconds, woken.set)
        try:
            await woken.wait()
        finally:
            timer.cancel()

    def advance(self, seconds: float) -> None:
        raise AssertionError("the test moves the virtual clock")


class Bench:
    """One stand-in, its clock, and as many clusters as a test wants."""

    def __init__(self, version: str = "9.5.0", **standin: Any) -> None:
        self.clock = VirtualClock()
        self.standin = StandIn(version=version, clock=_StandInTime(self.clock), **standin)

    @asynccontextmanager
    async def cluster(self, credentials: Credentials | None = None, limits: Limits | None = None) -> AsyncIterator[Cluster]:
        connection = Connection("http://standin:9200", credentials)
        cluster = Cluster(connection, self.clock, limits or Limits(), StandInTransport(self.standin))
        try:
            yield cluster
        finally:
            await cluster.aclose()

    @property
    def counts(self) -> Counter[str]:
        """Requests so far, by `METHOD path`."""
        return Counter(f"{entry.method} {entry.path}" for entry in self.standin.log)


def openai(inference_id: str = "a", **changes: Any) -> DesiredEndpoint:
    """An endpoint of a third-party service; its key is the canary."""
    fields: dict[str, Any] = {
        "inference_id": inference_id,
        "task_type": "text_embedding",
        "service": "openai",
        "service_settings": {
            "model_id": "text-embedding-3-small",
            "api_key": Sealed("openai", "api-key", CANARY),
            "rate_limit": {"requests_per_minute": 500},
        },
        "task_settings": {},
        "chunking_settings": None,
        "sources": {},
    }
    return DesiredEndpoint(**{**fields, **changes})


def elser(inference_id: str = "m") -> DesiredEndpoint:
    """An endpoint whose model runs in the cluster."""
    settings = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 2}
    return DesiredEndpoint(inference_id, "sparse_embedding", "elasticsearch", settings, {}, None, {})
