"""The virtual clock keeps order and moment, because every test of timing stands on it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.virtual_clock import START, VirtualClock

if TYPE_CHECKING:
    from inference_operator.core.clock import Clock


def test_it_is_a_clock() -> None:
    clock: Clock = VirtualClock()
    assert clock.now() == START


async def test_calls_come_in_order_each_at_its_own_moment() -> None:
    clock = VirtualClock()
    seen: list[tuple[str, float]] = []
    for name, delay in (("late", 3.0), ("early", 1.0), ("early too", 1.0), ("beyond", 3.5)):
        clock.call_later(delay, lambda name=name: seen.append((name, clock.monotonic())))  # type: ignore[misc]
    await clock.advance(3.0)
    assert seen == [("early", 1.0), ("early too", 1.0), ("late", 3.0)]
    assert clock.next_call == pytest.approx(0.5)
    assert clock.now() == START + timedelta(seconds=3)


async def test_a_call_made_by_a_call_falls_due_within_the_same_advance() -> None:
    clock = VirtualClock()
    ticks: list[float] = []

    def tick() -> None:
        ticks.append(clock.monotonic())
        clock.call_later(10.0, tick)

    clock.call_later(10.0, tick)
    await clock.advance(35.0)
    assert ticks == [10.0, 20.0, 30.0]


async def test_a_cancelled_call_is_not_made() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    clock.call_later(1.0, lambda: seen.append("cancelled")).cancel()
    clock.call_later(0.0, lambda: seen.append("cancelled")).cancel()
    await clock.advance(5.0)
    assert seen == []
    assert clock.next_call is None


async def test_steps_add_up_and_no_delay_needs_no_advance() -> None:
    clock = VirtualClock()
    seen: list[str] = []
    clock.call_later(1.0, lambda: seen.append("second"))
    clock.call_later(0.0, lambda: seen.append("now"))
    await clock.settle()
    assert seen == ["now"]
    for _ in range(10):
        await clock.advance(0.1)
    assert seen == ["now", "second"]


async def test_a_jump_makes_due_calls_before_any_task_runs() -> None:
    clock = VirtualClock()
    called = asyncio.Event()
    seen: list[str] = []

    async def wait() -> None:
        await called.wait()
        seen.append("task")

    task = asyncio.create_task(wait())
    await clock.settle()
    clock.call_later(1.0, called.set)
    clock.jump(1.0)
    assert called.is_set()
    assert seen == []
    await clock.settle()
    assert seen == ["task"]
    assert task.done()


async def test_settle_waits_until_tasks_can_do_nothing_more() -> None:
    clock = VirtualClock()
    turns = 0

    async def busy() -> None:
        nonlocal turns
        for _ in range(500):
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(busy())
    await clock.settle()
    assert turns == 500
    assert task.done()
