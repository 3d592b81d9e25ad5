"""Pipelines between the steps of a pass: who writes at the same time, who is woken by whom, and what a namespace takes along."""

from __future__ import annotations

import json
import logging
from typing import Any

import httpx
import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.shell.ports import ObjectKey
from tests.machine.world import CANARY, NAMESPACE, World, openai
from tests.standin import StandInTransport
from tests.standin.faults import Answer, Fault

READY = ("True", "Available")
BODY = "/_ingest/pipeline/a"


def asking(*model_ids: str) -> dict[str, Any]:
    fields = {"input_output": [{"input_field": "text", "output_field": "vector"}]}
    return {"processors": [{"inference": {"model_id": name, **fields}} for name in model_ids]}


def calling(*names: str) -> dict[str, Any]:
    return {"processors": [{"pipeline": {"name": name}} for name in names]}


def pipelines(world: World) -> set[str]:
    return set(world.standin.state.pipelines)


def endpoints(world: World) -> set[str]:
    return {name for name in world.standin.endpoints if not name.startswith(".")}


def description(world: World) -> str | None:
    return world.standin.state.pipelines["a"].body.get("description")


async def made(world: World, **spec: Any) -> ObjectKey:
    await world.start()
    key = world.apply_pipeline("a", spec)
    await world.rest()
    assert world.condition(key) == READY, world.message(key)
    return key


# --- others write at the same time ------------------------------------------------------------------------------------


class Intruder(httpx.AsyncBaseTransport):
    """Somebody who writes a pipeline once `lurking`, right before or right after the operator does."""

    def __init__(self, world: World, *, after: bool) -> None:
        self._world = world
        self._after = after
        self.lurking = False
        world.intercept = lambda _: self

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        transport = StandInTransport(self._world.standin)
        is_write = request.method == "PUT" and request.url.path == BODY and self.lurking
        if is_write and not self._after:
            await self._write()
        response = await transport.handle_async_request(request)
        if is_write and self._after:
            await self._write()
        return response

    async def _write(self) -> None:
        self.lurking = False
        assert (await self._world.ask("PUT", BODY, {"processors": [], "description": "theirs"})).status_code == 200


async def test_who_writes_between_the_look_and_the_write_is_overwritten() -> None:
    async with World() as world:
        intruder = Intruder(world, after=False)
        key = await made(world, description="ours")
        intruder.lurking = True
        world.kubernetes.edit_spec(key, {"description": "edited"})
        await world.rest()
        assert not intruder.lurking
        assert description(world) == "edited"
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)
        assert world.condition(key) == READY


async def test_who_writes_right_after_the_write_is_seen_by_the_look_that_confirms_it() -> None:
    async with World() as world:
        intruder = Intruder(world, after=True)
        key = await made(world, description="ours")
        intruder.lurking = True
        world.kubernetes.edit_spec(key, {"description": "edited"})
        await world.clock.settle()
        assert not intruder.lurking
        assert world.condition(key) == ("False", "Updating")
        assert description(world) == "theirs", "no race: one write, and the next attempt comes later"
        await world.rest()
        assert world.condition(key) == READY
        assert description(world) == "edited"
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)


# --- waking -----------------------------------------------------------------------------------------------------------


async def test_what_waits_is_woken_by_what_it_waits_for_without_any_time_passing() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        callers = [world.apply_pipeline(f"caller-{number}", calling("a")) for number in range(3)]
        key = world.apply_pipeline("a", asking("e"))
        await world.clock.settle()
        assert {world.condition(each) for each in (key, *callers)} == {("False", "WaitingForReference")}
        world.apply("e")
        await world.clock.settle()
        assert {world.condition(each) for each in (key, *callers)} == {READY}


async def test_a_namespace_goes_with_endpoints_and_pipelines_in_the_right_order_without_any_time_passing() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [world.apply("e"), world.apply_pipeline("a", asking("e")), world.apply_pipeline("b", calling("a"))]
        await world.rest()
        assert {world.condition(key) for key in keys} == {READY}
        world.kubernetes.terminate_namespace(NAMESPACE)
        await world.clock.settle()
        assert [key for key in keys if not world.is_gone(key)] == []
        assert (endpoints(world), pipelines(world)) == (set(), set())


async def test_a_namespace_goes_although_its_connection_goes_first() -> None:
    async with World() as world:
        world.put_key()
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": "http://standin:9200"})
        await world.start()
        there = {"elasticsearchRef": {"secretName": "es"}}
        keys = [world.apply("e", there), world.apply_pipeline("a", asking("e") | there)]
        await world.rest()
        assert {world.condition(key) for key in keys} == {READY}
        world.kubernetes.terminate_namespace(NAMESPACE)
        await world.clock.settle()
        assert [key for key in keys if not world.is_gone(key)] == []
        assert (endpoints(world), pipelines(world)) == (set(), set())


async def test_an_endpoint_whose_pipeline_stops_naming_it_goes_at_once() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        endpoint, pipeline = world.apply("e"), world.apply_pipeline("a", asking("e"))
        await world.rest()
        world.kubernetes.delete(endpoint)
        await world.clock.settle()
        assert world.condition(endpoint, "DeletionBlocked") == ("True", "InUse")
        world.kubernetes.edit_spec(pipeline, {"processors": [{"drop": {}}]})
        await world.clock.settle()
        assert world.is_gone(endpoint)
        assert world.condition(pipeline) == READY


# --- restored objects -------------------------------------------------------------------------------------------------


async def restore(world: World, key: ObjectKey, *, adoption: str) -> None:
    """The object comes back from a backup: its annotations of then, a uid of now. Elasticsearch was not touched."""
    body = world.kubernetes.store.get(key)
    assert body is not None
    await world.kill()
    world.kubernetes.set_finalizers(key, ())
    world.kubernetes.delete(key)
    world.kubernetes.create(
        {
            "apiVersion": body["apiVersion"],
            "kind": body["kind"],
            "metadata": {name: body["metadata"][name] for name in ("name", "namespace", "annotations", "finalizers")},
            "spec": body["spec"] | {"adoptionPolicy": adoption},
        }
    )
    await world.start()
    await world.rest()


async def restored(adoption: str) -> tuple[tuple[str, str] | None, bool]:
    """How a restored object fares, and whether the pipeline carries its mark."""
    async with World() as world:
        key = await made(world, description="ours")
        await restore(world, key, adoption=adoption)
        body = world.kubernetes.store.get(key)
        assert body is not None
        is_marked = world.standin.state.pipelines["a"].body["_meta"][OWNER_KEY]["uid"] == body["metadata"]["uid"]
        truth = world.condition(key)
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert pipelines(world) == (set() if is_marked else {"a"}), "what is not its own stays"
        return truth, is_marked


async def test_an_object_restored_with_a_new_uid_takes_up_its_pipeline_as_its_policy_says() -> None:
    assert await restored("IfIdentical") == (READY, True)
    assert await restored("Always") == (READY, True)
    assert await restored("Never") == (("False", "AlreadyExists"), False)


# --- secrecy ----------------------------------------------------------------------------------------------------------


async def test_nothing_that_is_written_or_logged_about_a_pipeline_holds_the_secret_of_its_endpoint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Elasticsearch echoes the key, since the setting is misspelt, and the pipeline says what it waits for."""
    caplog.set_level(logging.DEBUG)
    misspelt = openai(api_kee={"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}})
    async with World() as world:
        world.put_key()
        await world.start()
        endpoint = world.apply("e", misspelt)
        key = world.apply_pipeline("a", asking("e"))
        await world.rest()
        assert world.condition(endpoint) == ("False", "ValidationFailed"), "the server echoes what it does not know"
        assert world.condition(key) == ("False", "WaitingForReference")
        world.kubernetes.edit_spec(endpoint, {"serviceSettings": openai()["serviceSettings"]})
        await world.rest()
        assert world.condition(key) == READY
        world.kubernetes.delete(endpoint)
        await world.rest()
        assert world.condition(endpoint, "DeletionBlocked") == ("True", "InUse")
        assert world.kubernetes.events, "the search had something to search"
        written = [world.kubernetes.store.get(each) for each in (endpoint, key)]
        assert CANARY not in str([written, world.kubernetes.events, world.standin.state.pipelines])
        assert CANARY not in caplog.text


async def test_a_test_of_a_pipeline_does_not_repeat_a_key_that_the_provider_repeats() -> None:
    refusal = f"Received an error for request from inference entity id [e]. Error message: [Incorrect API key: {CANARY}]"
    answer = json.dumps({"docs": [{"error": {"root_cause": [], "type": "status_exception", "reason": refusal}}]})
    headers = (("X-Elastic-Product", "Elasticsearch"), ("Content-Type", "application/json"))
    trial = {"name": "t", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"vector": [1]}}]}
    async with World() as world:
        world.put_key()
        await world.start()
        world.apply("e")
        await world.rest()
        world.standin.faults.add(Fault(path="*_simulate", answer=Answer(200, answer, headers)))
        key = world.apply_pipeline("a", asking("e") | {"tests": [trial]})
        await world.rest()
        assert world.condition(key) == ("False", "TestsFailed")
        assert "inference entity id [e]" in world.message(key)
        assert "hidden" in world.message(key)
        assert CANARY not in str([world.kubernetes.store.get(key), world.kubernetes.events])
