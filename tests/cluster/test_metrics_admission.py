"""Who may scrape, decided by a real API server: the reviews have the form that it takes, and the rights named are enough."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from inference_operator.shell.clock import SystemClock
from inference_operator.shell.metrics.admission import RIGHTS, Admission, Guard
from tests.cluster.port_worlds import client_of

if TYPE_CHECKING:
    from tests.controlplane import ControlPlane

ACCOUNTS = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: %(name)s}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: %(name)s-of-%(namespace)s}
rules: [%(rules)s]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %(name)s-of-%(namespace)s}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %(name)s-of-%(namespace)s}
subjects: [{kind: ServiceAccount, name: %(name)s, namespace: %(namespace)s}]
"""
TO_REVIEW = ", ".join(f"{{apiGroups: [{group}], resources: [{resource}], verbs: [{verb}]}}" for group, resource, verb in RIGHTS)
TO_READ = "{nonResourceURLs: [/metrics], verbs: [get]}"


def account(plane: ControlPlane, namespace: str, name: str, rules: str) -> str:
    """A ServiceAccount with these rights in the whole cluster; returns a token of it."""
    text = ACCOUNTS % {"name": name, "namespace": namespace, "rules": rules}
    plane.kubectl("apply", f"--namespace={namespace}", "--filename=-", input=text)
    return plane.create_token(namespace, name)


async def test_a_scraper_is_let_in_by_its_right_alone_and_nothing_more_is_needed_to_ask(
    plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    asking = account(plane, namespace, "operator", TO_REVIEW)
    prometheus = account(plane, namespace, "prometheus", TO_READ)
    async with client_of(plane.kubeconfig_for_token(asking, tmp_path / "kubeconfig")) as client:
        guard = Guard(client, SystemClock())
        assert await guard.admit(f"Bearer {prometheus}") is Admission.ALLOWED
        assert await guard.admit(f"Bearer {asking}") is Admission.DENIED
        assert await guard.admit("Bearer made-up") is Admission.UNKNOWN


async def test_without_the_right_to_ask_nobody_is_let_in(plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    prometheus = account(plane, namespace, "prometheus", TO_READ)
    async with client_of(plane.kubeconfig_for_token(prometheus, tmp_path / "kubeconfig")) as client:
        assert await Guard(client, SystemClock()).admit(f"Bearer {prometheus}") is Admission.UNTOLD
