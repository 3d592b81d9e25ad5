"""The state machine with two replicas that compete for a Lease, and what happens to replicas. Two never write at once."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule

from tests.machine.replicas import Network, ReplicatedWorld
from tests.machine.test_state_machine import Machine, run
from tests.machine.tripwire import Fate
from tests.machine.wild_replicas import WildReplicas

WHICH = st.integers(0, 1)
NETWORKS = st.sampled_from(Network)
AT_WORK = 7
"""Requests after which a replica that creates an endpoint has looked, and is about to write."""


class TwoReplicas(Machine):
    """Everything that happens to one operator, and more."""

    wild: WildReplicas

    async def _begin(self) -> WildReplicas:
        found = WildReplicas(world=ReplicatedWorld())
        await found.begin()
        return found

    @rule()
    def the_leader_is_killed(self) -> None:
        self.does(self.wild.kill_leader())

    @rule()
    def the_leader_is_shut_down(self) -> None:
        self.does(self.wild.shut_down_leader)

    @rule(number=WHICH, after=st.integers(0, 8))
    def a_replica_stands_still(self, number: int, after: int) -> None:
        self.does(lambda: self.wild.stop_still(number, after))

    @rule(number=WHICH, timers_first=st.booleans())
    def a_replica_goes_on(self, number: int, timers_first: bool) -> None:
        self.does(lambda: self.wild.go_on(number, timers_first=timers_first))

    @rule(number=WHICH, network=NETWORKS, reachable=st.booleans())
    def a_network_of_a_replica_is_cut_or_healed(self, number: int, network: Network, reachable: bool) -> None:
        self.does(lambda: self.wild.cut_off(number, network, reachable=reachable))

    @rule(number=WHICH)
    def a_watch_of_a_replica_begins_anew(self, number: int) -> None:
        self.does(lambda: self.wild.lose_events(number))

    @rule(number=WHICH, at=st.integers(1, 12), fate=st.sampled_from(Fate))
    def the_next_requests_of_a_replica_are_not_safe(self, number: int, at: int, fate: Fate) -> None:
        self.does(lambda: self.wild.strike_one(number, at, fate))

    @rule()
    def the_lease_is_deleted(self) -> None:
        self.does(self.wild.pair.leases.delete)

    @rule(seconds=st.sampled_from([40.0, 90.0, 140.0]))
    def a_lease_runs_out(self, seconds: float) -> None:
        self.does(self.wild.pass_time(seconds))


def test_some_steps() -> None:
    run(TwoReplicas, examples=3, steps=15)


@pytest.mark.full
@pytest.mark.timeout(3600)
def test_five_thousand_steps() -> None:
    run(TwoReplicas, examples=125, steps=40)


# --- the machine itself -----------------------------------------------------------------------------------------------


async def stands_still_at_work(world: ReplicatedWorld) -> WildReplicas:
    """The leader is stopped after the first look at what it is to create, the other one takes over, and then it goes on."""
    wild = WildReplicas(world=world)
    await wild.begin()
    leader = world.leader
    assert leader is not None
    number = world.replicas.index(leader)
    wild.stop_still(number, after=AT_WORK)
    wild.apply_endpoint("one", "a", {})
    await world.clock.settle()
    assert leader.process.stands_still
    await world.clock.advance(260)
    wild.assert_laws()
    wild.go_on(number, timers_first=False)
    wild.apply_endpoint("two", "b", {})
    await world.clock.settle()
    return wild


async def test_a_leader_that_stood_still_past_its_lease_writes_nothing_any_more() -> None:
    async with ReplicatedWorld() as world:
        wild = await stands_still_at_work(world)
        wild.assert_laws()
        await wild.heal()
        await wild.assert_rest()
        assert len(world.turns[Network.ELASTICSEARCH]) == 1
        assert world.standin.endpoints.keys() >= {"a", "b"}


async def test_what_is_deleted_while_a_replica_hears_nothing_is_not_made_anew_by_it() -> None:
    async with ReplicatedWorld() as world:
        wild = WildReplicas(world=world)
        await wild.begin()
        wild.apply_endpoint("one", "a", {})
        await world.clock.advance(1)
        assert world.leader is not None
        standby = 1 - world.replicas.index(world.leader)
        wild.cut_off(standby, Network.KUBERNETES, reachable=False)
        wild.delete(next(iter(wild.keys)))
        await world.clock.advance(1)
        assert "a" not in world.standin.endpoints
        wild.lose_events(standby)
        wild.cut_off(standby, Network.KUBERNETES, reachable=True)
        await wild.kill_leader()
        await world.elected()
        assert world.leader is world.replicas[standby]
        assert "a" not in world.standin.endpoints


async def test_without_the_fence_the_laws_are_broken() -> None:
    async with ReplicatedWorld(fenced=False) as world:
        wild = await stands_still_at_work(world)
        with pytest.raises(AssertionError, match="written without the Lease"):
            wild.assert_laws()
        world.unlawful.clear()
        with pytest.raises(AssertionError, match="two wrote to"):
            wild.assert_laws()


async def test_without_the_election_the_laws_are_broken() -> None:
    async with ReplicatedWorld(elects=False, fenced=False) as world:
        wild = WildReplicas(world=world)
        await wild.begin()
        wild.apply_endpoint("one", "a", {})
        await world.clock.settle()
        with pytest.raises(AssertionError, match="written without the Lease"):
            wild.assert_laws()
