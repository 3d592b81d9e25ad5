"""The election on virtual time: what leads, what stops, and that there are never two."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_operator.kubernetes.lease_record import LeaseTiming
from inference_operator.kubernetes.lease_requests import LeaseName, LeaseRequests
from tests.kubernetes.lease_contract import CLAUSES, Clause, without_its_namespace_nothing_can_be_made
from tests.kubernetes.lease_world import NAME, LeaseWorld, Network, Replica, micro

TIMING = LeaseTiming()


@pytest.fixture
async def world() -> AsyncIterator[LeaseWorld]:
    world = LeaseWorld()
    yield world
    await world.stop()


async def leading(world: LeaseWorld) -> Replica:
    replica = world.start()
    await world.until(lambda: replica.writes, 20)
    return replica


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
async def test_the_server_in_memory_keeps_the_contract(world: LeaseWorld, clause: Clause) -> None:
    replica = Replica(world, 1, TIMING)
    await replica.kill()
    await clause(LeaseRequests(replica, NAME, world.clock, 1.0))


async def test_a_namespace_that_is_missing_is_named(world: LeaseWorld) -> None:
    replica = Replica(world, 1, TIMING)
    await replica.kill()
    requests = LeaseRequests(replica, LeaseName("nowhere", "it"), world.clock, 1.0)
    await without_its_namespace_nothing_can_be_made(requests)


async def test_the_first_replica_ever_waits_for_one_duration_then_leads(world: LeaseWorld) -> None:
    replica = world.start()
    assert await world.until(lambda: replica.writes, 20) == TIMING.duration
    assert replica.leadership.held.is_set()
    assert world.server.holder == replica.leadership.identity


async def test_a_released_lease_is_taken_at_once(world: LeaseWorld) -> None:
    first = await leading(world)
    await first.leadership.release()
    second = world.start()
    assert await world.until(lambda: second.writes, 5) == 0.0


async def test_a_leader_asks_once_per_renewal_and_a_replica_that_waits_once_a_second(world: LeaseWorld) -> None:
    await leading(world)
    await world.advance(1)
    world.server.requests.clear()
    await world.advance(60)
    assert world.server.requests == [("PATCH", 200)] * 30
    world.start()
    world.server.requests.clear()
    await world.advance(60)
    assert world.server.requests.count(("GET", 200)) in range(58, 63)
    assert world.server.requests.count(("PATCH", 200)) in range(29, 32)


async def test_the_lease_tells_people_who_holds_it_and_since_when(world: LeaseWorld) -> None:
    replica = await leading(world)
    begun = world.clock.now()
    await world.advance(20)
    assert world.server.lease is not None
    spec = world.server.lease["spec"]
    assert spec["holderIdentity"] == replica.leadership.identity
    assert spec["leaseDurationSeconds"] == 15
    assert micro(spec["acquireTime"]) == begun + replica.clock.wall
    assert micro(spec["renewTime"]) == begun + replica.clock.wall + (world.clock.now() - begun)
    assert spec["leaseTransitions"] == 0


async def test_release_hands_over_within_two_seconds(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(7.3)
    assert not second.writes
    await first.leadership.release()
    assert not first.leadership.may_write()
    assert await world.until(lambda: second.writes, 2) <= 1.0
    assert not first.leadership.lost.is_set()
    assert world.server.lease is not None
    assert world.server.lease["spec"]["leaseTransitions"] == 1


async def test_run_returns_after_a_release(world: LeaseWorld) -> None:
    first = await leading(world)
    await first.leadership.release()
    await world.clock.settle()
    assert first.running.done()
    assert first.leadership.age() == math.inf
    await first.leadership.release()
    assert world.server.holder is None


async def test_releasing_what_another_one_holds_changes_nothing(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(3)
    await second.leadership.release()
    assert world.server.holder == first.leadership.identity


async def test_a_lease_taken_by_an_attempt_that_was_cut_off_is_released(world: LeaseWorld) -> None:
    first = await leading(world)
    await first.leadership.release()
    second = world.start()
    second.network = Network.LOST
    await world.advance(3)  # the look gets no answer
    second.network = Network.GOOD
    await world.until(lambda: ("PATCH", 200) in world.server.requests[-1:], 10)
    await second.leadership.release()
    assert world.server.holder is None


async def test_after_a_kill_another_one_leads_once_the_lease_expired(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(30.5)
    await first.kill()
    took = await world.until(lambda: second.writes, 20)
    assert TIMING.duration - TIMING.renew_interval <= took <= TIMING.duration + TIMING.poll_interval


@pytest.mark.parametrize("network", [Network.DEAD, Network.LATE, Network.LOST, Network.BUSY])
async def test_a_leader_that_is_not_answered_stops_before_another_one_begins(world: LeaseWorld, network: Network) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(5)
    first.network = network
    took = await world.until(first.leadership.lost.is_set, 12)
    assert TIMING.renew_deadline - TIMING.renew_interval <= took <= TIMING.renew_deadline
    await world.clock.settle()
    assert first.running.done()
    assert not second.writes
    await world.until(lambda: second.writes, 12)


async def test_a_cut_that_heals_in_time_costs_nothing(world: LeaseWorld) -> None:
    first = await leading(world)
    world.start()
    for network in (Network.DEAD, Network.LOST, Network.SLOW, Network.BUSY):
        first.network = network
        await world.advance(5)
        first.network = Network.GOOD
        await world.advance(10)
        assert world.writer is first
    assert world.server.lease is not None
    assert world.server.lease["spec"]["leaseTransitions"] == 0


async def test_a_process_that_stood_still_may_not_write_when_it_goes_on(world: LeaseWorld) -> None:
    first = await leading(world)
    world.clock.jump(11)  # no task ran meanwhile
    assert not first.leadership.may_write()
    await world.clock.settle()
    assert first.leadership.lost.is_set()


async def test_a_deleted_lease_is_made_anew_by_its_holder(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(4)
    acquired = world.server.lease and world.server.lease["spec"]["acquireTime"]
    world.server.delete()
    await world.until(lambda: world.server.holder == first.leadership.identity, 5)
    assert world.server.lease is not None
    assert world.server.lease["spec"]["acquireTime"] == acquired
    await world.advance(60)
    assert world.writer is first
    assert not second.writes


async def test_a_lease_deleted_while_its_holder_is_cut_off_is_not_made_before_that_one_stops(world: LeaseWorld) -> None:
    first = await leading(world)
    await world.advance(2)
    first.network = Network.DEAD
    world.server.delete()
    second = world.start()  # has never seen it
    await world.until(lambda: second.writes, 20)
    assert first.leadership.lost.is_set()


async def test_annotations_and_foreign_fields_stay_and_do_not_renew(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    for number in range(3):
        world.server.annotate(str(number))
        await world.advance(3)
    assert world.writer is first
    await first.kill()
    for number in range(20):
        world.server.annotate(f"again {number}")
        await world.advance(1)
    assert world.writer is second
    assert world.server.lease is not None
    assert world.server.lease["metadata"]["annotations"] == {"team": "again 19"}
    assert world.server.lease["spec"]["strategy"] == "OldestEmulationVersion"


async def test_renewals_are_seen_even_if_the_wall_clock_of_the_holder_stands_still(world: LeaseWorld) -> None:
    first = await leading(world)
    first.clock.stopped = world.clock.now()
    second = world.start()
    await world.advance(60)
    assert world.writer is first
    assert not second.writes


async def test_a_longer_lease_of_the_old_release_is_waited_out(world: LeaseWorld) -> None:
    old = world.start(LeaseTiming(duration=60, renew_deadline=40))
    await world.until(lambda: old.writes, 61)
    new = world.start()
    await world.advance(1)
    await old.kill()
    assert await world.until(lambda: new.writes, 70) > 55


async def test_taken_by_hand_means_lost_at_the_next_renewal(world: LeaseWorld, caplog: pytest.LogCaptureFixture) -> None:
    first = await leading(world)
    assert world.server.lease is not None
    world.server._patch(world.server.lease, {"spec": {"holderIdentity": "somebody"}})
    await world.until(first.leadership.lost.is_set, 5)
    assert "it is held by somebody now; this replica writes no more" in caplog.text


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
async def test_a_missing_right_is_named_once_and_used_when_it_is_given(
    world: LeaseWorld, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    if method == "PATCH":
        await (await leading(world)).leadership.release()
    world.server.forbidden = frozenset({method})
    replica = world.start()
    with caplog.at_level(logging.WARNING):
        await world.advance(60)
    (told,) = [record.getMessage() for record in caplog.records]
    assert "needs the verbs get, create, patch on leases (coordination.k8s.io) in namespace operators" in told
    world.server.forbidden = frozenset()
    await world.until(lambda: replica.writes, 25)


async def test_two_that_race_for_a_free_lease(world: LeaseWorld) -> None:
    await (await leading(world)).leadership.release()
    racers = [world.start(), world.start()]
    for racer in racers:
        racer.network = Network.SLOW
    await world.until(lambda: world.writer, 10)
    assert ("PATCH", 409) in world.server.requests or sum(racer.writes for racer in racers) == 1
    await world.advance(30)
    assert world.writer in racers


async def test_that_there_is_none_proves_nothing_however_often_one_looks(world: LeaseWorld) -> None:
    cut_off, first = world.start(), world.start()
    await world.advance(1)
    cut_off.network = Network.DEAD
    await world.until(lambda: first.writes, 20)
    await world.advance(2)
    first.network = Network.DEAD
    world.server.delete()
    cut_off.network = Network.GOOD
    await world.until(lambda: cut_off.writes, 40)
    assert first.leadership.lost.is_set()


async def test_a_lease_that_is_cleared_by_hand_is_taken_back(world: LeaseWorld) -> None:
    first = await leading(world)
    second = world.start()
    await world.advance(2)
    assert world.server.lease is not None
    world.server._patch(world.server.lease, {"spec": {"holderIdentity": None}})
    await world.until(lambda: world.server.holder == first.leadership.identity, 5)
    await world.advance(30)
    assert world.writer is first
    assert not second.writes


ACTIONS = st.one_of(
    st.tuples(st.just("network"), st.integers(0, 2), st.sampled_from(Network)),
    st.tuples(st.just("advance"), st.floats(0.1, 25), st.none()),
    st.tuples(st.sampled_from(["kill", "release"]), st.integers(0, 2), st.none()),
    st.tuples(st.sampled_from(["delete", "annotate", "stand still"]), st.floats(0.1, 20), st.none()),
)


async def happen(world: LeaseWorld, slots: list[Replica], action: str, subject: Any, network: Network | None) -> None:
    match action:
        case "network" if network is not None:
            slots[subject].network = network
        case "advance":
            await world.advance(subject)
        case "kill":
            await slots[subject].kill()
        case "release":
            releasing = asyncio.ensure_future(slots[subject].leadership.release())
            await world.until(releasing.done, 15)
        case "delete":
            world.server.delete()
        case "annotate":
            world.server.annotate(str(subject))
        case _:
            world.clock.jump(subject)


async def play(actions: list[tuple[str, Any, Network | None]]) -> None:
    """Three replicas, each restarted when it ended, and whatever may happen; `LeaseWorld` looks that there are never two."""
    world = LeaseWorld()
    slots = [world.start() for _ in range(3)]
    for action, subject, network in actions:
        await happen(world, slots, action, subject, network)
        await world.clock.settle()
        world.look()
        slots = [world.start() if slot.running.done() else slot for slot in slots]
    await converge(world, slots)


async def converge(world: LeaseWorld, slots: list[Replica]) -> None:
    """Once all is well again, one leads and goes on leading."""
    for slot in slots:
        slot.network = Network.GOOD
    await world.advance(80)
    live = [world.start() if slot.running.done() else slot for slot in slots]
    await world.until(lambda: world.writer, 40)
    writer = world.writer
    await world.advance(30)
    assert world.writer is writer
    assert writer in live or writer in slots
    await world.stop()


@settings(max_examples=25, deadline=None)
@given(st.lists(ACTIONS, max_size=15))
def test_there_are_never_two_whatever_happens(actions: list[tuple[str, Any, Network | None]]) -> None:
    asyncio.run(play(actions))


@pytest.mark.full
@settings(max_examples=1000, deadline=None)
@given(st.lists(ACTIONS, max_size=40))
def test_there_are_never_two_whatever_happens_for_long(actions: list[tuple[str, Any, Network | None]]) -> None:
    asyncio.run(play(actions))
