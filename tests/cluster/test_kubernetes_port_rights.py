"""What `KubernetesPort` promises where rights lack, held against the fake and against the adapter before a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inference_operator.shell.ports import KubernetesFailure, ListedKeys
from tests.cluster.port_worlds import PLURAL, FakeWorld, RealWorld, World, client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.controlplane import ControlPlane


class ListingContract:
    """Namespaces are listed one by one, and one of them is not there."""

    async def test_where_it_is_forbidden_is_told_and_the_objects_elsewhere(self, world: World) -> None:
        created = await world.create(world.body())
        async with world.port_without_rights_elsewhere() as (port, elsewhere):
            listed = await port.list_keys(PLURAL)
        assert isinstance(listed, ListedKeys), listed
        assert [(entry.key, entry.uid) for entry in listed.found] == [(world.key(), created["metadata"]["uid"])]
        assert set(listed.denied) == {elsewhere}
        assert "forbidden" in listed.denied[elsewhere]

    async def test_forbidden_everywhere_is_a_failure(self, world: World) -> None:
        await world.create(world.body())
        async with world.port_without_rights_elsewhere(only=True) as (port, _):
            listed = await port.list_keys(PLURAL)
        assert isinstance(listed, KubernetesFailure), listed
        assert (listed.status, listed.retryable) == (403, False)


class TestFake(ListingContract):
    @pytest.fixture
    def world(self) -> World:
        return FakeWorld()


class TestAdapter(ListingContract):
    @pytest.fixture
    async def world(self, plane: ControlPlane, namespace: str) -> AsyncIterator[World]:
        async with client_of(plane.kubeconfig) as client:
            yield RealWorld(client, namespace)
