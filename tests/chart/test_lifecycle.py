"""The real helm on a real API server: install, first steps by the notes, upgrade, uninstall, and what is left then."""

from __future__ import annotations

import re
import shutil
from itertools import count
from typing import TYPE_CHECKING

import pytest
import yaml

from tests import yaml_documents
from tests.chart.release import CRD, CRDS, Release
from tests.chart.rendering import CHART, CHECKOUT
from tests.controlplane import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Json
    from tests.controlplane import ControlPlane

NUMBERS = count(1)


@pytest.fixture
def release(plane: ControlPlane) -> Iterator[Release]:
    """Not installed yet, in a namespace of its own; afterwards the CRDs are gone, too."""
    namespace = f"life-{next(NUMBERS)}"
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
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
    return _ours(release, "inferenceendpoints/my-embeddings")


def _pipeline(release: Release) -> Json:
    return _ours(release, "ingestpipelines/my-pipeline")


def _ours(release: Release, path: str) -> Json:
    return release.plane.api.ask("GET", f"/apis/inference-operator.io/v1alpha1/namespaces/{release.namespace}/{path}")


def test_install_upgrade_uninstall_install_and_without_the_crds(release: Release) -> None:
    release.install({})
    of_users = ["ClusterRole"] * 3
    always = [*of_users, "Deployment", "PodDisruptionBudget", "Role", "RoleBinding", "Service", "ServiceAccount"]
    assert release.kinds() == sorted(["ClusterRole", "ClusterRoleBinding", *always])
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

    release.upgrade({}, with_crds=False)
    assert _endpoint(release)["metadata"]["uid"] == uid, "CRDs that stop being part of a release stay"


def test_the_deployment_makes_a_pod_with_the_token(release: Release) -> None:
    release.install({}, with_crds=False)
    selector = f"--selector=app.kubernetes.io/instance={release.name}"
    where = f"--namespace={release.namespace}"
    release.plane.kubectl("wait", "--for=create", "pod", selector, where, "--timeout=30s", timeout=40)
    pod = release.get("pods", selector)["items"][0]
    sources = [source for volume in pod["spec"]["volumes"] for source in volume["projected"]["sources"]]
    assert pod["spec"]["serviceAccountName"] == release.fullname
    assert any("serviceAccountToken" in source for source in sources)


@pytest.mark.parametrize(
    "profile",
    [
        pytest.param("all namespaces", marks=pytest.mark.full),
        pytest.param("one namespace", marks=pytest.mark.full),
        pytest.param("default connection", marks=pytest.mark.full),
        "default connection of one",
        "labels",
    ],
)
def test_the_notes_lead_to_an_endpoint_and_a_pipeline_and_out_again(release: Release, profile: str) -> None:
    values: dict[str, Json] = {
        "all namespaces": {},
        "one namespace": {"watchNamespaces": [release.namespace]},
        "default connection": {"defaultConnection": {"secretName": "es"}},
        "default connection of one": {
            "watchNamespaces": ["elsewhere", release.namespace],
            "defaultConnection": {"secretName": "es"},
            "rbac": {"create": False},
        },
        "labels": {"watchNamespaceSelector": "inference-operator.io/managed=true,stage==prod"},
    }
    release.install(values[profile])
    _apply_first_objects(release)
    specs = [found["spec"] for found in (_endpoint(release), _pipeline(release))]
    assert {"elasticsearchRef" in spec for spec in specs} == {not profile.startswith("default connection")}
    chosen = release.plane.kubectl(
        "get", "namespaces", "--selector=inference-operator.io/managed=true,stage=prod", "--output=name"
    )
    assert chosen.split() == ([f"namespace/{release.namespace}"] if profile == "labels" else [])
    assert {spec["deletionPolicy"] for spec in specs} == {"Delete"}

    notes = release.notes()
    table = release.shell(_between(notes, "can be deleted at any time:\n", "* Then:"))
    assert {found["spec"]["deletionPolicy"] for found in (_endpoint(release), _pipeline(release))} == {"Retain"}
    rows = re.findall(rf"^(\w+) +{release.namespace} +(\S+) +<none>$", table, re.MULTILINE)
    assert rows == [("InferenceEndpoint", "my-embeddings"), ("IngestPipeline", "my-pipeline")]

    release.shell(_between(notes, "returns when none is left:\n", "* Or keep"))
    assert release.get("inferenceendpoints,ingestpipelines")["items"] == []


def test_an_upgrade_of_the_release_upgrades_the_crds_and_keeps_the_objects(release: Release, tmp_path: Path) -> None:
    older = tmp_path / "older"
    shutil.copytree(CHART, older)
    (path,) = (older / "files" / "crds").glob("*inferenceendpoints.yaml")
    crd = yaml_documents.document(path.read_text())
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["timeout"]
    path.write_text(yaml.safe_dump(crd))
    release.helm("install", release.name, str(older))
    release.plane.await_established(*CRDS)
    _apply_first_objects(release)
    uid = _endpoint(release)["metadata"]["uid"]
    assert "timeout" not in _endpoint(release)["spec"]

    release.upgrade({})
    release.plane.eventually(lambda: _endpoint(release)["spec"].get("timeout") == "30s", "the field of the newer CRD")
    assert _endpoint(release)["metadata"]["uid"] == uid


def test_crds_that_need_not_be_kept_go_with_the_release(release: Release) -> None:
    release.install({"crds": {"keep": False}})
    release.uninstall()
    release.plane.kubectl("wait", "--for=delete", f"crd/{CRD}", "--timeout=150s", timeout=160)


def test_crds_applied_by_hand_are_left_to_whoever_applied_them(release: Release) -> None:
    release.plane.kubectl("apply", "--server-side", f"--filename={CHECKOUT / 'crds'}")
    release.plane.await_established(*CRDS)
    with pytest.raises(CommandFailedError, match="cannot be imported"):
        release.install({})
    release.install({}, with_crds=False)
    assert "app.kubernetes.io/managed-by" not in release.get("crd", CRD)["metadata"].get("labels", {})


def test_users_get_what_their_role_says(release: Release) -> None:
    release.install({})
    kubectl = release.plane.kubectl
    here = f"--namespace={release.namespace}"
    for role in ("view", "edit", "admin"):
        kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}", here)

    def may(user: str, verb: str, plural: str) -> bool:
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "resourceAttributes": {
                    "namespace": release.namespace,
                    "verb": verb,
                    "group": "inference-operator.io",
                    "resource": plural,
                },
            },
        }
        answer = release.plane.api.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return answer["status"]["allowed"] is True

    release.plane.eventually(lambda: may("admin", "force-delete", "ingestpipelines"), "the roles to be added up")
    verbs = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "force-delete")
    for plural in ("inferenceendpoints", "ingestpipelines"):
        allowed = {user: [verb for verb in verbs if may(user, verb, plural)] for user in ("view", "edit", "admin", "nobody")}
        assert allowed == {"view": list(verbs[:3]), "edit": list(verbs[:8]), "admin": list(verbs), "nobody": []}
