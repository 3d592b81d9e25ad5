"""The operator without its surroundings: queue, reconciler and resync, put together from ports.

`shell.wiring` gives it the real Kubernetes and kopf's watch; the tests give it a Kubernetes in memory and a virtual clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from inference_operator.core.clock import Clock, Timer
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.shell.act import Actor
from inference_operator.shell.clusters import Clusters, Resolver
from inference_operator.shell.gather import Gatherer
from inference_operator.shell.heirs import Heirs
from inference_operator.shell.intake import Intake
from inference_operator.shell.kind import AnyKind, MakeKind, Surroundings
from inference_operator.shell.metrics.meter import SILENT, Meter
from inference_operator.shell.ports import KubernetesPort, ObjectKey
from inference_operator.shell.queue import Backoff, WorkQueue
from inference_operator.shell.reconcile import Parts, Reconciler
from inference_operator.shell.rivals import Rivals
from inference_operator.shell.store import ObjectStore, Unreadable, everywhere

log: Any = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Tuning:
    """What settings decide: the pace, times in seconds, and which namespaces are looked after.

    A resync compares `resyncs_per_second` objects, so that it never holds up an edit nor has more to mend at once than the
    request budget allows; more only where half the interval would not be enough for all.
    """

    resync_interval: float = 600.0
    concurrency_per_cluster: int = 8
    backoff: Backoff = field(default_factory=Backoff)
    watches: Callable[[str], bool] = everywhere
    resyncs_per_second: float = 50.0


class Operator:
    """Feed `intake`, then `take_over`; `stop` lets the work in hand end."""

    def __init__(
        self,
        kinds: Iterable[MakeKind],
        *,
        kubernetes: KubernetesPort,
        resolver: Resolver,
        pool: ClusterPool,
        clock: Clock,
        dice: Callable[[], float],
        tuning: Tuning,
        meter: Meter = SILENT,
    ) -> None:
        self._clock = clock
        self._dice = dice
        self._tuning = tuning
        self._pool = pool
        self._resync_timer: Timer | None = None
        self._resyncs: set[asyncio.Task[None]] = set()
        self.store = ObjectStore(tuning.watches)
        self.queue: WorkQueue[ObjectKey] = WorkQueue(
            clock, dice=dice, backoff=tuning.backoff, group_of=self._group_of, limit=tuning.concurrency_per_cluster
        )
        clusters = Clusters(resolver, kubernetes, pool)
        around = Surroundings(kubernetes, clusters, self.store, self.queue, clock, dice, tuning.watches, meter)
        self.kinds: Mapping[str, AnyKind] = {kind.plural: kind for kind in (make(around) for make in kinds)}
        self.intake = Intake(
            self.kinds, store=self.store, queue=self.queue, kubernetes=kubernetes, clusters=clusters, clock=clock
        )
        self._reconciler = Reconciler(
            Parts(
                kinds=self.kinds,
                store=self.store,
                clusters=clusters,
                gatherer=Gatherer(kubernetes, clusters, Rivals(self.store, clusters), Heirs(self.store, clusters)),
                actor=Actor(kubernetes, self.store),
                intake=self.intake,
                kubernetes=kubernetes,
                clock=clock,
                meter=meter,
                tracer=pool.tracer,
            ),
            self.queue,
        )

    async def take_over(self) -> None:
        """Start, once what is known is what is there: a replica that stood by may have missed what another one did."""
        await self.intake.all_heard()
        self.start()

    def start(self) -> None:
        """Work off what was taken in, and compare everything once per interval."""
        self.queue.open(self._reconciler.work)
        self._plan_resync()

    async def stop(self, grace: float) -> int:
        """Take nothing new and let the work in hand end within `grace` seconds; return how many had to be cut off."""
        if self._resync_timer is not None:
            self._resync_timer.cancel()
        for task in tuple(self._resyncs):
            task.cancel()
        await asyncio.gather(*self._resyncs, return_exceptions=True)
        for kind in self.kinds.values():
            await kind.stop()
        late = await self.queue.drain(grace)
        await self._pool.aclose_all()
        return late

    def _group_of(self, key: ObjectKey) -> Hashable:
        """Objects of one connection share a limit, each lane of a kind for itself."""
        found = self.store.get(key)
        if found is None or isinstance(found, Unreadable):
            return None
        ref = found.spec.elasticsearch_ref
        return (ref, key.namespace if ref is not None else None, self.kinds[key.plural].lane(found))

    def _plan_resync(self) -> None:
        """Each interval is up to a tenth shorter, so that several operators do not fall into step."""
        if self._resync_timer is not None:
            self._resync_timer.cancel()
        interval = self._tuning.resync_interval * (1.0 - self._dice() / 10)
        self._resync_timer = self._clock.call_later(interval, lambda: self._begin_resync(self._resync_pause()))

    def _resync_pause(self) -> float:
        return min(1.0 / self._tuning.resyncs_per_second, self._tuning.resync_interval / 2 / max(1, len(self.store)))

    def resync_now(self) -> None:
        """Compare everything anew and at once, for a reason that the timer does not know."""
        if self._resync_timer is not None:
            self._resync_timer.cancel()
            self._begin_resync(0.0)

    def _begin_resync(self, pause: float) -> None:
        task = asyncio.ensure_future(self.intake.resync(pause))
        self._resyncs.add(task)
        task.add_done_callback(self._end_resync)

    def _end_resync(self, task: asyncio.Task[None]) -> None:
        self._resyncs.discard(task)
        if task.cancelled():
            return
        if (fault := task.exception()) is not None:
            log.error("resync failed", fault=type(fault).__name__)
        if not self._resyncs:  # one that was asked for may have begun meanwhile
            self._plan_resync()
