"""The life of an endpoint: policies, deletion, models, drift, events, secrecy."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import pytest

from inference_operator.api.meta import FINALIZER
from inference_operator.shell.ports import ObjectKey
from tests.fake_kubernetes import Moment
from tests.fake_kubernetes_requests import Request
from tests.machine.world import CANARY, NAMESPACE, World, openai
from tests.standin import Pace

ELSER = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 3},
}


async def made(world: World, spec: Mapping[str, object] | None = None) -> ObjectKey:
    world.put_key()
    await world.start()
    key = world.apply("a", spec)
    await world.rest()
    return key


async def use_in_pipeline(world: World) -> None:
    pipeline = {"processors": [{"inference": {"model_id": "a", "input_output": {"input_field": "x", "output_field": "y"}}}]}
    assert (await world.ask("PUT", "/_ingest/pipeline/p1", pipeline)).status_code == 200


async def use_in_index(world: World) -> None:
    mapping = {"mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": "a"}}}}
    assert (await world.ask("PUT", "/i1", mapping)).status_code == 200


async def test_a_deletion_is_blocked_while_used_says_by_whom_and_goes_on_by_itself() -> None:
    async with World() as world:
        key = await made(world)
        await use_in_pipeline(world)
        await use_in_index(world)
        world.kubernetes.delete(key)
        await world.rest()
        assert world.condition(key, "DeletionBlocked") == ("True", "InUse")
        assert "p1" in world.message(key, "DeletionBlocked")
        assert "i1" in world.message(key, "DeletionBlocked")
        used = world.found(key).status.used_by
        assert used is not None
        assert (used.pipelines, used.indices, used.total) == (("p1",), ("i1",), 2)
        assert "a" in world.standin.endpoints
        await world.ask("DELETE", "/_ingest/pipeline/p1")
        await world.ask("DELETE", "/i1")
        await world.clock.advance(600)
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


async def test_a_blocked_deletion_goes_through_when_forced() -> None:
    async with World() as world:
        key = await made(world)
        await use_in_pipeline(world)
        world.kubernetes.delete(key)
        await world.rest()
        world.kubernetes.edit_spec(key, {"forceDelete": True})
        await world.rest()
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


async def test_retain_keeps_the_endpoint_and_needs_no_finalizer() -> None:
    async with World() as world:
        key = await made(world, {"deletionPolicy": "Retain"})
        assert FINALIZER not in world.found(key).metadata.finalizers
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert "a" in world.standin.endpoints


async def test_the_finalizer_follows_an_edited_policy() -> None:
    async with World() as world:
        key = await made(world)
        assert FINALIZER in world.found(key).metadata.finalizers
        world.kubernetes.edit_spec(key, {"deletionPolicy": "Retain"})
        await world.rest()
        assert FINALIZER not in world.found(key).metadata.finalizers
        world.kubernetes.edit_spec(key, {"deletionPolicy": "Delete"})
        await world.rest()
        assert FINALIZER in world.found(key).metadata.finalizers


async def test_a_blocked_object_is_let_go_by_retain() -> None:
    async with World() as world:
        key = await made(world)
        await use_in_pipeline(world)
        world.kubernetes.delete(key)
        await world.rest()
        world.kubernetes.edit_spec(key, {"deletionPolicy": "Retain"})
        await world.rest()
        assert world.is_gone(key)
        assert "a" in world.standin.endpoints


async def test_a_deletion_works_after_the_connection_secret_went() -> None:
    async with World() as world:
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": "http://standin:9200"})
        key = await made(world, {"elasticsearchRef": {"secretName": "es"}})
        world.kubernetes.delete_secret(NAMESPACE, "es")
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)
        assert "a" not in world.standin.endpoints


async def test_a_deletion_waits_and_names_the_way_out_where_no_client_is_known() -> None:
    async with World() as world:
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": "http://standin:9200"})
        key = await made(world, {"elasticsearchRef": {"secretName": "es"}})
        await world.kill()
        world.kubernetes.delete_secret(NAMESPACE, "es")
        world.kubernetes.delete(key)
        await world.start()
        await world.rest()
        assert world.condition(key) == ("False", "ConnectionNotFound")
        assert "deletionPolicy" in world.message(key)
        world.kubernetes.edit_spec(key, {"deletionPolicy": "Retain"})
        await world.rest()
        assert world.is_gone(key)


async def test_a_namespace_that_goes_is_not_held_up_by_a_lost_connection() -> None:
    async with World() as world:
        world.kubernetes.put_secret(NAMESPACE, "es", {"url": "http://standin:9200"})
        key = await made(world, {"elasticsearchRef": {"secretName": "es"}})
        await world.kill()
        world.kubernetes.terminate_namespace(NAMESPACE)
        await world.start()
        await world.rest()
        assert world.is_gone(key)


async def test_a_setting_that_changes_in_place_is_updated() -> None:
    async with World() as world:
        key = await made(world)
        world.kubernetes.edit_spec(key, {"serviceSettings": openai(rate_limit={"requests_per_minute": 7})["serviceSettings"]})
        await world.rest()
        assert world.condition(key) == ("True", "Available")
        assert world.standin.endpoints["a"].service_settings["rate_limit"] == {"requests_per_minute": 7}


@pytest.mark.parametrize("version", ["8.17.0", "8.19.0", "9.2.0", "9.5.0"])
async def test_a_setting_that_cannot_change_is_refused_by_its_path_and_the_old_endpoint_serves(version: str) -> None:
    async with World(version=version) as world:
        key = await made(world)
        world.kubernetes.edit_spec(key, {"serviceSettings": openai(model_id="text-embedding-3-large")["serviceSettings"]})
        await world.rest()
        assert world.condition(key) == ("False", "ReplaceRequired")
        assert "spec.serviceSettings.model_id" in world.message(key)
        assert [entry.path for entry in world.found(key).status.drift] == ["serviceSettings.model_id"]
        assert world.standin.endpoints["a"].service_settings["model_id"] == "text-embedding-3-small"
        world.forget_requests()
        await world.resync(2)
        assert world.writes == (0, 0)
        world.kubernetes.edit_spec(key, {"serviceSettings": openai()["serviceSettings"]})
        await world.rest()
        assert world.condition(key) == ("True", "Available")


async def test_a_key_rotates_although_another_change_waits_for_a_replacement() -> None:
    async with World() as world:
        key = await made(world)
        world.kubernetes.edit_spec(key, {"serviceSettings": openai(model_id="text-embedding-3-large")["serviceSettings"]})
        await world.rest()
        world.put_key("rotated")
        await world.rest()
        assert world.standin.endpoints["a"].secrets == {"api_key": "rotated"}
        assert world.condition(key) == ("False", "ReplaceRequired")


async def test_an_in_cluster_model_is_ready_only_when_all_allocations_are() -> None:
    async with World(pace=Pace(deployment=60.0)) as world:
        world.put_key()
        await world.start()
        key = world.apply("a", ELSER)
        await world.clock.advance(25)
        seen = set()
        for _ in range(60):
            await world.clock.advance(2)
            deployment = world.found(key).status.deployment
            if deployment is not None and deployment.allocation_count is not None:
                seen.add((world.condition(key), deployment.allocation_count))
        counts = sorted(count for _, count in seen)
        assert counts[-1] == 3
        assert len(set(counts)) > 1, "the rise was seen"
        assert {state for state, count in seen if count < 3} == {("False", "ModelDeploying")}
        assert world.condition(key) == ("True", "Available")
        assert world.condition(key, "ModelReady") == ("True", "Available")


async def test_a_deployment_that_fails_is_told_with_its_reason() -> None:
    async with World() as world:
        key = await made(world, ELSER)
        assert world.condition(key) == ("True", "Available")
        world.standin.fail_deployment("a", "node left the cluster")
        await world.resync()
        assert world.condition(key) == ("False", "ModelFailed")
        assert "node left the cluster" in world.message(key)
        world.standin.fail_deployment("a", None)
        await world.resync()
        await world.rest()
        assert world.condition(key) == ("True", "Available")


async def test_a_suspended_object_is_left_alone_and_still_deleted() -> None:
    async with World() as world:
        key = await made(world)
        world.kubernetes.edit_spec(
            key, {"suspend": True, "serviceSettings": openai(rate_limit={"requests_per_minute": 7})["serviceSettings"]}
        )
        await world.rest()
        assert world.condition(key, "Suspended") == ("True", "Suspended")
        assert world.condition(key) == ("Unknown", "Suspended")
        assert world.standin.endpoints["a"].service_settings["rate_limit"] == {"requests_per_minute": 3000}
        world.kubernetes.delete(key)
        await world.rest()
        assert world.is_gone(key)


async def test_of_two_objects_with_one_id_the_older_owns_and_the_other_takes_over_when_it_is_free() -> None:
    async with World() as world:
        older = await made(world)
        world.kubernetes.put_secret("other", "openai", {"api-key": "theirs"})
        world.kubernetes.put_secret("other", "es", {"url": "http://standin:9200"})
        younger = world.apply("b", {"inferenceId": "a", "elasticsearchRef": {"secretName": "es"}}, namespace="other")
        await world.rest()
        assert world.condition(younger) == ("False", "IdConflict")
        assert f"{NAMESPACE}/a" in world.message(younger)
        assert world.condition(older) == ("True", "Available")
        world.kubernetes.delete(older)
        await world.rest()
        assert world.condition(younger) == ("True", "Available")


async def test_two_objects_that_come_at_once_make_one_endpoint() -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        one, two = world.apply("one", {"inferenceId": "x"}), world.apply("two", {"inferenceId": "x"})
        await world.rest()
        assert sorted(str(world.condition(key)) for key in (one, two)) == ["('False', 'IdConflict')", "('True', 'Available')"]
        assert len([e for e in world.standin.log.writes if e.method == "PUT"]) == 1


async def test_reconcile_now_is_echoed_and_looks_afresh() -> None:
    async with World() as world:
        key = await made(world)
        await world.ask("DELETE", "/_inference/a")
        world.kubernetes.annotate(key, {"inference-operator.io/reconcile-requested-at": "now"})
        await world.rest()
        assert "a" in world.standin.endpoints
        assert world.found(key).status.last_handled_reconcile_at == "now"


async def test_events_tell_transitions_only() -> None:
    async with World() as world:
        key = await made(world)
        assert world.kubernetes.events == []
        world.standin.reachable = False
        await world.resync(3)
        await world.rest()
        assert [event.reason for event in world.kubernetes.events] == ["Unreachable"]
        world.standin.reachable = True
        await world.resync()
        await world.rest()
        assert [event.reason for event in world.kubernetes.events] == ["Unreachable", "Available"]
        assert world.condition(key) == ("True", "Available")


async def test_nothing_that_is_written_or_logged_holds_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with World() as world:
        key = await made(world, openai(api_kee={"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}))
        assert world.condition(key) == ("False", "ValidationFailed"), "the server echoes what it does not know"
        world.standin.refuse_key(CANARY)
        world.kubernetes.edit_spec(key, {"serviceSettings": openai()["serviceSettings"]})
        await world.rest()
        assert world.condition(key) == ("False", "ProviderRefused")
        world.standin.accept_key(CANARY)
        await world.resync()
        await world.rest()
        assert world.condition(key) == ("True", "Available")
        body = str(world.kubernetes.store.get(key))
        assert CANARY not in body
        assert "kopf" not in body
        assert CANARY not in str(world.kubernetes.events)
        assert CANARY not in caplog.text
        assert world.kubernetes.events, "the search had something to search"


async def test_an_object_whose_end_was_not_heard_of_is_forgotten_when_a_write_finds_it_gone() -> None:
    async with World() as world:
        world.standin.refuse_key(CANARY)
        older = await made(world, {"deletionPolicy": "Retain"})
        assert world.condition(older) == ("False", "ProviderRefused")
        world.kubernetes.store.hold_events()
        world.kubernetes.delete(older)
        assert world.is_gone(older)
        world.standin.accept_key(CANARY)
        await world.clock.advance(300)
        assert world.operator.store.get(older) is None


async def test_nothing_is_kept_for_an_object_that_goes_while_its_connection_is_read() -> None:
    async with World() as world:
        world.put_key()
        await world.start()

        def goes(request: Request, moment: Moment) -> None:
            if request.target == "secrets/operators/default" and moment is Moment.AFTER:
                world.kubernetes.delete(key)

        world.kubernetes.interceptor = goes
        key = world.apply("a")
        await world.rest()
        assert world.operator.store.get(key) is None
        assert tuple(world.pool.clusters()) == ()
