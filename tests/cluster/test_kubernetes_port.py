"""What `KubernetesPort` promises, held against the fake and against the adapter before a real API server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.shell.ports import (
    ConfigMapData,
    Conflict,
    ElasticsearchObject,
    EventType,
    Gone,
    KubernetesFailure,
    Listed,
    ListedKeys,
    NotFound,
    NotInstalled,
    ObjectKey,
    SecretData,
)
from tests.cluster.letting_go import let_go
from tests.cluster.port_worlds import (
    API_VERSION,
    KIND,
    PLURAL,
    FakeWorld,
    RealWorld,
    SeenEvent,
    World,
    client_of,
    eventually,
    running,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from inference_operator.shell.ports import Body, Unknown
    from tests.controlplane import ControlPlane

OURS = "inference-operator.io/external-resource"
THEIRS = "example.org/theirs"
CANARY = "canary-5f2b"
A_STATUS = {"observedGeneration": 1, "inferenceId": "products"}
READY = {
    "type": "Ready",
    "status": "True",
    "reason": "Available",
    "message": "It is there.",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}
SYNCED = READY | {"type": "Synced"}


def written(answer: Body | Conflict | Gone | KubernetesFailure) -> Body:
    """The body of a write that must have been taken."""
    assert isinstance(answer, dict), answer
    return answer


async def patch(world: World, body: Body, **changes: object) -> Body | Conflict | Gone | KubernetesFailure:
    """`patch_metadata` of the object as it was in `body`."""
    meta = body["metadata"]
    key = world.key(meta["name"])
    return await world.port.patch_metadata(
        key,
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        **changes,  # type: ignore[arg-type]
    )


async def report(world: World, body: Body, status: Mapping[str, object]) -> Body | Conflict | Gone | KubernetesFailure:
    """`apply_status` to the object as it was in `body`."""
    meta = body["metadata"]
    return await world.port.apply_status(
        world.key(meta["name"]),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        status=status,
        api_version=API_VERSION,
        kind=KIND,
    )


async def current(world: World, key: ObjectKey | None = None) -> Body:
    """The object as it is now."""
    found = await world.get(key or world.key())
    assert found is not None
    return found


def version(body: Body) -> str:
    return str(body["metadata"]["resourceVersion"])


class ObjectContract:
    """Custom resources: creation by users, the two writes, deletion, listing."""

    async def test_a_new_object_has_an_unobserved_status(self, world: World) -> None:
        created = await world.create(world.body())
        assert created["status"] == {"observedGeneration": -1}
        assert created["metadata"]["generation"] == 1
        assert await current(world) == created

    async def test_one_patch_carries_finalizers_and_annotations(self, world: World) -> None:
        created = await world.create(world.body())
        patched = written(await patch(world, created, finalizers=(OURS,), annotations={"a": "1", "b": "2"}))
        assert patched["metadata"]["finalizers"] == [OURS]
        assert patched["metadata"]["annotations"] == {"a": "1", "b": "2"}
        assert patched["metadata"]["generation"] == 1
        assert version(patched) != version(created)
        assert await current(world) == patched

    async def test_what_a_patch_does_not_name_stays(self, world: World) -> None:
        created = await world.create(world.body())
        first = written(await patch(world, created, finalizers=(THEIRS, OURS), annotations={"a": "1"}))
        second = written(await patch(world, first, annotations={"b": "2"}))
        assert second["metadata"]["finalizers"] == [THEIRS, OURS]
        assert second["metadata"]["annotations"] == {"a": "1", "b": "2"}

    async def test_an_annotation_of_none_is_removed(self, world: World) -> None:
        created = await world.create(world.body())
        first = written(await patch(world, created, annotations={"a": "1", "b": "2"}))
        second = written(await patch(world, first, annotations={"a": None}))
        assert second["metadata"]["annotations"] == {"b": "2"}

    async def test_a_patch_that_changes_nothing_keeps_the_version(self, world: World) -> None:
        created = await world.create(world.body())
        first = written(await patch(world, created, finalizers=(OURS,), annotations={"a": "1"}))
        second = written(await patch(world, first, finalizers=(OURS,), annotations={"a": "1", "gone": None}))
        assert version(second) == version(first)

    async def test_the_status_is_replaced_as_a_whole(self, world: World) -> None:
        created = await world.create(world.body())
        first = written(await report(world, created, A_STATUS | {"conditions": [READY, SYNCED]}))
        assert first["status"] == A_STATUS | {"conditions": [READY, SYNCED]}
        second = written(await report(world, first, {"observedGeneration": 1, "conditions": [SYNCED]}))
        assert second["status"] == {"observedGeneration": 1, "conditions": [SYNCED]}
        assert second["metadata"]["generation"] == 1
        assert second["spec"] == created["spec"]

    async def test_an_equal_status_keeps_the_version(self, world: World) -> None:
        created = await world.create(world.body())
        first = written(await report(world, created, A_STATUS | {"conditions": [READY]}))
        second = written(await report(world, first, A_STATUS | {"conditions": [READY]}))
        assert version(second) == version(first)

    async def test_a_stale_write_conflicts_and_changes_nothing(self, world: World) -> None:
        stale = await world.create(world.body())
        await world.edit_spec(world.key(), {"timeout": "20s"})
        before = await current(world)
        assert isinstance(await patch(world, stale, finalizers=(OURS,)), Conflict)
        assert isinstance(await report(world, stale, A_STATUS), Conflict)
        assert await current(world) == before

    async def test_a_write_meant_for_a_former_object_of_the_name_conflicts(self, world: World) -> None:
        former = await world.create(world.body())
        await world.delete(world.key())
        successor = await world.create(world.body())
        assert successor["metadata"]["uid"] != former["metadata"]["uid"]
        assert isinstance(await patch(world, former, finalizers=(OURS,)), Conflict)
        assert isinstance(await report(world, former, A_STATUS), Conflict)
        assert await current(world) == successor

    async def test_a_patch_with_the_uid_of_another_object_conflicts(self, world: World) -> None:
        created = await world.create(world.body())
        foreign = {"metadata": created["metadata"] | {"uid": "00000000-0000-4000-8000-00000000dead"}}
        assert isinstance(await patch(world, foreign, annotations={"a": "1"}), Conflict)

    async def test_writes_to_an_object_that_is_gone_create_none(self, world: World) -> None:
        former = await world.create(world.body())
        await world.delete(world.key())
        assert isinstance(await patch(world, former, finalizers=(OURS,)), Gone)
        assert isinstance(await report(world, former, A_STATUS), Gone)
        assert await world.get(world.key()) is None
        assert await world.port.list_keys(PLURAL) == ListedKeys(())

    async def test_an_edit_of_the_spec_counts_a_generation(self, world: World) -> None:
        created = await world.create(world.body())
        reported = written(await report(world, created, A_STATUS))
        await world.edit_spec(world.key(), {"timeout": "20s"})
        edited = await current(world)
        assert edited["metadata"]["generation"] == 2
        assert edited["spec"]["timeout"] == "20s"
        assert edited["status"] == reported["status"]

    async def test_a_deleted_object_waits_for_every_finalizer(self, world: World) -> None:
        created = await world.create(world.body())
        await self._delete_with(world, created, (THEIRS, OURS))
        waiting = await current(world)
        assert waiting["metadata"]["generation"] == 2
        released = written(await patch(world, waiting, finalizers=(THEIRS,)))
        assert released["metadata"]["finalizers"] == [THEIRS]
        last = written(await patch(world, released, finalizers=()))
        assert "finalizers" not in last["metadata"]
        assert await world.get(world.key()) is None

    async def test_a_deleted_object_still_takes_status(self, world: World) -> None:
        created = await world.create(world.body())
        await self._delete_with(world, created, (OURS,))
        reported = written(await report(world, await current(world), A_STATUS))
        assert reported["status"] == A_STATUS

    async def test_a_deleted_object_takes_no_new_finalizer(self, world: World) -> None:
        created = await world.create(world.body())
        await self._delete_with(world, created, (THEIRS,))
        refusal = await patch(world, await current(world), finalizers=(THEIRS, OURS))
        assert isinstance(refusal, KubernetesFailure)
        assert (refusal.status, refusal.retryable) == (422, False)
        assert "no new finalizers" in refusal.message

    async def test_the_listing_names_every_object_with_its_uid_and_version(self, world: World) -> None:
        bodies = [await world.create(world.body(name)) for name in ("a", "b", "c")]
        listed = await world.port.list_keys(PLURAL)
        there = [body["metadata"] for body in bodies]
        found = tuple(Listed(world.key(meta["name"]), meta["uid"], meta["resourceVersion"]) for meta in there)
        assert listed == ListedKeys(found)

    @staticmethod
    async def _delete_with(world: World, body: Body, finalizers: tuple[str, ...]) -> None:
        written(await patch(world, body, finalizers=finalizers))
        await world.delete(world.key())
        assert "deletionTimestamp" in (await current(world))["metadata"]


class ReferenceContract:
    """What objects refer to."""

    async def test_a_secret_is_read_with_its_version(self, world: World) -> None:
        await world.put_secret("openai", {"api-key": CANARY.encode(), "raw": b"\xff\x00"}, {"note": "x"})
        first = await self._secret(world)
        assert dict(first.data) == {"api-key": CANARY.encode(), "raw": b"\xff\x00"}
        assert first.annotations["note"] == "x"
        await world.put_secret("openai", {"api-key": b"other"}, {"note": "x"})
        await self._told(world, "openai", lambda version: version != first.version)
        second = await self._secret(world)
        assert second.data == {"api-key": b"other"}
        assert second.version.uid == first.version.uid
        assert second.version.resource_version != first.version.resource_version

    async def test_one_reading_serves_all_who_need_that_version(self, world: World) -> None:
        await world.put_secret("openai", {"api-key": b"x"}, {})
        await self._told(world, "openai", lambda version: isinstance(version, ObjectVersion))
        first, second = await asyncio.gather(self._secret(world), self._secret(world))
        assert first is second

    async def test_a_secret_put_anew_is_another_one(self, world: World) -> None:
        await world.put_secret("openai", {"api-key": b"x"}, {})
        first = await self._secret(world)
        await self._told(world, "openai", lambda version: version == first.version)
        await world.delete_secret("openai")
        await self._told(world, "openai", lambda version: version is None)
        assert await world.port.read_secret(world.namespace, "openai") == NotFound(f"Secret {world.namespace}/openai")
        await world.put_secret("openai", {"api-key": b"x"}, {})
        assert (await self._secret(world)).version.uid != first.version.uid

    async def test_a_secret_is_never_shown(self, world: World) -> None:
        await world.put_secret("openai", {"api-key": CANARY.encode()}, {"last-applied": CANARY})
        assert CANARY not in repr(await self._secret(world))

    async def test_a_config_map_is_read_as_bytes(self, world: World) -> None:
        await world.put_config_map("settings", {"region": "eu-grün", "blob": b"\xff\x00"})
        found = await world.port.read_config_map(world.namespace, "settings")
        assert isinstance(found, ConfigMapData)
        assert dict(found.data) == {"region": "eu-grün".encode(), "blob": b"\xff\x00"}
        missing = await world.port.read_config_map(world.namespace, "missing")
        assert missing == NotFound(f"ConfigMap {world.namespace}/missing")

    async def test_versions_are_followed(self, world: World) -> None:
        ref = ObjectRef(SourceKind.SECRET, world.namespace, "openai")
        assert world.port.version_of(ref) is None
        for key in (b"1", b"2"):
            await world.put_secret("openai", {"api-key": key}, {})
            await self._follows(world, ref)
            found = await self._secret(world)
            assert (found.data, found.version) == ({"api-key": key}, world.port.version_of(ref))
        await world.delete_secret("openai")
        await self._follows(world, ref)
        assert world.port.version_of(ref) is None

    async def test_config_maps_are_followed_too(self, world: World) -> None:
        ref = ObjectRef(SourceKind.CONFIG_MAP, world.namespace, "settings")
        await world.put_config_map("settings", {"region": "eu"})
        await self._follows(world, ref)
        found = await world.port.read_config_map(world.namespace, "settings")
        assert isinstance(found, ConfigMapData)
        assert found.version == world.port.version_of(ref)

    async def test_elasticsearch_of_eck(self, world: World) -> None:
        name = f"{world.namespace}/quickstart"
        assert await world.port.get_elasticsearch(world.namespace, "quickstart") == NotInstalled(f"Elasticsearch {name}")
        await world.install_eck()
        assert await world.port.get_elasticsearch(world.namespace, "quickstart") == NotFound(f"Elasticsearch {name}")
        await world.put_elasticsearch("quickstart", tls=True, annotations={"a": "b"})
        await world.put_elasticsearch("plain", tls=False, annotations={})
        found = await world.port.get_elasticsearch(world.namespace, "quickstart")
        plain = await world.port.get_elasticsearch(world.namespace, "plain")
        assert isinstance(found, ElasticsearchObject)
        assert isinstance(plain, ElasticsearchObject)
        assert (found.tls, plain.tls) == (True, False)
        assert found.annotations["a"] == "b"
        assert found.version.uid != plain.version.uid

    @staticmethod
    async def _secret(world: World) -> SecretData:
        found = await world.port.read_secret(world.namespace, "openai")
        assert isinstance(found, SecretData), found
        return found

    @staticmethod
    async def _told(world: World, name: str, expected: Callable[[ObjectVersion | Unknown | None], bool]) -> None:
        """Only who was told of a change is promised what came with it."""
        ref = ObjectRef(SourceKind.SECRET, world.namespace, name)
        await eventually(lambda: expected(world.port.version_of(ref)))

    @staticmethod
    async def _follows(world: World, ref: ObjectRef) -> None:
        """The one change that was made since the last time is told."""
        await eventually(lambda: ref in world.changes)
        world.changes.clear()


class EventContract:
    """Events, and namespaces on their way out."""

    async def test_an_event_is_about_its_object(self, world: World) -> None:
        await self._emit(world, await world.create(world.body()))
        assert await world.events() == [SeenEvent("products", "Warning", "InUse", "Delete", "It is in use.", 1)]

    async def test_the_same_event_again_is_one_of_a_series(self, world: World) -> None:
        created = await world.create(world.body())
        for _ in range(3):
            await self._emit(world, created)
        await self._emit(world, created, note="By others.")
        seen = {(each.note, each.count) for each in await world.events()}
        assert seen == {("It is in use.", 3), ("By others.", 1)}

    async def test_a_namespace_being_deleted_is_told_apart(self, world: World) -> None:
        created = await world.create(world.body())
        written(await patch(world, created, finalizers=(OURS,)))
        assert await world.port.namespace_terminating(world.namespace) is False
        await world.delete_namespace()
        assert await world.port.namespace_terminating(world.namespace) is True
        assert await world.port.namespace_terminating("never-there") is True

    async def test_a_namespace_being_deleted_takes_no_events(self, world: World, caplog: pytest.LogCaptureFixture) -> None:
        created = await world.create(world.body())
        written(await patch(world, created, finalizers=(OURS,)))
        await world.delete_namespace()
        await self._emit(world, created)
        assert await world.events() == []
        assert "InUse" not in caplog.text

    @staticmethod
    async def _emit(world: World, body: Body, note: str = "It is in use.") -> None:
        await world.port.emit_event(
            world.key(),
            body["metadata"]["uid"],
            API_VERSION,
            KIND,
            type=EventType.WARNING,
            reason="InUse",
            action="Delete",
            note=note,
        )


class TestFake(ObjectContract, ReferenceContract, EventContract):
    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()


class TestAdapter(ObjectContract, ReferenceContract, EventContract):
    @pytest.fixture
    async def world(self, plane: ControlPlane, namespace: str) -> AsyncIterator[World]:
        async with client_of(plane.kubeconfig) as client:
            world = RealWorld(client, namespace)
            async with running(world.watch):
                yield world
            await world.remove_eck()
        let_go(plane, namespace)
