"""The election on a real API server: the contract, exactly the rights it needs, and two replicas."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.kubernetes.lease import Leadership
from inference_operator.kubernetes.lease_record import LeaseTiming
from inference_operator.kubernetes.lease_requests import RIGHTS, LeaseName, LeaseRequests
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.clock import SystemClock
from tests.cluster.port_worlds import client_of, eventually
from tests.kubernetes.lease_contract import CLAUSES, Clause, without_its_namespace_nothing_can_be_made

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from inference_operator.kubernetes.client import KubernetesClient
    from tests.controlplane import ControlPlane

CLOCK = SystemClock()
TIMING = LeaseTiming(duration=4, renew_deadline=3, renew_interval=0.5, poll_interval=0.25, request_timeout=1)
FREE = """
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: it, annotations: {team: search}, labels: {app: operator}}
spec: {leaseDurationSeconds: 1}
"""
RIGHTS_TO_LEAD = f"""
apiVersion: v1
kind: ServiceAccount
metadata: {{name: leader}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: leader}}
rules:
- {{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [{", ".join(RIGHTS)}]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: leader}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: leader}}
subjects: [{{kind: ServiceAccount, name: leader}}]
"""


@pytest.fixture
async def client(plane: ControlPlane) -> AsyncIterator[KubernetesClient]:
    async with client_of(plane.kubeconfig) as client:
        yield client


@asynccontextmanager
async def replicas(client: KubernetesClient, namespace: str) -> AsyncIterator[tuple[Leadership, Leadership]]:
    """Two that compete for Lease `it`; `first` is ahead."""
    first, second = (Leadership(client, LeaseName(namespace, "it"), CLOCK, timing=TIMING, replica=name) for name in "ab")
    tasks = [asyncio.create_task(first.run())]
    try:
        await eventually(first.may_write)
        tasks.append(asyncio.create_task(second.run()))
        yield first, second
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def shown(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(plane.kubectl("get", "lease", "it", f"--namespace={namespace}", "--output=json"))
    return found


def apply(plane: ControlPlane, namespace: str, text: str) -> None:
    plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=text)


@pytest.mark.parametrize("clause", CLAUSES, ids=lambda clause: clause.__name__)
async def test_the_real_one_keeps_the_contract(client: KubernetesClient, namespace: str, clause: Clause) -> None:
    await clause(LeaseRequests(client, LeaseName(namespace, "it"), CLOCK, 10))


async def test_a_namespace_that_is_missing_is_named(client: KubernetesClient) -> None:
    await without_its_namespace_nothing_can_be_made(LeaseRequests(client, LeaseName("nowhere", "it"), CLOCK, 10))


async def test_a_release_hands_over_and_leaves_what_others_wrote(
    plane: ControlPlane, client: KubernetesClient, namespace: str
) -> None:
    apply(plane, namespace, FREE)
    async with replicas(client, namespace) as (first, second):
        assert shown(plane, namespace)["spec"]["holderIdentity"] == first.identity
        await first.release()
        await eventually(second.may_write)
        assert not first.may_write()
        found = shown(plane, namespace)
        assert (found["spec"]["holderIdentity"], found["spec"]["leaseTransitions"]) == (second.identity, 1)
        assert (found["metadata"]["annotations"]["team"], found["metadata"]["labels"]) == ("search", {"app": "operator"})


async def test_the_rights_that_are_named_suffice_and_are_needed(plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    apply(plane, namespace, RIGHTS_TO_LEAD)
    apply(plane, namespace, FREE)
    account = plane.kubeconfig_for_token(plane.create_token(namespace, "leader"), tmp_path / "leader")
    async with client_of(account) as client:
        async with replicas(client, namespace) as (first, _):
            await first.release()
        answer = await LeaseRequests(client, LeaseName("default", "it"), CLOCK, 10).read()
    assert isinstance(answer, KubernetesFailure)
    assert "needs the verbs get, create, patch on leases (coordination.k8s.io) in namespace default" in answer.message
    assert "system:serviceaccount" in answer.message


@pytest.mark.full
async def test_a_deleted_lease_comes_back_and_a_killed_leader_is_followed(
    plane: ControlPlane, client: KubernetesClient, namespace: str
) -> None:
    async with replicas(client, namespace) as (first, second):
        plane.kubectl("delete", "lease", "it", f"--namespace={namespace}")
        await eventually(lambda: first.identity in plane.kubectl("get", "leases", f"--namespace={namespace}"))
        assert shown(plane, namespace)["spec"]["holderIdentity"] == first.identity
        assert first.may_write()
        assert not second.may_write()
        assert first._work is not None
        first._work.cancel()  # as after a kill: no renewal, no release
        await eventually(second.may_write)
        assert not first.may_write()


@pytest.mark.full
async def test_while_the_api_server_hangs_nobody_may_write(plane: ControlPlane, client: KubernetesClient, namespace: str) -> None:
    async with replicas(client, namespace) as (first, second):
        plane.pause()
        try:
            await asyncio.wait_for(first.lost.wait(), 20)
            assert not first.may_write()
            assert not second.may_write()
        finally:
            plane.resume()
        await eventually(second.may_write)
