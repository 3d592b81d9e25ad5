"""How the operator treats the API server: patient with conflicts and refusals, and not upset by a clock that jumps."""

from __future__ import annotations

from collections import Counter

import pytest

from inference_operator.elasticsearch.limits import Limits
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import Moment, Request, Verb
from tests.machine.test_politeness import AVAILABLE, converge, measured, with_ready
from tests.machine.world import World

OURS = (Verb.PATCH, Verb.APPLY)
DAY = 86_400.0


class Rival:
    """Another controller that changes an object right before each of our writes to it, so many times."""

    def __init__(self, world: World, keys: list[ObjectKey], times: int) -> None:
        self._world = world
        self._left = {str(key): (key, times) for key in keys}
        self.met: Counter[str] = Counter()

    def __call__(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        key, left = self._left.get(request.target, (None, 0))
        if request.verb in OURS and moment is Moment.BEFORE and key is not None and left:
            self._left[request.target] = (key, left - 1)
            self.met[request.target] += 1
            self._world.kubernetes.annotate(key, {"example.com/touched": str(left)})
        return None


async def test_a_conflict_on_every_write_is_outlived() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [world.apply(f"endpoint-{number}") for number in range(10)]
        world.kubernetes.interceptor = rival = Rival(world, keys, times=8)
        await converge(world, keys)
        assert set(rival.met.values()) == {8}
        assert len([entry for entry in world.standin.log.writes if entry.status == 200]) == len(keys), "no double create"


async def test_a_rival_that_never_ends_is_met_at_a_decent_pace() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        key = world.apply("endpoint")
        world.kubernetes.interceptor = rival = Rival(world, [key], times=10_000)
        await world.clock.advance(3600.0)
        assert rival.met[str(key)] <= 3600
        world.kubernetes.interceptor = None
        await converge(world, [key])


@pytest.mark.parametrize("retry_after", [None, 90.0])
async def test_an_api_server_that_refuses_writes_is_left_in_peace_as_long_as_it_asks(retry_after: float | None) -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        refusal = KubernetesFailure("patch", "slow down", status=429, retryable=True, retry_after=retry_after)
        world.kubernetes.interceptor = lambda request, _: refusal if request.verb in OURS else None
        keys = [world.apply(f"endpoint-{number}") for number in range(10)]
        await world.clock.advance(1800.0)
        tries = sum(request.verb in OURS for request in world.kubernetes.requests)
        assert tries <= len(keys) * 22, "by backoff, and as asked"
        world.kubernetes.interceptor = None
        await converge(world, keys)


async def test_a_clock_that_jumps_a_day_causes_no_storm() -> None:
    """As after a suspended machine: everything that was due meanwhile is due at once."""
    world, traffic = measured(Limits(requests_per_second=20.0, burst=30))
    async with world:
        keys = await with_ready(world, 60)
        world.forget_requests()
        world.clock.jump(DAY)
        await world.clock.settle()
        await world.rest()
        assert world.writes == (0, 0)
        assert traffic.excess(20.0, 30) == 0
        world.put_key("rotated")
        await world.rest()
        assert {world.condition(key) for key in keys} == {AVAILABLE}
        assert len(world.standin.log.writes) == len(keys)
