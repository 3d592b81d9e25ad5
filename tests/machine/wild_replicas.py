"""The wild world with two replicas: what may happen to each of them, and the laws of who writes."""

from __future__ import annotations

from dataclasses import dataclass

from tests.machine.replicas import Network, Replica, ReplicatedWorld
from tests.machine.tripwire import Fate
from tests.machine.wild import Wild

_A_WHILE = 40.0  # seconds: a container that ended is not started again at once


@dataclass
class WildReplicas(Wild):
    """`number` is 0 or 1, as everywhere here."""

    @property
    def pair(self) -> ReplicatedWorld:
        """The world, which must be one of replicas."""
        assert isinstance(self.world, ReplicatedWorld)
        return self.world

    def replica(self, number: int) -> Replica:
        return self.pair.replicas[number]

    async def kill_leader(self) -> None:
        """Its kubelet starts another process once time passes."""
        if self.pair.leader is not None:
            await self.pair.leader.process.kill()

    def shut_down_leader(self) -> None:
        if self.pair.leader is not None and not self.pair.leader.process.stands_still:
            self.pair.leader.process.shut_down()

    def stop_still(self, number: int, after: int) -> None:
        process = self.replica(number).process
        if not process.has_ended:
            process.stop_still(after)

    def go_on(self, number: int, *, timers_first: bool) -> None:
        self.replica(number).process.go_on(timers_first=timers_first)

    def cut_off(self, number: int, network: Network, *, reachable: bool) -> None:
        self.replica(number).cut_off(network, reachable=reachable)

    def lose_events(self, number: int) -> None:
        self.replica(number).process.lose_events()

    def strike_one(self, number: int, at: int, fate: Fate) -> None:
        self.replica(number).process.wire.arm(at, fate)

    async def restart(self) -> None:
        await self.pair.restart()

    async def heal(self) -> None:
        for number, replica in enumerate(self.pair.replicas):
            for network in Network:
                self.cut_off(number, network, reachable=True)
            replica.process.wire.disarm()
            self.go_on(number, timers_first=False)
        await self.pair.revive()
        await self.pass_time(2 * _A_WHILE)  # who lost the Lease meanwhile ends and is started again
        await self.pair.elected()
        await super().heal()

    async def pass_time(self, seconds: float) -> None:
        while seconds > 0:
            step = min(seconds, _A_WHILE)
            await self.pair.clock.advance(step)
            await self.pair.revive()
            seconds -= step
        await self.pair.clock.settle()

    def assert_laws(self) -> None:
        super().assert_laws()
        assert not self.pair.unlawful, f"written without the Lease: {self.pair.unlawful}"
        self.pair.note_writers()
        for network, turns in self.pair.turns.items():
            assert len(turns) == len(set(turns)), f"two wrote to {network} at once: {turns}"
        leading = [one.process.name for one in self.pair.replicas if one.process.leads]
        assert len(leading) <= 1, f"{leading} may write at once"
