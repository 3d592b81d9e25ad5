"""The operator itself, with the environment and the token that the chart gives it, starts, leads and is refused nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest

from tests.chart.release import CRDS, Release
from tests.chart.rights import LEASE_RIGHTS, RIGHTS, Right
from tests.controlplane.audit import AuditEntry, read_audit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.controlplane import ControlPlane

WATCHED = "start-watched"
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
}


@pytest.fixture
def release(plane: ControlPlane, watched: list[str]) -> Iterator[Release]:
    """Installed in a namespace of its own; another one is there to be watched. Afterwards the CRDs are gone, too."""
    home = f"start-with-{len(watched)}"
    for name in (home, WATCHED):
        if plane.api.get(f"/api/v1/namespaces/{name}") is None:
            plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    release = Release(plane, "start", home)
    release.install({"watchNamespaces": watched})
    yield release
    release.uninstall()
    plane.kubectl("delete", "crd", *CRDS, "--timeout=150s", timeout=160)


def _environment(release: Release, kubeconfig: Path) -> dict[str, str]:
    given = {name: value for name, value in release.environment().items() if value is not None}
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INFERENCE_OPERATOR_", "KUBE"))}
    home = {"INFERENCE_OPERATOR_OPERATOR_NAMESPACE": release.namespace}
    return inherited | {"PYTHONPATH": "operator", "KUBECONFIG": str(kubeconfig)} | given | HERE | home


@contextmanager
def _started(release: Release, folder: Path) -> Iterator[str]:
    """The operator with the rights of the release, ended afterwards; gives the port of its probes."""
    token = release.plane.create_token(release.namespace, release.fullname)
    kubeconfig = release.plane.kubeconfig_for_token(token, folder / "kubeconfig")
    log = folder / "operator.log"
    command, environment = [sys.executable, "-m", "inference_operator", "run"], _environment(release, kubeconfig)
    with log.open("wb") as output, subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:

        def told() -> re.Match[str] | None:
            assert process.poll() is None, f"the operator ended: {log.read_text()}"
            return re.search(r'"port": ?(\d+)', log.read_text())

        try:
            yield release.plane.eventually(told, "the operator to tell its port")[1]
        finally:
            process.kill()


def _asked(release: Release) -> list[tuple[Right, AuditEntry]]:
    """What the operator asked for that needs a right; discovery needs none."""
    user = f"system:serviceaccount:{release.namespace}:{release.fullname}"
    entries = [entry for entry in read_audit(release.plane.audit_log, user=user) if entry.resource]
    return [(Right(entry.group, entry.resource, entry.verb), entry) for entry in entries]


def _is_ready(port: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == HTTPStatus.OK)
    except urllib.error.HTTPError:
        return False


@pytest.mark.parametrize("watched", [[], [WATCHED]], ids=["all namespaces", "one namespace"])
def test_it_starts_and_uses_only_what_it_was_given(release: Release, watched: list[str], tmp_path: Path) -> None:
    plane = release.plane
    release.free_lease()
    with _started(release, tmp_path) as port:
        plane.eventually(lambda: _is_ready(port), "the operator to be ready")
        plane.eventually(
            lambda: {right for right, _ in _asked(release)} >= AT_FIRST, "its watches and its lease in the audit log"
        )
        asked = _asked(release)

    assert [entry for _, entry in asked if entry.code in REFUSALS] == []
    assert {right for right, _ in asked} <= RIGHTS | LEASE_RIGHTS
    assert {entry.namespace for right, entry in asked if right in RIGHTS} == set(watched or [""])
    assert {(entry.namespace, entry.name) for right, entry in asked if right in LEASE_RIGHTS} == {
        (release.namespace, release.fullname)
    }
