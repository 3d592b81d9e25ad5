"""Pauses between attempts."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from inference_operator.kubernetes.timing import backoff, pause
from tests.virtual_clock import VirtualClock


def test_pauses_double_up_to_a_limit() -> None:
    assert [backoff(failures, 0.0) for failures in range(1, 8)] == [0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]


@given(st.integers(1, 10**9), st.floats(0, 1, exclude_max=True))
def test_pauses_are_spread_over_the_upper_half(failures: int, chance: float) -> None:
    assert backoff(failures, 0.0) <= backoff(failures, chance) <= 2 * backoff(failures, 0.0)


async def test_a_pause_ends_when_it_is_over() -> None:
    clock = VirtualClock()
    task = asyncio.create_task(pause(clock, 10))
    await clock.advance(9.9)
    assert not task.done()
    await clock.advance(0.1)
    assert task.done()


async def test_a_pause_can_be_cut_short_and_leaves_no_timer() -> None:
    clock, event = VirtualClock(), asyncio.Event()
    task = asyncio.create_task(pause(clock, 10, event))
    await clock.settle()
    event.set()
    await clock.settle()
    assert task.done()
    assert clock.next_call is None
