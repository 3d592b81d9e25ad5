"""What only a real API server can show of the adapter: rights, restarts, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kubernetes.adapter import KubernetesAdapter
from inference_operator.kubernetes.client import path_of
from inference_operator.kubernetes.listing import Listing, list_metadata
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.shell.clock import SystemClock
from inference_operator.shell.ports import UNKNOWN, EventType, KubernetesFailure, SecretData
from tests.cluster.port_worlds import API_VERSION, KIND, PLURAL, RealWorld, client_of, eventually, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from inference_operator.core.clock import Timer
    from tests.controlplane import ControlPlane

RIGHTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: restricted}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: restricted}
rules:
- {apiGroups: [""], resources: [secrets], verbs: [get]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: restricted}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: restricted}
subjects: [{kind: ServiceAccount, name: restricted}]
"""


class HastyClock(SystemClock):
    """A hundred times as fast, so that polling every half minute can be watched."""

    def monotonic(self) -> float:
        return super().monotonic() * 100

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return super().call_later(delay / 100, callback)


@pytest.fixture
async def world(plane: ControlPlane, namespace: str) -> AsyncIterator[RealWorld]:
    async with client_of(plane.kubeconfig) as client:
        yield RealWorld(client, namespace)


@pytest.fixture
def restricted(plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """The kubeconfig of somebody who may only read single Secrets."""
    plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=RIGHTS)
    return plane.kubeconfig_for_token(plane.create_token(namespace, "restricted"), tmp_path / "restricted")


def secret(world: RealWorld, name: str = "openai") -> ObjectRef:
    return ObjectRef(SourceKind.SECRET, world.namespace, name)


async def test_a_status_that_does_not_fit_the_schema_is_not_tried_again(world: RealWorld) -> None:
    meta = (await world.create(world.body()))["metadata"]
    answer = await world.port.apply_status(
        world.key(),
        uid=meta["uid"],
        resource_version=meta["resourceVersion"],
        status={"observedGeneration": 1, "noSuchField": 1},
        api_version=API_VERSION,
        kind=KIND,
    )
    assert isinstance(answer, KubernetesFailure)
    assert "noSuchField" in answer.message
    assert not answer.retryable


async def test_without_rights_every_request_says_so(world: RealWorld, restricted: Path) -> None:
    meta = (await world.create(world.body()))["metadata"]
    async with client_of(restricted) as client:
        watch = MetadataWatch(client, SystemClock(), on_change=lambda _: None, namespaces=[world.namespace])
        port = KubernetesAdapter(client, watch, SystemClock(), [world.namespace])
        answers = [
            await port.list_keys(PLURAL),
            await port.patch_metadata(world.key(), uid=meta["uid"], resource_version=meta["resourceVersion"]),
            await port.read_config_map(world.namespace, "x"),
            await port.namespace_terminating(world.namespace),
            await port.get_elasticsearch(world.namespace, "x"),
        ]
    for answer in answers:
        assert isinstance(answer, KubernetesFailure)
        assert (answer.status, answer.retryable) == (403, False)
        assert "restricted" in answer.message


@pytest.mark.parametrize("name", [".", ".."])
async def test_a_name_of_dots_is_refused_as_a_name(world: RealWorld, name: str) -> None:
    answer = await world.port.read_secret(world.namespace, name)
    assert isinstance(answer, KubernetesFailure), answer
    assert (answer.status, answer.retryable) == (400, False)


async def test_secrets_that_may_only_be_read_are_polled(world: RealWorld, restricted: Path) -> None:
    changes: list[ObjectRef] = []
    clock = HastyClock()
    async with client_of(restricted) as client:
        watch = MetadataWatch(client, clock, on_change=changes.append, namespaces=[world.namespace])
        async with running(watch):
            await world.put_secret("openai", {"api-key": b"1"}, {})
            assert watch.version_of(secret(world)) is UNKNOWN
            watch.refer(world.key(), [secret(world)])
            await eventually(lambda: changes == [secret(world)])
            await world.put_secret("openai", {"api-key": b"2"}, {})
            found = await world.port.read_secret(world.namespace, "openai")
            assert isinstance(found, SecretData)
            await eventually(lambda: watch.version_of(secret(world)) == found.version)
            await world.delete_secret("openai")
            await eventually(lambda: watch.version_of(secret(world)) is None)
            assert changes == [secret(world)] * 3


async def test_all_namespaces_can_be_watched_at_once(world: RealWorld) -> None:
    changes: list[ObjectRef] = []
    watch = MetadataWatch(world.client, SystemClock(), on_change=changes.append)
    async with running(watch):
        await world.put_secret("openai", {"api-key": b"1"}, {})
        await eventually(lambda: secret(world) in changes)
        assert watch.version_of(ObjectRef(SourceKind.CONFIG_MAP, world.namespace, "missing")) is None


async def test_a_restart_of_the_api_server_is_survived(world: RealWorld, plane: ControlPlane) -> None:
    async with running(world.watch):
        await world.put_secret("openai", {"api-key": b"1"}, {})
        await eventually(lambda: world.changes == [secret(world)])
        plane.stop_api_server()
        failure = await world.port.read_secret(world.namespace, "openai")
        plane.start_api_server()
        assert isinstance(failure, KubernetesFailure)
        assert (failure.status, failure.retryable) == (None, True)
        await world.put_secret("openai", {"api-key": b"2"}, {})
        await eventually(lambda: len(world.changes) > 1)
        assert world.changes == [secret(world)] * 2


async def test_a_listing_in_chunks_is_whole(world: RealWorld) -> None:
    for number in range(5):
        await world.put_config_map(f"map-{number}", {"a": "b"})
    path = path_of("api", "v1", "namespaces", world.namespace, "configmaps")
    listing = await list_metadata(world.client, "list", path, chunk=2)
    assert isinstance(listing, Listing)
    assert [item["name"] for item in listing.items if item["name"].startswith("map-")] == [f"map-{n}" for n in range(5)]


@pytest.mark.parametrize("note", ["é" * 2000, "n" * 1024, ""])
async def test_a_note_of_any_length_is_taken(world: RealWorld, note: str) -> None:
    meta = (await world.create(world.body("n" * 253)))["metadata"]
    await world.port.emit_event(
        world.key("n" * 253),
        meta["uid"],
        API_VERSION,
        KIND,
        type=EventType.NORMAL,
        reason="Replaced",
        action="Replace",
        note=note,
    )
    seen = await world.events()
    assert [each.note[:20] for each in seen] == [note[:20]]
