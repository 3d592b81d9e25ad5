"""A namespace of a list is deleted before its objects: the operator's Role is gone, and the chart's page says the way out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chart.release import Release
from tests.chart.rendering import CHART
from tests.cluster.operating import HOME, endpoint, eventually, secret
from tests.cluster.profiles import Installed, installed
from tests.controlplane import CommandFailedError
from tests.docs.markdown import Page

pytestmark = pytest.mark.full
BLOCKS = [
    block for block in Page(CHART / "README.md").blocks if block.text in Page(CHART / "README.md").section("Deleting a namespace")
]
READY = ("True", "Available")


@pytest.fixture(scope="module", params=["namespaces", "restricted"])
def profile(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    with installed(request.param, tmp_path_factory.mktemp("profile"), 3) as running:
        yield running


def test_objects_that_are_deleted_first_hold_up_nothing(profile: Installed, tmp_path: Path) -> None:
    namespace = profile.inside[0]
    profile.operator.apply(namespace, secret(), endpoint(f"{namespace}-first"))
    profile.operator.await_condition(namespace, f"{namespace}-first", READY)
    _type(profile, tmp_path, 0, namespace)
    assert f"{namespace}-first" not in profile.operator.standin.endpoints


def test_rights_that_are_lent_let_a_namespace_end(profile: Installed, tmp_path: Path) -> None:
    namespace = profile.inside[1]
    _hang(profile, namespace)
    _type(profile, tmp_path, 1, namespace)
    assert f"{namespace}-held" not in profile.operator.standin.endpoints
    found = profile.operator.plane.kubectl("get", "clusterroles,clusterrolebindings", "--output=name").split()
    assert [name for name in found if "/lent" in name] == []


def test_objects_without_a_finalizer_let_a_namespace_end(profile: Installed, tmp_path: Path) -> None:
    namespace = profile.inside[2]
    _hang(profile, namespace)
    _type(profile, tmp_path, 2, namespace)
    profile.operator.plane.kubectl("wait", "--for=delete", f"namespace/{namespace}", "--timeout=60s", timeout=70)


def _hang(profile: Installed, namespace: str) -> None:
    """Delete it while Elasticsearch can't be reached, so that its objects are still there when the Role is not."""
    operator, kubectl, here = profile.operator, profile.operator.plane.kubectl, f"--namespace={namespace}"
    name = f"{namespace}-held"
    operator.apply(namespace, secret(), endpoint(name))
    operator.await_condition(namespace, name, READY)
    operator.standin.reachable = False
    try:
        kubectl("delete", "namespace", namespace, "--wait=false")
        eventually(lambda: not kubectl("get", "rolebindings,roles", here, "--output=name"), "the Role to be gone")
    finally:
        operator.standin.reachable = True
    eventually(lambda: f"patch inferenceendpoints/{namespace}/{name}" in operator.log, "a request to let go that is refused")
    assert operator.get(namespace, name) is not None
    with pytest.raises(CommandFailedError, match="because it is being terminated"):
        kubectl("create", "rolebinding", "again", "--clusterrole=edit", f"--serviceaccount={HOME}:any", here)


def _type(profile: Installed, folder: Path, number: int, namespace: str) -> None:
    """The commands of one block, for the release and the namespace of the test."""
    release = Release(profile.operator.plane, "cluster", HOME)
    text = BLOCKS[number].text.replace("charts/inference-operator ", f"{CHART} ")
    text = text.replace("serviceAccount.name=inference-operator", f"serviceAccount.name={release.fullname}")
    text = text.replace("--namespace=inference-operator", f"--namespace={HOME}").replace(
        "values inference-operator", "values cluster"
    )
    text = text.replace("team-a", namespace).replace("NAME", f"{namespace}-held")
    release.shell(f"cd {folder}\n{text}")
