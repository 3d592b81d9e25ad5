"""Leadership: which of several replicas may write, by one Lease object.

Decides when to look, to take, to renew and to stop; what a seen Lease means is decided by `lease_record`. The client's own
elector is not used: it trusts other machines' clocks and keeps on working while the API server hangs.
"""

import asyncio
import logging
import math
import random
import secrets
import socket
from collections.abc import Callable

from inference_operator.core.clock import Clock, Timer
from inference_operator.kubernetes.lease_record import (
    Create,
    LeaseRecord,
    LeaseTiming,
    Lost,
    Observation,
    Renew,
    Take,
    Wait,
    decide,
    kept,
    observe,
    released,
    renewed_at,
    taken,
)
from inference_operator.kubernetes.lease_requests import Answer, Asks, LeaseName, LeaseRequests
from inference_operator.kubernetes.timing import backoff, pause
from inference_operator.kubernetes.values import Conflict, KubernetesFailure

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 5.0
_TRIES_TO_RELEASE = 2


class Leadership:
    """One replica's part in the election. `run` it in a task; writes are allowed while `may_write()`.

    Once lost it stays lost: end the process, so that no work begun under the old lease goes on. A replica that is told to end
    finishes or cuts off its writes first and calls `release` then, which lets another one begin at its next look.
    """

    def __init__(
        self,
        client: Asks,
        name: LeaseName,
        clock: Clock,
        *,
        timing: LeaseTiming | None = None,
        replica: str | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.held = asyncio.Event()
        """Set once the lease was acquired; stays set."""
        self.lost = asyncio.Event()
        """Set once it is lost, at the latest `renew_deadline` after the start of the last renewal that succeeded."""
        self._name = name
        self._clock = clock
        self._timing = timing or LeaseTiming()
        self._requests = LeaseRequests(client, name, clock, self._timing.request_timeout)
        self._replica = replica or socket.gethostname()
        self._identity = _unique(self._replica)
        self._chance = chance
        self._seen: Observation | None = None
        self._own: LeaseRecord | None = None
        self._renewed: float | None = None
        self._deadline: Timer | None = None
        self._work: asyncio.Task[None] | None = None
        self._failures = 0
        self._told = ""

    @property
    def identity(self) -> str:
        """What the Lease shows while this replica holds it. Another one in every process, even of the same pod."""
        return self._identity

    def age(self) -> float:
        """Seconds since the start of the last renewal that succeeded; infinite before the first, and after the end."""
        if self._renewed is None or self.lost.is_set():
            return math.inf
        return self._clock.monotonic() - self._renewed

    def may_write(self) -> bool:
        """Ask right before every write. Computed from the clock, thus right even if the event loop was held up for long."""
        return self.age() < self._timing.renew_deadline

    async def run(self) -> None:
        """Compete, hold and renew. Returns when the lease is lost or released."""
        self._work = asyncio.ensure_future(self._compete_and_keep())
        lost = asyncio.ensure_future(self.lost.wait())
        try:
            await asyncio.wait({self._work, lost}, return_when=asyncio.FIRST_COMPLETED)
            if self._work.done() and not self._work.cancelled():
                self._work.result()
        finally:
            self._work.cancel()
            lost.cancel()

    async def release(self) -> None:
        """Let another replica begin at once. Call it after the last write was answered or given up; may be called any time."""
        if self._work is None or self.lost.is_set():
            return
        self._work.cancel()
        await asyncio.gather(self._work, return_exceptions=True)
        record = self._own if self.may_write() else None
        self._stop_counting()
        for _ in range(_TRIES_TO_RELEASE):
            # Without a lease as well: an attempt to take it may have been cut off, and done all the same.
            record = record or await self._read_own()
            if record is None:
                return
            answer = await self._requests.patch(record, released())
            if isinstance(answer, LeaseRecord):
                _log.info("lease %s released", self._name)
            if not isinstance(answer, Conflict):
                return
            record = None

    async def _read_own(self) -> LeaseRecord | None:
        found = await self._requests.read()
        return found if isinstance(found, LeaseRecord) and found.holder == self._identity else None

    # --- the loop -----------------------------------------------------------------------------------------------------

    async def _compete_and_keep(self) -> None:
        while not self.lost.is_set():
            begun = self._clock.monotonic()
            rest = await self._turn()
            if self._renewed is not None:
                rest = max(0.0, begun + self._timing.renew_interval - self._clock.monotonic())
            await pause(self._clock, rest)

    async def _turn(self) -> float:
        """Look unless the last answer still tells how things are; then write if that is due. Returns for how long to rest."""
        if self._seen is None or self._renewed is None or self._failures:
            answer = await self._requests.read()
            if isinstance(answer, Conflict | KubernetesFailure):
                return self._failed(answer)
            self._saw(answer)
        assert self._seen is not None
        leading = self._renewed is not None
        decision = decide(self._seen, self._identity, self._clock.monotonic(), self._timing, leading=leading)
        match decision:
            case Wait(seconds):
                self._failures = 0
                self._tell(logging.INFO, f"lease {self._name} is held by {self._holder()}; this replica waits")
                return seconds
            case Lost(to):
                self._lose(f"it is held by {to} now")
                return 0.0
            case _:
                return await self._write(decision)

    async def _write(self, decision: Create | Take | Renew) -> float:
        """What succeeds counts from its start: that is the latest time that others can count from."""
        started = self._clock.monotonic()
        answer = await self._send(decision)
        if not isinstance(answer, LeaseRecord):
            return self._failed(answer)
        self._failures = 0
        self._saw(answer)
        if answer.holder != self._identity:
            return self._timing.poll_interval  # one without a holder, just made
        self._renew_from(started, answer)
        return 0.0

    async def _send(self, decision: Create | Take | Renew) -> Answer:
        now, timing = self._clock.now(), self._timing
        ours = kept(self._identity, self._own, timing, now) if self._own is not None else None
        match decision:
            case Renew(record):
                return await self._requests.patch(record, {"renewTime": renewed_at(record, now)})
            case Take(record):
                return await self._requests.patch(record, ours or taken(self._identity, record, timing, now))
            case Create():
                return await self._requests.create(ours or {})

    # --- what is known ------------------------------------------------------------------------------------------------

    def _saw(self, record: LeaseRecord | None) -> None:
        self._seen = observe(self._seen, record, self._clock.monotonic(), self._timing)

    def _renew_from(self, started: float, record: LeaseRecord) -> None:
        self._own, self._renewed = record, started
        if self._deadline is not None:
            self._deadline.cancel()
        left = started + self._timing.renew_deadline - self._clock.monotonic()
        self._deadline = self._clock.call_later(left, self._expire)
        if self.may_write():
            self._tell(logging.INFO, f"lease {self._name} is held by this replica, {self._identity}")
            self.held.set()

    def _expire(self) -> None:
        self._lose(f"it could not be renewed for {self._timing.renew_deadline:g} s")

    def _lose(self, why: str) -> None:
        self._stop_counting()
        self.lost.set()
        _log.error("lease %s is lost: %s; this replica writes no more", self._name, why)

    def _stop_counting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._renewed = None

    def _failed(self, answer: Conflict | KubernetesFailure | None) -> float:
        """Returns for how long a replica that waits should rest."""
        self._failures += 1
        if not isinstance(answer, KubernetesFailure):
            return self._timing.poll_interval  # somebody was faster, or it vanished: look again
        self._tell(logging.WARNING, f"{answer.operation} failed: {answer.message}")
        rest = backoff(self._failures, self._chance(), self._timing.poll_interval, _LONGEST_PAUSE)
        return max(rest, min(answer.retry_after or 0.0, self._timing.duration))

    def _holder(self) -> str:
        record = self._seen.record if self._seen is not None else None
        return (record and record.holder) or "nobody, but may have been lately"

    def _tell(self, level: int, message: str) -> None:
        """Once, until something else is to be told: the loop turns every second."""
        if message != self._told:
            self._told = message
            _log.log(level, message)


def _unique(replica: str) -> str:
    return f"{replica}_{secrets.token_hex(4)}"
