"""Probes: one real inference each, when they are due and when they are not, and what they leave in the status."""

from __future__ import annotations

import json
from collections import Counter

import httpx

from inference_operator.api.meta import RECONCILE_ANNOTATION
from tests.fake_kubernetes import Verb
from tests.machine.probing import HOUR, PROBE, inferences, probed_world
from tests.machine.world import CANARY, NAMESPACE, World
from tests.standin import Pace

ELSER = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 1},
}


async def test_without_a_probe_there_is_no_inference_and_no_condition() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        key = world.apply("a")
        await world.rest()
        await world.clock.advance(5 * HOUR)
        assert inferences(world) == []
        assert world.condition(key, "Probed") is None
        assert world.status(key).last_probe is None


async def test_a_new_endpoint_is_probed_once_and_told_without_an_event() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        world.forget_requests()
        key = world.apply("a", {"probe": PROBE})
        await world.rest()
        assert inferences(world) == ["/_inference/text_embedding/a"]
        assert (world.condition(key), world.condition(key, "Probed")) == (("True", "Available"),) * 2
        last = world.status(key).last_probe
        assert last is not None
        assert (last.outcome, last.message) == ("Succeeded", "Inference endpoint a answered a text_embedding inference")
        assert world.kubernetes.counts[Verb.APPLY] == 2, "Ready, then Probed"
        assert world.kubernetes.events == []


async def test_it_costs_one_inference_per_interval_and_no_write() -> None:
    async with World() as world:
        await probed_world(world)
        await world.clock.advance(100 * HOUR)
        assert world.writes == (0, 0)
        assert 100 <= len(inferences(world)) <= 111, "each interval is up to a tenth shorter"


async def test_a_request_that_comes_in_the_middle_of_a_pass_is_acted_upon_by_the_next() -> None:
    class Comes(httpx.AsyncBaseTransport):
        """While the round of a resync is read, somebody asks for a reconcile."""

        def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
            self._inner = inner

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == "/_inference/_all" and key is not None:
                world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
            return await self._inner.handle_async_request(request)

    async with World() as world:
        key = None
        world.intercept = Comes
        [key] = await probed_world(world)
        await world.resync()
        assert len(inferences(world)) == 1
        assert world.status(key).last_handled_reconcile_at == "now"


async def test_probes_of_many_endpoints_are_one_each_and_bounded() -> None:
    async with World() as world:
        await probed_world(world, 30)
        world.standin.change_provider(latency=5.0)
        await world.clock.advance(0.9 * HOUR - 1)
        most = 0
        while len(inferences(world)) < 30:
            await world.clock.advance(1)
            most = max(most, sum(entry.status is None for entry in world.standin.log))
        await world.clock.advance(60)
        assert 1 < most <= 4
        assert set(Counter(inferences(world)).values()) == {1}


async def test_a_probe_under_way_does_not_hold_up_an_edit() -> None:
    async with World() as world:
        [key] = await probed_world(world, timeout="1m")
        world.standin.change_provider(latency=40.0)
        world.kubernetes.edit_spec(key, {"probe": PROBE | {"input": "hello"}})
        await world.clock.settle()
        assert len(inferences(world)) == 1
        world.kubernetes.edit_spec(key, {"suspend": True, "probe": PROBE | {"input": "hello"}})
        await world.clock.settle()
        assert world.condition(key, "Suspended") == ("True", "Suspended")


async def test_another_text_is_tried_at_once() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.log.keep_bodies = True
        world.kubernetes.edit_spec(key, {"probe": PROBE | {"input": "hello"}})
        await world.rest()
        [entry] = world.standin.log.matching("POST")
        assert json.loads(entry.body or b"") == {"input": "hello"}


async def test_a_shorter_interval_counts_from_the_edit() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.kubernetes.edit_spec(key, {"probe": PROBE | {"interval": "1m"}})
        await world.clock.advance(61)
        assert len(inferences(world)) == 1


async def test_a_rotation_costs_one_update_and_one_inference_with_the_new_key() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.put_key("rotated")
        await world.rest()
        asked = Counter((entry.method, entry.path) for entry in world.standin.log if entry.method != "GET")
        assert asked == {
            ("PUT", "/_inference/text_embedding/e0/_update"): 1,
            ("POST", "/_inference/text_embedding/e0"): 1,
        }
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert world.condition(key, "Probed") == ("True", "Available")


async def test_a_rotation_during_a_probe_is_probed_once_more_afterwards() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.change_provider(latency=5.0)
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.clock.advance(1)
        assert len(inferences(world)) == 1
        world.put_key("rotated")
        await world.clock.advance(60)
        assert len(inferences(world)) == 2


async def test_the_same_key_under_a_new_version_is_not_probed() -> None:
    async with World() as world:
        await probed_world(world)
        world.kubernetes.put_secret(NAMESPACE, "openai", {"api-key": CANARY, "unrelated": "x"})
        await world.rest()
        assert inferences(world) == []


async def test_asked_to_it_probes_once() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "2026-01-01"})
        await world.rest()
        assert len(inferences(world)) == 1
        assert world.status(key).last_handled_reconcile_at == "2026-01-01"
        world.kubernetes.annotate(key, {"unrelated": "x"})
        await world.rest()
        assert len(inferences(world)) == 1


async def test_a_restart_spreads_the_probes_and_writes_nothing() -> None:
    async with World() as world:
        keys = await probed_world(world, 40)
        await world.restart()
        await world.clock.advance(60)
        assert inferences(world) == []
        await world.clock.advance(0.75 * HOUR)
        assert Counter(Counter(inferences(world)).values()) == {1: 40}
        assert world.writes == (0, 0)
        assert {world.condition(key, "Probed") for key in keys} == {("True", "Available")}


async def test_a_deleted_object_is_not_probed_any_more() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.change_provider(latency=20.0)
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.clock.advance(1)
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        await world.clock.advance(5 * HOUR)
        assert len(inferences(world)) == 1


async def test_a_suspended_object_is_not_probed_and_keeps_its_last_outcome() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.kubernetes.edit_spec(key, {"suspend": True})
        await world.clock.advance(5 * HOUR)
        assert inferences(world) == []
        assert world.condition(key, "Probed") == ("True", "Available")
        world.kubernetes.edit_spec(key, {"suspend": False})
        await world.clock.advance(HOUR)
        assert len(inferences(world)) == 1


async def test_switched_off_it_leaves_nothing_in_the_status() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.kubernetes.edit_spec(key, {"probe": {"enabled": False}})
        await world.clock.advance(5 * HOUR)
        assert inferences(world) == []
        assert world.condition(key, "Probed") is None
        assert world.status(key).last_probe is None


async def test_what_can_t_be_reached_is_probed_when_it_is_back() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.reachable = False
        await world.resync()
        assert world.condition(key) == ("Unknown", "Unreachable")
        await world.clock.advance(3 * HOUR)
        assert inferences(world) == []
        world.standin.reachable = True
        await world.clock.advance(600)
        assert len(inferences(world)) == 1
        assert world.condition(key, "Probed") == ("True", "Available")


async def test_an_endpoint_of_somebody_else_is_not_probed() -> None:
    async with World() as world:
        world.put_key()
        body = {"service": "openai", "service_settings": {"model_id": "text-embedding-3-large", "api_key": "k"}}
        assert (await world.ask("PUT", "/_inference/text_embedding/a", body)).status_code == 200
        await world.start()
        key = world.apply("a", {"probe": PROBE, "adoptionPolicy": "Never"})
        await world.clock.advance(3 * HOUR)
        assert world.condition(key) == ("False", "AlreadyExists")
        assert inferences(world) == []


async def test_a_model_in_the_cluster_is_probed_once_it_serves() -> None:
    async with World(pace=Pace(deployment=120.0)) as world:
        await world.start()
        key = world.apply("m", ELSER | {"probe": PROBE})
        await world.clock.advance(60)
        assert world.condition(key) == ("False", "ModelDeploying")
        assert inferences(world) == []
        await world.clock.advance(600)
        assert world.condition(key, "Probed") == ("True", "Available")
        assert inferences(world) == ["/_inference/sparse_embedding/m"]


async def test_a_model_that_sleeps_is_not_woken() -> None:
    adaptive = {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 2}
    settings = {"model_id": ".elser_model_2", "num_threads": 1, "adaptive_allocations": adaptive}
    async with World(pace=Pace(idle=900.0)) as world:
        await world.start()
        key = world.apply("m", ELSER | {"serviceSettings": settings, "probe": PROBE})
        await world.clock.advance(HOUR)
        assert len(inferences(world)) == 1
        await world.clock.advance(5 * HOUR)
        assert len(inferences(world)) == 1
        deployment = world.status(key).deployment
        assert deployment is not None
        assert deployment.target_allocation_count == 0


async def test_a_model_that_nobody_uses_is_not_deployed_by_a_probe() -> None:
    async with World() as world:
        await world.start()
        spec = {"inferenceId": ".elser-2-elasticsearch", "managementPolicy": "Observe", "probe": PROBE}
        world.apply("m", ELSER | spec)
        await world.clock.advance(3 * HOUR)
        assert inferences(world) == []


async def test_a_probe_under_way_does_not_outlive_the_operator() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.change_provider(latency=20.0)
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.clock.advance(1)
        await world.kill()
        await world.clock.advance(5 * HOUR)
        assert len(inferences(world)) == 1
