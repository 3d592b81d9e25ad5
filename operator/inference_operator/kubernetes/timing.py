"""Waiting and backing off, on the clock that is handed in."""

import asyncio

from inference_operator.core.clock import Clock


async def pause(clock: Clock, seconds: float, cut_short: asyncio.Event | None = None) -> None:
    """Wait `seconds`, or until `cut_short` is set (it is left set either way: clear it)."""
    over = cut_short or asyncio.Event()
    timer = clock.call_later(seconds, over.set)
    try:
        await over.wait()
    finally:
        timer.cancel()


def backoff(failures: int, chance: float, first: float = 1.0, longest: float = 30.0) -> float:
    """How long to wait after so many failures in a row (1, 2, …). `chance` in [0, 1) spreads it over its upper half."""
    ceiling = min(longest, first * 2.0 ** min(failures - 1, 16))
    return ceiling * (0.5 + 0.5 * chance)
