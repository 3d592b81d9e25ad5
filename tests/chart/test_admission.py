"""The API server, enforcing Pod Security `restricted`, admits the chart's pod; it refuses it once any guard is taken off."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

from tests.chart.rendering import PROFILES
from tests.controlplane.api import RefusedError

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json
    from tests.controlplane import ControlPlane

NAMESPACE = "restricted"
Change: TypeAlias = Callable[["Json"], object]
GUARDS: dict[str, Change] = {
    "runAsNonRoot": lambda pod: pod["securityContext"].pop("runAsNonRoot"),
    "seccompProfile": lambda pod: pod["securityContext"].pop("seccompProfile"),
    "allowPrivilegeEscalation": lambda pod: pod["containers"][0]["securityContext"].pop("allowPrivilegeEscalation"),
    "capabilities": lambda pod: pod["containers"][0]["securityContext"].pop("capabilities"),
    "runAsUser=0": lambda pod: pod["securityContext"].update(runAsUser=0),
}


@pytest.fixture(scope="module")
def restricted(plane: ControlPlane, helm: Helm) -> ControlPlane:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": labels}})
    for values in ({}, {"serviceAccount": {"name": "given"}}):
        account = helm.template(values).one("ServiceAccount")
        account["metadata"]["namespace"] = NAMESPACE
        plane.api.create(f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    return plane


def _create(plane: ControlPlane, spec: Json) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator", "namespace": NAMESPACE}, "spec": spec}
    plane.api.create(f"/api/v1/namespaces/{NAMESPACE}/pods?dryRun=All&fieldValidation=Strict", pod)


@pytest.mark.parametrize("profile", PROFILES)
def test_admitted(restricted: ControlPlane, helm: Helm, profile: str) -> None:
    _create(restricted, helm.template(PROFILES[profile]).pod)


@pytest.mark.parametrize("guard", GUARDS)
def test_refused_without(restricted: ControlPlane, helm: Helm, guard: str) -> None:
    spec = copy.deepcopy(helm.template().pod)
    GUARDS[guard](spec)
    with pytest.raises(RefusedError) as refused:
        _create(restricted, spec)
    assert 'violates PodSecurity "restricted:latest": ' in str(refused.value)
    assert guard in str(refused.value)
