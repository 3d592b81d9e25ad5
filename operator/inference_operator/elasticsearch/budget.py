"""A token bucket: so many requests a second in the long run, some at once after a pause.

Decides whose turn it is, first come first served. A cluster that asks for patience (429 or 503 with Retry-After) holds everybody
back. Time is the injected clock's.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_operator.core.clock import Clock
    from inference_operator.core.failure import HttpFailure, TransportFailure
    from inference_operator.elasticsearch.limits import Limits
from inference_operator.core.clock import Timer


class Budget:
    """The requests that one cluster may be sent."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._tokens = float(limits.burst)
        self._counted_at = clock.monotonic()
        self._held_until = -math.inf
        self._cause: TransportFailure | HttpFailure | None = None
        self._queue: deque[asyncio.Future[float | None]] = deque()
        self._timer: Timer | None = None

    async def turn(self) -> float | None:
        """Wait for the turn of one request. None: go. Else the seconds after which to come back: it would take too long."""
        wait = self._expected_wait()
        if wait <= 0 and not self._queue:
            self._tokens -= 1
            return None
        if wait > self._limits.longest_turn:
            return wait
        place: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._queue.append(place)
        self._schedule()
        try:
            return await place
        except asyncio.CancelledError:
            self._leave(place)
            raise

    @property
    def held_by(self) -> TransportFailure | HttpFailure | None:
        """The answer that asked for patience, while everybody is held back for it."""
        return self._cause if self._held_for() else None

    def hold(self, seconds: float, cause: TransportFailure | HttpFailure | None) -> None:
        """Let nobody through for so long, then start without a burst. Who would wait too long is sent away."""
        until = self._clock.monotonic() + seconds
        if until > self._held_until:
            self._held_until, self._cause = until, cause
        self._tokens = min(self._tokens, 1.0)
        if (left := self._held_for()) > self._limits.longest_turn:
            while self._queue:
                place = self._queue.popleft()
                if not place.done():
                    place.set_result(left)
        self._schedule()

    def _held_for(self) -> float:
        return max(0.0, self._held_until - self._clock.monotonic())

    def _expected_wait(self) -> float:
        self._refill()
        missing = max(0.0, len(self._queue) + 1 - self._tokens)
        return self._held_for() + missing / self._limits.requests_per_second

    def _refill(self) -> None:
        now = self._clock.monotonic()
        since = max(self._counted_at, self._held_until)
        if now > since:
            self._tokens = min(float(self._limits.burst), self._tokens + (now - since) * self._limits.requests_per_second)
        self._counted_at = now

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._queue:
            wait = self._held_for() + max(0.0, 1.0 - self._tokens) / self._limits.requests_per_second
            self._timer = self._clock.call_later(wait, self._serve)

    def _serve(self) -> None:
        self._timer = None
        self._refill()
        # A timer may come a hair early; a hair of a token is not worth another round.
        while self._queue and not self._held_for() and self._tokens >= 1.0 - 1e-6:
            place = self._queue.popleft()
            if not place.done():
                self._tokens -= 1
                place.set_result(None)
        self._schedule()

    def _leave(self, place: asyncio.Future[float | None]) -> None:
        if place in self._queue:
            self._queue.remove(place)
        elif place.done() and not place.cancelled() and place.result() is None:
            self._tokens += 1  # it was called up in the very moment it gave up
            self._schedule()
