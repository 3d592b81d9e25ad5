"""The budget: whose turn it is, and how patience asked for by the server holds everybody back."""

from __future__ import annotations

import asyncio

import pytest

from inference_operator.core.failure import HttpFailure
from inference_operator.elasticsearch.budget import Budget
from inference_operator.elasticsearch.limits import Limits
from tests.virtual_clock import VirtualClock

BUSY = HttpFailure(429)
LIMITS = Limits(requests_per_second=10.0, burst=5, longest_turn=10.0)


class Crowd:
    """Callers that note when their turn came, and what they were told."""

    def __init__(self, clock: VirtualClock, budget: Budget) -> None:
        self._clock = clock
        self._budget = budget
        self.went: list[tuple[str, float]] = []
        self.sent_away: dict[str, float] = {}

    def come(self, *names: str) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self._one(name)) for name in names]

    async def _one(self, name: str) -> None:
        wait = await self._budget.turn()
        if wait is None:
            self.went.append((name, round(self._clock.monotonic(), 6)))
        else:
            self.sent_away[name] = wait


@pytest.fixture
def budget(clock: VirtualClock) -> Budget:
    return Budget(clock, LIMITS)


@pytest.fixture
def crowd(clock: VirtualClock, budget: Budget) -> Crowd:
    return Crowd(clock, budget)


async def test_a_burst_goes_at_once_the_rest_in_order_at_the_rate(crowd: Crowd, clock: VirtualClock) -> None:
    crowd.come(*"abcdefgh")
    await clock.settle()
    assert [name for name, _ in crowd.went] == list("abcde")
    await clock.advance(1.0)
    assert crowd.went[5:] == [("f", 0.1), ("g", 0.2), ("h", 0.3)]


async def test_a_pause_earns_no_more_than_the_burst(crowd: Crowd, clock: VirtualClock) -> None:
    await clock.advance(3600)
    crowd.come(*"abcdefg")
    await clock.settle()
    assert len(crowd.went) == 5


async def test_the_rate_holds_in_the_long_run(crowd: Crowd, clock: VirtualClock) -> None:
    crowd.come(*(str(number) for number in range(105)))
    await clock.advance(9.95)
    assert len(crowd.went) == 5 + 99
    await clock.advance(0.1)
    assert len(crowd.went) == 105


async def test_who_gives_up_waiting_costs_the_others_nothing(crowd: Crowd, clock: VirtualClock) -> None:
    tasks = crowd.come(*"abcdefgh")
    await clock.settle()
    tasks[5].cancel()
    await clock.advance(1.0)
    assert crowd.went[5:] == [("g", 0.1), ("h", 0.2)]
    assert tasks[5].cancelled()


async def test_who_is_called_up_while_giving_up_returns_its_turn(crowd: Crowd, clock: VirtualClock, budget: Budget) -> None:
    tasks = crowd.come(*"abcdef")
    await clock.settle()
    clock.jump(0.1)
    tasks[5].cancel()
    await clock.advance(0.4)
    crowd.come(*"vwxyz")
    await clock.settle()
    assert [name for name, _ in crowd.went] == list("abcde" + "vwxyz")


async def test_a_turn_too_far_off_is_refused_with_the_time_to_come_back(crowd: Crowd, clock: VirtualClock) -> None:
    crowd.come(*(str(number) for number in range(106)))
    await clock.settle()
    assert crowd.sent_away == {"105": pytest.approx(10.1)}


async def test_patience_asked_for_holds_all_back_and_ends_without_a_burst(
    crowd: Crowd, clock: VirtualClock, budget: Budget
) -> None:
    budget.hold(3.0, BUSY)
    crowd.come(*"abc")
    await clock.advance(2.9)
    assert crowd.went == []
    await clock.advance(1.0)
    assert crowd.went == [("a", 3.0), ("b", 3.1), ("c", 3.2)]


async def test_patience_longer_than_a_turn_sends_the_waiting_away(crowd: Crowd, clock: VirtualClock, budget: Budget) -> None:
    crowd.come(*"abcdefg")
    await clock.settle()
    budget.hold(60.0, BUSY)
    crowd.come("h")
    await clock.settle()
    assert set(crowd.sent_away) == {"f", "g", "h"}
    assert all(wait >= 60.0 for wait in crowd.sent_away.values())


async def test_a_shorter_patience_does_not_shorten_a_longer_one(crowd: Crowd, clock: VirtualClock, budget: Budget) -> None:
    budget.hold(8.0, BUSY)
    budget.hold(1.0, HttpFailure(503))
    assert budget.held_by == BUSY
    crowd.come("a")
    await clock.advance(10.0)
    assert crowd.went == [("a", 8.0)]
    assert budget.held_by is None
