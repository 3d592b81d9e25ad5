"""Replicas of the operator that compete for one Lease, in one world: each with a process, a clock and networks of its own.

A process is put together as `shell.wiring` does it: it competes, works while it holds the Lease, and ends when that is lost. One
that ended is started again by `revive`, as by a kubelet. All that it writes to Elasticsearch is logged under its own name.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import httpx

from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kubernetes.lease import Leadership
from inference_operator.kubernetes.lease_record import LeaseTiming
from inference_operator.kubernetes.values import KubernetesFailure
from tests.fake_kubernetes import FakeKubernetes
from tests.fake_kubernetes_requests import WRITES, Moment, Request
from tests.fake_kubernetes_store import PLURALS
from tests.kubernetes.lease_world import NAME, LeaseServer
from tests.machine.halting_clock import HaltingClock
from tests.machine.tripwire import Tripwire
from tests.machine.world import World, assembled
from tests.standin import StandInTransport

if TYPE_CHECKING:
    from inference_operator.kubernetes.client import Reply
    from inference_operator.kubernetes.client import Request as LeaseRequest

TIMING = LeaseTiming(duration=120.0, renew_deadline=80.0, renew_interval=16.0, poll_interval=8.0, request_timeout=20.0)
"""Eight times as slow as by default, thus an eighth of the requests in hours of virtual time."""
GRACE = 20.0


class Network(StrEnum):
    """What a replica reaches."""

    KUBERNETES = "kubernetes"
    ELASTICSEARCH = "elasticsearch"


@dataclass(frozen=True)
class _News:
    """What a watch tells; nothing of Secrets and ConfigMaps is ever lost, as their watch compares with what it knew."""

    take: Callable[[], None]
    of_an_object: bool = False


class Process:
    """One process of a replica, from its start to its end."""

    def __init__(self, world: ReplicatedWorld, name: str, cut: set[Network]) -> None:
        self.name = name
        self.clock = HaltingClock(world.clock)
        self.intercept: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport] = lambda transport: transport
        self._world = world
        self._cut = cut
        self._runs = asyncio.Event()
        self._runs.set()
        self._stops_in = 0
        self._unheard: list[_News] = []
        self.leadership = Leadership(self, NAME, self.clock, timing=TIMING, replica=name, chance=lambda: 0.5)
        may_write = self.leadership.may_write if world.fenced else lambda: True
        self.kubernetes: FakeKubernetes = world.kubernetes.seen_by(may_write, self.answered, self.clock)
        self.wire = Tripwire(self)
        self._on_the_wire = self.kubernetes.interceptor
        self.kubernetes.interceptor = self._intercept
        pool = ClusterPool(
            self.clock, lambda _: self.intercept(_Way(self, world)), world.limits, may_write=may_write, listener=world.meter
        )
        self.operator = assembled(self.kubernetes, pool, self.clock)
        self._ends = [
            world.kubernetes.subscribe_changes(lambda ref: self._hears(_News(lambda: self.operator.intake.changed(ref)))),
            self._watch_objects(),
        ]
        self._life = asyncio.ensure_future(self._live(waits=world.elects))

    async def _live(self, *, waits: bool) -> None:
        leading = asyncio.ensure_future(self.leadership.run())
        holding = asyncio.ensure_future(self.leadership.held.wait())
        starting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        try:
            if waits:
                await asyncio.wait({leading, holding}, return_when=asyncio.FIRST_COMPLETED)
            if not leading.done():
                starting = asyncio.ensure_future(self.operator.take_over())
            await leading
        finally:
            for task in (leading, holding, starting):
                task.cancel()
            await asyncio.gather(leading, holding, starting, return_exceptions=True)
        await self.operator.stop(0.0)

    # --- its end ------------------------------------------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        return self._life.done() or self.wire.has_killed

    @property
    def leads(self) -> bool:
        return not self.has_ended and self.leadership.may_write()

    def shut_down(self) -> None:
        """SIGTERM: the work in hand ends, then the Lease is given back. Takes the time that it takes."""
        life = self._life

        async def end() -> None:
            await self.operator.stop(GRACE)
            await self.leadership.release()
            life.cancel()
            await asyncio.gather(life, return_exceptions=True)

        self._life = asyncio.ensure_future(end())

    async def kill(self) -> None:
        """At once: nothing more is sent, and nobody told."""
        for end in self._ends:
            end()
        self._ends = []
        self.clock.forget()
        self._life.cancel()
        await asyncio.gather(self._life, return_exceptions=True)
        await self.operator.stop(0.0)

    # --- standing still -----------------------------------------------------------------------------------------------

    @property
    def stands_still(self) -> bool:
        return not self._runs.is_set()

    def stop_still(self, after: int = 0) -> None:
        """SIGSTOP, now or after so many more of its requests were done: their answers wait as well as its timers."""
        self._stops_in = after
        if not after:
            self._runs.clear()
            self.clock.halt()

    def go_on(self, *, timers_first: bool) -> None:
        """SIGCONT: what fell due and what was answered meanwhile comes in either order."""
        self._stops_in = 0
        if timers_first:
            self.clock.go_on()
            self._runs.set()
        else:
            self._runs.set()
            self.clock.go_on()
        self.listen()

    def listen(self) -> None:
        """Hear what happened meanwhile, where that may be heard again."""
        while self._unheard and not self.stands_still and self.reaches(Network.KUBERNETES):
            self._unheard.pop(0).take()

    def lose_events(self) -> None:
        """What happened to objects and was not heard yet never is (410): their watch begins anew, with what is there."""
        if any(news.of_an_object for news in self._unheard):
            self._ends.pop()()
            self._unheard = [news for news in self._unheard if not news.of_an_object]
            self._ends.append(self._watch_objects())

    async def answered(self) -> None:
        """Between what a request does and its answer."""
        self._stops_in -= 1
        if self._stops_in == 0:
            self.stop_still()
        await self._runs.wait()

    # --- its networks -------------------------------------------------------------------------------------------------

    async def ask(self, operation: str, request: LeaseRequest) -> Reply | KubernetesFailure:
        """As `KubernetesClient.ask`: the requests for the Lease."""
        if self.wire.has_killed or not self.reaches(Network.KUBERNETES):
            await asyncio.Event().wait()
        reply = self._world.leases.handle(request)
        await self._runs.wait()
        return reply

    def reaches(self, network: Network) -> bool:
        return network not in self._cut

    def _intercept(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        if not self.reaches(Network.KUBERNETES):
            return KubernetesFailure(f"{request.verb} {request.target}", "the API server can't be reached: cut")
        assert self._on_the_wire is not None
        failure = self._on_the_wire(request, moment)
        if moment is Moment.BEFORE and request.verb in WRITES:
            self._world.wrote(Network.KUBERNETES, self.name)
            self.note_write(f"{request.verb} {request.target}")
        return failure

    def note_write(self, what: str) -> None:
        """It is sent at this moment."""
        if not self.leadership.may_write():
            self._world.unlawful.append(f"{self.name}: {what}")

    def _watch_objects(self) -> Callable[[], None]:
        return self._world.kubernetes.subscribe(
            lambda event, body: self._hears(_News(lambda: self._heard(event, body), of_an_object=True))
        )

    def _hears(self, news: _News) -> None:
        self._unheard.append(news)
        self.listen()

    def _heard(self, event: str | None, body: dict[str, Any]) -> None:
        self.operator.intake.heard(PLURALS[body["kind"]], event, body)


class _Way(httpx.AsyncBaseTransport):
    """The way of one process to Elasticsearch, where its name stands in the log."""

    def __init__(self, process: Process, world: ReplicatedWorld) -> None:
        self._process = process
        self._inner = StandInTransport(world.standin)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self._process.reaches(Network.ELASTICSEARCH):
            raise httpx.ConnectError("connection refused", request=request)
        request = next(httpx.BasicAuth(self._process.name, "any").auth_flow(request))
        if request.method == "PUT":
            self._process.note_write(f"PUT {request.url.path}")
        response = await self._inner.handle_async_request(request)
        await self._process.answered()
        if not self._process.reaches(Network.ELASTICSEARCH):
            raise httpx.ReadError("connection reset", request=request)
        return response


class Replica:
    """One pod: processes one after the other, and the networks of its node."""

    def __init__(self, world: ReplicatedWorld, number: int) -> None:
        self.cut: set[Network] = set()
        self._world = world
        self._number = number
        self._names = itertools.count(1)
        self.process = self._begin()

    def _begin(self) -> Process:
        return Process(self._world, f"replica-{self._number}.{next(self._names)}", self.cut)

    async def restart(self) -> None:
        await self.process.kill()
        self.process = self._begin()

    def cut_off(self, network: Network, *, reachable: bool) -> None:
        if reachable:
            self.cut.discard(network)
            self.process.listen()
        else:
            self.cut.add(network)


class ReplicatedWorld(World):
    """A world with two replicas. Without `fenced` or `elects` they have a fault that the laws must find."""

    def __init__(self, *, fenced: bool = True, elects: bool = True) -> None:
        super().__init__()
        self.leases = LeaseServer()
        self.fenced = fenced
        self.elects = elects
        self.replicas: list[Replica] = []
        self.turns: dict[Network, list[str]] = {network: [] for network in Network}
        """Who wrote, in turn, since the begin. A name twice: two wrote at once."""
        self.unlawful: list[str] = []
        """Writes of processes that did not hold the Lease."""

    async def start(self) -> None:
        """Start both, and wait until one works."""
        self.replicas = [Replica(self, number) for number in (1, 2)]
        await self.elected()

    async def elected(self) -> None:
        """Let as much time pass as an election may take, from whatever came before."""
        await self.clock.advance(2 * TIMING.duration + TIMING.poll_interval)

    async def kill(self) -> None:
        for replica in self.replicas:
            await replica.process.kill()

    async def restart(self) -> None:
        for replica in self.replicas:
            await replica.restart()
        await self.clock.settle()

    async def revive(self) -> None:
        """What a kubelet does with containers that ended."""
        for replica in self.replicas:
            if replica.process.has_ended:
                await replica.restart()
        await self.clock.settle()

    @property
    def leader(self) -> Replica | None:
        return next((replica for replica in self.replicas if replica.process.leads), None)

    def forget_requests(self) -> None:
        self.note_writers()
        super().forget_requests()

    def note_writers(self) -> None:
        """Take down who wrote since the last time. The log is emptied."""
        for entry in self.standin.log.writes:
            if entry.user:
                self.wrote(Network.ELASTICSEARCH, entry.user)
        self.standin.log.clear()

    def wrote(self, network: Network, name: str) -> None:
        turns = self.turns[network]
        if turns[-1:] != [name]:
            turns.append(name)
