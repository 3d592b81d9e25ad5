"""What the work queue costs, counted in steps of the interpreter: no call may look at all groups, nor at all keys."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Self

import pytest

from inference_operator.shell import queue as queue_module
from inference_operator.shell.queue import Backoff, Priority, WorkQueue
from tests.virtual_clock import VirtualClock

Trace = Callable[[FrameType, str, Any], Any]


class Steps:
    """Counts the instructions that the module of the queue carries out in its block."""

    def __init__(self) -> None:
        self.taken = 0
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = sys.gettrace()
        sys.settrace(self._enter)
        return self

    def __exit__(self, *_: object) -> None:
        sys.settrace(self._before)

    def _enter(self, frame: FrameType, event: str, _: Any) -> Trace | None:
        if frame.f_code.co_filename != queue_module.__file__:
            return None
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        return self._step

    def _step(self, frame: FrameType, event: str, _: Any) -> Trace:
        self.taken += event == "opcode"
        return self._step


class Crowd:
    """Groups that are full with one key in work. Work ends when all of it is told to."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.ended = asyncio.Event()
        self.queue: WorkQueue[tuple[int, int]] = WorkQueue(
            self.clock, dice=lambda: 0.0, backoff=Backoff(), group_of=lambda key: key[0], limit=1
        )

    async def work(self, _: tuple[int, int]) -> None:
        await self.ended.wait()

    def add(self, groups: int, per_group: int = 1, delay: float = 0.0) -> None:
        for member in range(per_group):
            for group in range(groups):
                self.queue.add((group, member), Priority.EDIT, delay)


async def opening(groups: int) -> int:
    crowd = Crowd()
    crowd.add(groups, per_group=2)
    with Steps() as steps:
        crowd.queue.open(crowd.work)
    await end(crowd)
    return steps.taken


async def working_off(groups: int) -> int:
    crowd = Crowd()
    crowd.add(groups, per_group=2)
    crowd.queue.open(crowd.work)
    with Steps() as steps:
        await end(crowd)
    return steps.taken


async def working_off_one_group(keys: int) -> int:
    crowd = Crowd()
    crowd.add(1, per_group=keys)
    crowd.queue.open(crowd.work)
    with Steps() as steps:
        await end(crowd)
    return steps.taken


async def coming_due(groups: int) -> int:
    crowd = Crowd()
    crowd.add(groups, delay=5.0)
    crowd.queue.open(crowd.work)
    with Steps() as steps:
        crowd.clock.jump(5.0)
    await end(crowd)
    return steps.taken


async def adding_one_by_one(groups: int) -> int:
    crowd = Crowd()
    crowd.queue.open(crowd.work)
    with Steps() as steps:
        crowd.add(groups, per_group=2)
    await end(crowd)
    return steps.taken


async def end(crowd: Crowd) -> None:
    crowd.ended.set()
    await crowd.clock.settle()
    assert not crowd.queue.busy
    assert crowd.clock.next_call is None


@pytest.mark.parametrize(
    "costs", [opening, working_off, working_off_one_group, coming_due, adding_one_by_one], ids=lambda costs: costs.__name__
)
async def test_four_times_as_many_cost_little_more_than_four_times_the_steps(costs: Callable[[int], Any]) -> None:
    few, many = await costs(100), await costs(400)
    assert few > 100 * 20, "the steps are counted"
    assert many < 6 * few
