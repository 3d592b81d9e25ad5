"""Probes that fail: told once, beside `Ready`, and without a word that could be a secret."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference_operator.api.meta import RECONCILE_ANNOTATION
from tests.fake_kubernetes import Verb
from tests.machine.probing import HOUR, PROBE, inferences, probed_world
from tests.machine.world import CANARY, NAMESPACE, World, openai
from tests.standin import Answer, Fault


def echo(secret: str, status: int = 401, **rule: Any) -> Fault:
    """A provider that quotes a key in its refusal."""
    reason = f"Received an error for request from inference entity id [e0] status [{status}]. Error message: [bad key {secret}]"
    body = {"error": {"type": "status_exception", "reason": reason, "root_cause": []}, "status": status}
    headers = (("X-elastic-product", "Elasticsearch"), ("Content-Type", "application/json"))
    return Fault(method="POST", path="/_inference/*", answer=Answer(status, json.dumps(body), headers), **rule)


async def test_a_failing_probe_is_told_once_and_leaves_ready_as_it_is() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.refuse_key(CANARY)
        await world.clock.advance(10 * HOUR)
        assert (world.condition(key), world.condition(key, "Probed")) == (("True", "Available"), ("False", "ProbeFailed"))
        assert "HTTP 401" in world.message(key, "Probed")
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert [(event.type, event.reason) for event in world.kubernetes.events] == [("Warning", "ProbeFailed")]
        world.forget_requests()
        world.standin.accept_key(CANARY)
        await world.clock.advance(HOUR)
        assert world.condition(key, "Probed") == ("True", "Available")
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert [(event.type, event.reason) for event in world.kubernetes.events][1:] == [("Normal", "Available")]


async def test_the_id_of_a_failed_request_is_no_news() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        for number in range(3):
            world.standin.faults.add(echo(f"request req-{number}af", times=1))
        world.standin.faults.add(echo("request req-9", status=500))
        await world.clock.advance(2.9 * HOUR)
        assert world.kubernetes.counts[Verb.APPLY] == 1
        assert len(inferences(world)) == 3
        await world.clock.advance(3 * HOUR)
        assert world.kubernetes.counts[Verb.APPLY] == 2, "another status is news"
        assert "HTTP 500" in world.message(key, "Probed")


async def test_a_key_that_the_provider_quotes_is_cut_out() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.faults.add(echo(CANARY))
        await world.clock.advance(HOUR)
        assert "bad key <secret>" in world.message(key, "Probed")
        assert CANARY not in str(world.kubernetes.store.get(key))
        assert CANARY not in str(world.kubernetes.events)


async def test_a_key_that_was_replaced_while_the_provider_refused_it_is_not_shown_either() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.standin.faults.add(echo(CANARY, delay=5.0, times=1))
        world.standin.faults.add(echo("of tomorrow"))
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.clock.advance(1)
        world.put_key("of tomorrow")
        messages = []
        world.kubernetes.subscribe(lambda _, body: messages.append(str(body.get("status"))))
        await world.clock.advance(60)
        assert len(inferences(world)) == 2
        assert not any(CANARY in message for message in messages)
        assert any("may quote a secret" in message for message in messages)
        assert "bad key <secret>" in world.message(key, "Probed")


async def test_without_its_secret_an_endpoint_is_not_probed() -> None:
    async with World() as world:
        [key] = await probed_world(world)
        world.kubernetes.delete_secret(NAMESPACE, "openai")
        await world.clock.advance(3 * HOUR)
        assert world.condition(key) == ("False", "SecretNotFound")
        assert inferences(world) == []


async def test_an_endpoint_of_others_may_hold_keys_of_others() -> None:
    async with World() as world:
        world.put_key("of the spec")
        body = {"service": "openai", "service_settings": {"model_id": "text-embedding-3-small", "api_key": CANARY}}
        assert (await world.ask("PUT", "/_inference/text_embedding/a", body)).status_code == 200
        await world.start()
        world.forget_requests()
        world.standin.faults.add(echo(CANARY))
        key = world.apply("a", {"managementPolicy": "Observe", "probe": PROBE})
        await world.rest()
        assert world.condition(key, "Probed") == ("False", "ProbeFailed")
        assert "HTTP 401 status_exception" in world.message(key, "Probed")
        assert CANARY not in str(world.kubernetes.store.get(key))
        assert world.standin.log.writes == []


@pytest.mark.parametrize("task", ["completion", "chat_completion"])
async def test_a_stream_that_breaks_off_is_a_failure(task: str) -> None:
    settings = {"taskType": task, "serviceSettings": openai(model_id="gpt-4o")["serviceSettings"]}
    async with World() as world:
        [key] = await probed_world(world, **settings)
        world.standin.faults.add(Fault(method="POST", path="*/_stream", lose="half", times=1))
        await world.clock.advance(HOUR)
        assert inferences(world) == [f"/_inference/{task}/e0/_stream"]
        assert world.condition(key, "Probed") == ("False", "ProbeFailed")
        assert world.condition(key) == ("True", "Available")
        await world.clock.advance(HOUR)
        assert world.condition(key, "Probed") == ("True", "Available")


async def test_a_slow_model_is_told_with_its_timeout() -> None:
    async with World() as world:
        [key] = await probed_world(world, timeout="5s")
        world.standin.change_provider(latency=60.0)
        await world.clock.advance(HOUR + 60)
        assert world.condition(key, "Probed") == ("False", "ProbeFailed")
        assert "spec.timeout (5 s)" in world.message(key, "Probed")
        assert [dict(entry.query) for entry in world.standin.log.matching("POST")] == [{"timeout": "5s"}]
