"""The operator itself, with the environment and the token that the chart gives it, starts, leads and is refused nothing."""

from __future__ import annotations

import os
import sys
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.chart.release import Release
from tests.chart.rights import LEASE_RIGHTS, RIGHTS, Right
from tests.controlplane import ControlPlane
from tests.controlplane.audit import AuditEntry, read_audit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Json

NAME = "start"
HOME, WATCHED = "start-home", "start-watched"
ACCOUNT = f"{NAME}-inference-operator"
USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
VALUES: dict[str, Json] = {"all namespaces": {}, "one namespace": {"watchNamespaces": [WATCHED]}}
# A new CRD may be answered with 429 for a moment, which is no refusal.
REFUSALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
PLURALS = ("inferenceendpoints", "ingestpipelines")
# What it asks for before there is any object. The Lease is there and free, so none is created.
AT_FIRST = {
    *(right for right in LEASE_RIGHTS if right.verb != "create"),
    *(Right("inference-operator.io", plural, verb) for plural in PLURALS for verb in ("list", "watch")),
    *(Right("", resource, "watch") for resource in ("secrets", "configmaps")),
}
# Where it listens here, and what the downward API would say.
HERE = {
    "INFERENCE_OPERATOR_PROBE_ADDRESS": "127.0.0.1",
    "INFERENCE_OPERATOR_PROBE_PORT": "0",
    "INFERENCE_OPERATOR_METRICS_ADDRESS": "127.0.0.1",
    "INFERENCE_OPERATOR_METRICS_PORT": "0",
    "INFERENCE_OPERATOR_OPERATOR_NAMESPACE": HOME,
}


@pytest.fixture
def own_plane() -> Iterator[ControlPlane]:
    """One for the test alone: with a program added to it, it ends when that ends."""
    with ControlPlane() as started:
        yield started


def _environment(release: Release, kubeconfig: Path) -> dict[str, str]:
    given = {name: value for name, value in release.environment().items() if value is not None}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
    return inherited | {"PYTHONPATH": "operator", "KUBECONFIG": str(kubeconfig)} | given | HERE


def _asked(plane: ControlPlane) -> list[tuple[Right, AuditEntry]]:
    """What the operator asked for that needs a right; discovery needs none."""
    entries = [entry for entry in read_audit(plane.audit_log, user=USER) if entry.resource]
    return [(Right(entry.group, entry.resource, entry.verb), entry) for entry in entries]


def _is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except urllib.error.HTTPError:
        return False


@pytest.mark.parametrize("profile", VALUES)
def test_it_starts_and_uses_only_what_it_was_given(own_plane: ControlPlane, profile: str, tmp_path: Path) -> None:
    for name in (HOME, WATCHED):
        own_plane.kubectl("create", "namespace", name)
    release = Release(own_plane, NAME, HOME)
    release.install(VALUES[profile])
    release.free_lease()
    token = own_plane.create_token(HOME, ACCOUNT)
    kubeconfig = own_plane.kubeconfig_for_token(token, tmp_path / "kubeconfig")
    environment = _environment(release, kubeconfig)

    command = [sys.executable, "-m", "inference_operator", "run"]
    port = own_plane.run("operator", command, ready=r'"port": ?(\d+)', env=environment)[1]
    own_plane.eventually(lambda: _is_ready(port), "the operator to be ready")
    own_plane.eventually(
        lambda: {right for right, _ in _asked(own_plane)} >= AT_FIRST, "its watches and its lease in the audit log"
    )

    asked = _asked(own_plane)
    assert [entry for _, entry in asked if entry.code in REFUSALS] == []
    assert {right for right, _ in asked} <= RIGHTS | LEASE_RIGHTS
    assert {entry.namespace for right, entry in asked if right in RIGHTS} == ({WATCHED} if VALUES[profile] else {""})
    assert {(entry.namespace, entry.name) for right, entry in asked if right in LEASE_RIGHTS} == {(HOME, release.fullname)}
