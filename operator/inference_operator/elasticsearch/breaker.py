"""A breaker: a cluster that does not answer is left alone, then asked by one request at a time.

Decides from outcomes and the clock alone whether a request may go. No I/O, no event loop.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inference_operator.core.clock import Clock
    from inference_operator.elasticsearch.limits import Limits

_PROBE_WAIT = 1.0  # seconds after which to ask again while a probe is under way


class Outcome(Enum):
    """What a request says about its cluster."""

    ALIVE = auto()
    LOST = auto()
    UNTOLD = auto()  # cancelled, or slow because of a third party


class Permit:
    """Leave to send one request; `settle` it exactly once."""

    __slots__ = ("_breaker", "is_probe")

    def __init__(self, breaker: Breaker, *, is_probe: bool) -> None:
        self._breaker = breaker
        self.is_probe = is_probe

    def settle(self, outcome: Outcome) -> None:
        """Say how it went."""
        self._breaker._settle(self, outcome)  # noqa: SLF001 - the other half of one protocol


class Breaker:
    """Closed, open, or probing. Opens after `limits.failures_to_open` losses in a row."""

    def __init__(self, clock: Clock, limits: Limits) -> None:
        self._clock = clock
        self._limits = limits
        self._losses = 0
        self._pause = limits.first_pause
        self._shut_until: float | None = None  # None: requests flow
        self._probe: Permit | None = None

    @property
    def is_open(self) -> bool:
        """True from the opening until a request came through again."""
        return self._shut_until is not None

    def wait(self) -> float | None:
        """Seconds after which to ask again, None when a request may go now."""
        if self._shut_until is None:
            return None
        left = self._shut_until - self._clock.monotonic()
        if left > 0:
            return left
        return _PROBE_WAIT if self._probe is not None else None

    def enter(self) -> Permit | float:
        """A permit, or the seconds after which to ask again."""
        wait = self.wait()
        if wait is not None:
            return wait
        permit = Permit(self, is_probe=self.is_open)
        if permit.is_probe:
            self._probe = permit
        return permit

    def _settle(self, permit: Permit, outcome: Outcome) -> None:
        if permit is self._probe:
            self._probe = None
        if outcome is Outcome.ALIVE:
            self._close()
        elif outcome is Outcome.LOST and permit.is_probe:
            self._pause = min(self._pause * 2, self._limits.longest_pause)
            self._open()
        elif outcome is Outcome.LOST and not self.is_open:  # late losses of an open breaker are no news
            self._losses += 1
            if self._losses >= self._limits.failures_to_open:
                self._open()

    def _open(self) -> None:
        self._shut_until = self._clock.monotonic() + self._pause

    def _close(self) -> None:
        self._losses = 0
        self._pause = self._limits.first_pause
        self._shut_until = None
        self._probe = None
