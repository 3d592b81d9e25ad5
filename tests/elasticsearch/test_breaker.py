"""The breaker: when a cluster is left alone, and how it is tried again."""

from __future__ import annotations

import pytest

from inference_operator.elasticsearch.breaker import Breaker, Outcome, Permit
from inference_operator.elasticsearch.limits import Limits
from tests.virtual_clock import VirtualClock

LIMITS = Limits(failures_to_open=3, first_pause=1.0, longest_pause=5.0)


def enter(breaker: Breaker) -> Permit:
    permit = breaker.enter()
    assert isinstance(permit, Permit)
    return permit


def lose(breaker: Breaker, times: int) -> None:
    for _ in range(times):
        enter(breaker).settle(Outcome.LOST)


@pytest.fixture
def breaker(clock: VirtualClock) -> Breaker:
    return Breaker(clock, LIMITS)


def test_losses_in_a_row_open_it(breaker: Breaker) -> None:
    lose(breaker, 2)
    assert not breaker.is_open
    lose(breaker, 1)
    assert breaker.is_open
    assert breaker.enter() == pytest.approx(1.0)


def test_a_success_between_losses_starts_the_count_again(breaker: Breaker) -> None:
    lose(breaker, 2)
    enter(breaker).settle(Outcome.ALIVE)
    lose(breaker, 2)
    assert not breaker.is_open


def test_what_tells_nothing_counts_neither_way(breaker: Breaker) -> None:
    lose(breaker, 2)
    for _ in range(10):
        enter(breaker).settle(Outcome.UNTOLD)
    assert not breaker.is_open
    lose(breaker, 1)
    assert breaker.is_open


async def test_after_the_pause_one_probe_goes_and_all_others_wait(breaker: Breaker, clock: VirtualClock) -> None:
    lose(breaker, 3)
    await clock.advance(1.0)
    probe = enter(breaker)
    assert probe.is_probe
    assert isinstance(breaker.enter(), float)
    probe.settle(Outcome.ALIVE)
    assert not breaker.is_open
    assert not enter(breaker).is_probe


async def test_each_failed_probe_doubles_the_pause_up_to_the_cap(breaker: Breaker, clock: VirtualClock) -> None:
    lose(breaker, 3)
    pauses = []
    for _ in range(5):
        wait = breaker.wait()
        assert wait is not None
        pauses.append(wait)
        await clock.advance(wait)
        enter(breaker).settle(Outcome.LOST)
    assert pauses == pytest.approx([1.0, 2.0, 4.0, 5.0, 5.0])


async def test_after_it_closed_the_first_pause_is_short_again(breaker: Breaker, clock: VirtualClock) -> None:
    lose(breaker, 3)
    await clock.advance(1.0)
    enter(breaker).settle(Outcome.LOST)
    await clock.advance(2.0)
    enter(breaker).settle(Outcome.ALIVE)
    lose(breaker, 3)
    assert breaker.wait() == pytest.approx(1.0)


async def test_a_cancelled_probe_leaves_room_for_the_next(breaker: Breaker, clock: VirtualClock) -> None:
    lose(breaker, 3)
    await clock.advance(1.0)
    enter(breaker).settle(Outcome.UNTOLD)
    assert enter(breaker).is_probe


def test_late_losses_of_requests_sent_before_do_not_prolong_the_pause(breaker: Breaker, clock: VirtualClock) -> None:
    late = [enter(breaker) for _ in range(5)]
    lose(breaker, 3)
    for permit in late:
        permit.settle(Outcome.LOST)
    assert breaker.wait() == pytest.approx(1.0)


async def test_a_late_answer_of_a_request_sent_before_closes_it(breaker: Breaker, clock: VirtualClock) -> None:
    slow = enter(breaker)
    lose(breaker, 3)
    slow.settle(Outcome.ALIVE)
    assert not breaker.is_open
