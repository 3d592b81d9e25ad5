"""The clock of a process that can be stopped and goes on later: time passes meanwhile, but nothing happens in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from tests.virtual_clock import VirtualClock


class HaltingTimer:
    """A call that was put off, and stays so while the process is stopped."""

    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def fire(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class HaltingClock:
    """Implements `inference_operator.core.clock.Clock` over the clock of the world."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._held: list[HaltingTimer] | None = None

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def now(self) -> datetime:
        return self._clock.now()

    def call_later(self, delay: float, callback: Callable[[], None]) -> HaltingTimer:
        timer = HaltingTimer(callback)
        self._clock.call_later(delay, lambda: self._due(timer))
        return timer

    def halt(self) -> None:
        """What falls due from now on waits."""
        self._held = [] if self._held is None else self._held

    def go_on(self) -> None:
        """What fell due meanwhile happens now, in its order."""
        held, self._held = self._held or [], None
        for timer in held:
            timer.fire()

    def forget(self) -> None:
        """The process is no more: what fell due meanwhile never happens."""
        self._held = None

    def _due(self, timer: HaltingTimer) -> None:
        if self._held is None:
            timer.fire()
        else:
            self._held.append(timer)
