"""What the API server lets the chart's ServiceAccount do: what stands in `rights.py`, and nothing else that is conceivable."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.release import Release
from tests.chart.rights import CONCEIVABLE, LEASE_RIGHTS, RIGHTS, Right
from tests.controlplane import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.chart.rendering import Json
    from tests.controlplane import ControlPlane

NAME = "rights"
HOME, WATCHED, FOREIGN = "rights-home", "rights-watched", "rights-foreign"
ACCOUNT = f"{NAME}-inference-operator"
USER = f"system:serviceaccount:{HOME}:{ACCOUNT}"
CLUSTER_WIDE: Json = {}
NAMESPACED: Json = {"watchNamespaces": [WATCHED]}
REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
# Installed once for tests that stand together.
cluster_wide = pytest.mark.parametrize("installed", [CLUSTER_WIDE], indirect=True, ids=["cluster-wide"])
namespaced = pytest.mark.parametrize("installed", [NAMESPACED], indirect=True, ids=["namespaced"])


@pytest.fixture(scope="module", autouse=True)
def namespaces(plane: ControlPlane) -> None:
    for name in (HOME, WATCHED, FOREIGN):
        plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})


@pytest.fixture(scope="module")
def installed(request: pytest.FixtureRequest, plane: ControlPlane) -> Iterator[ControlPlane]:
    """The plane with the chart on it, installed with the values of `request.param` and without its CRDs."""
    release = Release(plane, NAME, HOME)
    release.install(request.param, with_crds=False)
    yield plane
    release.uninstall()


def _review(right: Right, namespace: str, lease: str) -> Json:
    resource, _, subresource = right.resource.partition("/")
    # As in a request for the Namespace itself, which counts as an object inside itself, and for the operator's own Lease.
    names = {"namespaces": namespace, "leases": lease}
    attributes = {
        "namespace": namespace,
        "verb": right.verb,
        "group": right.group,
        "resource": resource,
        "subresource": subresource,
        "name": "" if right.verb in ("list", "watch", "create") else names.get(resource, ""),
    }
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated"]
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": USER, "groups": groups, "resourceAttributes": attributes},
    }


def _allowed(plane: ControlPlane, namespace: str, lease: str = ACCOUNT) -> set[Right]:
    """What of all that is conceivable the ServiceAccount may do there; its Lease has the name of everything else."""
    answers = plane.api.create_all(REVIEWS, (_review(right, namespace, lease) for right in CONCEIVABLE))
    assert {type(answer["status"]["allowed"]) for answer in answers} == {bool}
    return {right for right, answer in zip(CONCEIVABLE, answers, strict=True) if answer["status"]["allowed"]}


def _can_i(plane: ControlPlane, verb: str, resource: str, namespace: str) -> bool:
    try:
        answer = plane.kubectl("auth", "can-i", verb, resource, f"--namespace={namespace}", f"--as={USER}")
    except CommandFailedError as no:  # the answer is its exit status as well
        answer = no.stdout
    return {"yes": True, "no": False}[answer.strip()]


@cluster_wide
@pytest.mark.parametrize("namespace", [WATCHED, FOREIGN])
def test_cluster_wide_the_table_holds_everywhere(installed: ControlPlane, namespace: str) -> None:
    assert _allowed(installed, namespace) == RIGHTS


@cluster_wide
def test_at_home_it_may_lead_by_its_own_lease(installed: ControlPlane) -> None:
    assert _allowed(installed, HOME) == RIGHTS | LEASE_RIGHTS
    assert {right.verb for right in _allowed(installed, HOME, lease="of-somebody-else") & LEASE_RIGHTS} == {"create"}


@cluster_wide
def test_kubectl_says_the_same(installed: ControlPlane) -> None:
    secrets = [_can_i(installed, verb, "secrets", WATCHED) for verb in ("get", "update", "delete")]
    assert secrets == [True, False, False]


@namespaced
def test_with_listed_namespaces_the_table_holds_there_and_nowhere_else(installed: ControlPlane) -> None:
    assert _allowed(installed, WATCHED) == RIGHTS
    assert _allowed(installed, FOREIGN) == set()
    assert _allowed(installed, HOME) == LEASE_RIGHTS
    assert _allowed(installed, "") == set()


@namespaced
def test_a_role_lets_its_holder_read_its_own_namespace(installed: ControlPlane, tmp_path: Path) -> None:
    token = installed.create_token(HOME, ACCOUNT)
    account = installed.kubeconfig_for_token(token, tmp_path / "account.kubeconfig", user="account")
    assert installed.kubectl("get", "namespace", WATCHED, "-o", "name", kubeconfig=account) == f"namespace/{WATCHED}\n"
    for name in (FOREIGN, HOME):
        with pytest.raises(CommandFailedError, match="forbidden"):
            installed.kubectl("get", "namespace", name, kubeconfig=account)
