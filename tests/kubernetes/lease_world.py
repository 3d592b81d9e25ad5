"""Replicas that compete for one Lease on virtual time, and an API server that a test makes hang, forget and lie late.

`LeaseServer` passes the same contract as the real API server (`lease_contract`). Every replica has clocks of its own, with
other times on them, so whoever trusted them would be caught.
"""

from __future__ import annotations

import asyncio
import itertools
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Any

from inference_operator.kubernetes.client import Reply, Request
from inference_operator.kubernetes.lease import Leadership
from inference_operator.kubernetes.lease_record import LeaseTiming
from inference_operator.kubernetes.lease_requests import LeaseName
from inference_operator.kubernetes.timing import pause
from inference_operator.kubernetes.values import KubernetesFailure
from tests.virtual_clock import VirtualClock, VirtualTimer

if TYPE_CHECKING:
    from collections.abc import Callable

    from inference_operator.core.values import Json

NAME = LeaseName("operators", "inference-operator")
LATE = 20.0


class Network(StrEnum):
    """What happens to the requests of one replica."""

    GOOD = "good"
    SLOW = "slow: a second there, a second back"
    DEAD = "dead: nothing arrives"
    LOST = "lost: all is done, no answer comes back"
    LATE = "late: a write is done 20 s later, and no answer to it comes back"
    BUSY = "busy: 429"


class LeaseServer:
    """The `leases` of an API server with one namespace, in memory."""

    def __init__(self) -> None:
        self.leases: dict[str, dict[str, Any]] = {}
        self.requests: list[tuple[str, int]] = []
        self.forbidden: frozenset[str] = frozenset()
        self._versions = itertools.count(1)

    def handle(self, request: Request) -> Reply:
        reply = self._handle(request)
        self.requests.append((request.method, reply.status))
        return reply

    def handle_unanswered(self, request: Request) -> None:
        self.handle(request)

    def _handle(self, request: Request) -> Reply:
        *_, namespace, _, name = [*request.path.split("/"), ""] if request.path.endswith("/leases") else request.path.split("/")
        if request.method in self.forbidden:
            return _refusal(403, f'User "it" cannot {request.method} resource "leases"')
        if namespace != NAME.namespace:
            return _refusal(404, f'namespaces "{namespace}" not found')
        if request.method == "POST":
            assert request.body is not None
            return self._create(dict(request.body))
        if (lease := self.leases.get(name)) is None:
            return _refusal(404, f'leases "{name}" not found')
        return self._patch(lease, request.body) if request.method == "PATCH" and request.body else Reply(200, lease)

    def _create(self, body: dict[str, Any]) -> Reply:
        name = body["metadata"]["name"]
        if name in self.leases:
            return _refusal(409, f'leases "{name}" already exists')
        version = str(next(self._versions))
        stored = {**body, "metadata": {**body["metadata"], "uid": f"uid-{version}", "resourceVersion": version}}
        self.leases[name] = stored
        return Reply(201, stored)

    def _patch(self, lease: dict[str, Any], body: Any) -> Reply:
        for precondition in ("uid", "resourceVersion"):
            if body.get("metadata", {}).get(precondition, lease["metadata"][precondition]) != lease["metadata"][precondition]:
                return _refusal(409, "the object has been modified")
        merged = _merged(lease, body)
        if merged != lease:
            merged["metadata"]["resourceVersion"] = str(next(self._versions))
        self.leases[lease["metadata"]["name"]] = merged
        return Reply(200, merged)

    # --- people -------------------------------------------------------------------------------------------------------

    @property
    def lease(self) -> dict[str, Any] | None:
        return self.leases.get(NAME.name)

    @property
    def holder(self) -> str | None:
        return self.lease["spec"].get("holderIdentity") if self.lease is not None else None

    def delete(self) -> None:
        self.leases.clear()

    def annotate(self, value: str) -> None:
        if self.lease is not None:
            self._patch(
                self.lease, {"metadata": {"annotations": {"team": value}}, "spec": {"strategy": "OldestEmulationVersion"}}
            )


def _refusal(status: int, message: str) -> Reply:
    return Reply(status, {"kind": "Status", "code": status, "message": message})


def _merged(into: dict[str, Json], patch: dict[str, Json]) -> dict[str, Any]:
    """RFC 7386."""
    found = dict(into)
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, dict):
            found[key] = _merged(found.get(key) or {}, value)
        else:
            found[key] = value
    return found


class ShiftedClock:
    """The same seconds, other figures: a monotonic clock that began elsewhere and a wall clock that is wrong."""

    def __init__(self, clock: VirtualClock, monotonic: float, wall: timedelta) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self.wall = wall
        self.stopped: datetime | None = None

    def monotonic(self) -> float:
        return self._clock.monotonic() + self._monotonic

    def now(self) -> datetime:
        return (self.stopped or self._clock.now()) + self.wall

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        return self._clock.call_later(delay, callback)


class Replica:
    """One process with a network of its own."""

    def __init__(self, world: LeaseWorld, number: int, timing: LeaseTiming) -> None:
        self._world = world
        self.network = Network.GOOD
        self.clock = ShiftedClock(world.clock, number * 1000.0, timedelta(hours=(-1) ** number * 7 * number))
        self.leadership = Leadership(self, NAME, self.clock, timing=timing, replica=f"replica-{number}", chance=lambda: 0.5)
        self.running = asyncio.ensure_future(self.leadership.run())

    async def ask(self, operation: str, request: Request) -> Reply | KubernetesFailure:
        """As `KubernetesClient.ask`, over this replica's network."""
        world, network = self._world, self.network
        world.look()
        if network is Network.BUSY:
            return Reply(429, {"message": "too many requests"}, retry_after=1.0)
        if network is Network.LATE and request.method != "GET":
            world.clock.call_later(LATE, partial(world.server.handle_unanswered, request))
            await asyncio.Event().wait()
        if network is Network.DEAD:
            await asyncio.Event().wait()
        if network is Network.SLOW:
            await pause(world.clock, 1.0)
        reply = world.server.handle(request)
        if network is Network.SLOW:
            await pause(world.clock, 1.0)
        if network is Network.LOST:
            await asyncio.Event().wait()
        return reply

    @property
    def writes(self) -> bool:
        """True while it is alive and may write."""
        return not self.running.done() and self.leadership.may_write()

    async def kill(self) -> None:
        """As by kill -9: it does nothing any more, and tells nobody."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)


class LeaseWorld:
    """An API server, replicas, and a clock; fails as soon as two replicas may write."""

    def __init__(self, timing: LeaseTiming | None = None) -> None:
        self.clock = VirtualClock()
        self.server = LeaseServer()
        self.replicas: list[Replica] = []
        self._timing = timing or LeaseTiming()

    def start(self, timing: LeaseTiming | None = None) -> Replica:
        replica = Replica(self, len(self.replicas) + 1, timing or self._timing)
        self.replicas.append(replica)
        return replica

    def look(self) -> None:
        writing = [replica.leadership.identity for replica in self.replicas if replica.writes]
        assert len(writing) <= 1, f"{writing} may write at once"

    @property
    def writer(self) -> Replica | None:
        self.look()
        return next((replica for replica in self.replicas if replica.writes), None)

    async def advance(self, seconds: float) -> None:
        """Let time pass, and look at every moment at which something happens."""
        until = self.clock.monotonic() + seconds
        await self.clock.settle()
        while (wait := self.clock.next_call) is not None and self.clock.monotonic() + wait <= until:
            await self.clock.advance(wait)
            self.look()
        await self.clock.advance(max(0.0, until - self.clock.monotonic()))
        self.look()

    async def until(self, condition: Callable[[], object], within: float) -> float:
        """Let time pass until it holds; returns how long that took."""
        await self.clock.settle()
        begun = self.clock.monotonic()
        while not condition():
            left = begun + within - self.clock.monotonic()
            assert left > 0, f"not within {within} s"
            await self.advance(min(left, self.clock.next_call or left))
        return self.clock.monotonic() - begun

    async def stop(self) -> None:
        for replica in self.replicas:
            await replica.kill()


def micro(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
