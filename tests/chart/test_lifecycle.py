"""The real helm on a real API server: install, first steps by the notes, upgrade, uninstall, and what is left then."""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart.release import CRD, CRDS, Release
from tests.chart.rendering import CHART

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chart.rendering import Json
    from tests.controlplane import ControlPlane

NUMBERS = count(1)


@pytest.fixture
def release(plane: ControlPlane) -> Iterator[Release]:
    """Not installed yet, in a namespace of its own; afterwards the CRDs are gone, too."""
    namespace = f"life-{next(NUMBERS)}"
    plane.kubectl("create", "namespace", namespace)
    release = Release(plane, "life", namespace)
    yield release
    release.uninstall()
    # One that is deleted while it is still being established is looked at again by the API server only after a while.
    plane.kubectl("delete", "crd", *CRDS, "--ignore-not-found", "--timeout=150s", timeout=160)


def _between(text: str, start: str, end: str) -> str:
    assert start in text
    assert end in text
    return text.partition(start)[2].partition(end)[0]


def _apply_first_objects(release: Release) -> None:
    release.shell(_between(release.notes(), "are yours:\n", "How they are doing"))


def _endpoint(release: Release) -> Json:
    return release.get("inferenceendpoint", "my-embeddings")


def _pipeline(release: Release) -> Json:
    return release.get("ingestpipeline", "my-pipeline")


def test_install_upgrade_uninstall_install(release: Release) -> None:
    release.install({})
    always = ["Deployment", "PodDisruptionBudget", "Role", "RoleBinding", "ServiceAccount"]
    assert release.kinds() == ["ClusterRole", "ClusterRoleBinding", *always]
    assert release.environment()["INFERENCE_OPERATOR_LOG_LEVEL"] == "info"
    _apply_first_objects(release)
    uid = _endpoint(release)["metadata"]["uid"]

    release.upgrade({"log": {"level": "debug"}, "watchNamespaces": [release.namespace]})
    assert release.kinds() == sorted(["Role", "RoleBinding", *always])
    environment = release.environment()
    assert environment["INFERENCE_OPERATOR_LOG_LEVEL"] == "debug"
    assert environment["INFERENCE_OPERATOR_NAMESPACE"] == release.namespace
    assert _endpoint(release)["metadata"]["uid"] == uid

    release.uninstall()
    assert release.kinds() == []
    assert _endpoint(release)["metadata"]["uid"] == uid

    release.install({})
    assert _endpoint(release)["metadata"]["uid"] == uid


def test_the_deployment_makes_a_pod_with_the_token(release: Release) -> None:
    release.install({}, "--skip-crds")
    selector = f"--selector=app.kubernetes.io/instance={release.name}"
    where = f"--namespace={release.namespace}"
    release.plane.kubectl("wait", "--for=create", "pod", selector, where, "--timeout=30s", timeout=40)
    pod = release.get("pods", selector)["items"][0]
    sources = [source for volume in pod["spec"]["volumes"] for source in volume["projected"]["sources"]]
    assert pod["spec"]["serviceAccountName"] == release.fullname
    assert any("serviceAccountToken" in source for source in sources)


@pytest.mark.parametrize("profile", ["all namespaces", "one namespace", "default connection"])
def test_the_notes_lead_to_an_endpoint_and_a_pipeline_and_out_again(release: Release, profile: str) -> None:
    values: dict[str, Json] = {
        "all namespaces": {},
        "one namespace": {"watchNamespaces": [release.namespace]},
        "default connection": {"defaultConnection": {"secretName": "es"}},
    }
    release.install(values[profile])
    _apply_first_objects(release)
    specs = [found["spec"] for found in (_endpoint(release), _pipeline(release))]
    assert {"elasticsearchRef" in spec for spec in specs} == {profile != "default connection"}
    assert {spec["deletionPolicy"] for spec in specs} == {"Delete"}

    notes = release.notes()
    table = release.shell(_between(notes, "can be deleted at any time:\n", "* Then:"))
    assert {found["spec"]["deletionPolicy"] for found in (_endpoint(release), _pipeline(release))} == {"Retain"}
    rows = re.findall(rf"^(\w+) +{release.namespace} +(\S+) +<none>$", table, re.MULTILINE)
    assert rows == [("InferenceEndpoint", "my-embeddings"), ("IngestPipeline", "my-pipeline")]

    release.shell(_between(notes, "returns when none is left:\n", "* Or keep"))
    assert release.get("inferenceendpoints,ingestpipelines")["items"] == []


def test_the_notes_name_the_command_that_upgrades_the_crds(release: Release) -> None:
    release.install({})
    (written,) = [yaml.safe_load(path.read_text()) for path in (CHART / "crds").glob("*inferenceendpoints.yaml")]
    # As an older chart would have left it.
    release.plane.kubectl("patch", "crd", CRD, "--type=merge", '--patch={"spec":{"names":{"shortNames":["old"]}}}')
    (command,) = re.findall(r"`kubectl (apply [^`]+)`", release.notes())
    release.plane.kubectl(*command.split(), str(CHART / "crds"))
    assert release.get("crd", CRD)["spec"]["names"]["shortNames"] == written["spec"]["names"]["shortNames"]
