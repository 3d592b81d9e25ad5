"""The rendered roles grant the table of `rights.py`, neither more nor less, and only where the operator watches."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.chart.rendering import CHART, PROFILES, RELEASE, RELEASE_NAMESPACE
from tests.chart.rights import LEASE_RIGHTS, RIGHTS, Right

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json, Rendered

_CLUSTER_KINDS = {"ClusterRole", "ClusterRoleBinding"}
_NAMESPACED_KINDS = {"Role", "RoleBinding"}


def _of_leases(rendered: Rendered, kind: str) -> Json:
    (found,) = [item for item in rendered.all(kind) if item["metadata"]["name"].endswith("-leader-election")]
    return found


def _of_objects(rendered: Rendered, kind: str) -> list[Json]:
    return [item for item in rendered.all(kind) if item != _of_leases(rendered, kind)]


def _granted(role: Json) -> list[Right]:
    return [Right(*right) for rule in role["rules"] for right in product(rule["apiGroups"], rule["resources"], rule["verbs"])]


def _bound(binding: Json) -> tuple[str, str, str, str]:
    """Kind and name of the role, namespace and name of the one ServiceAccount."""
    (subject,) = binding["subjects"]
    assert subject["kind"] == "ServiceAccount"
    return binding["roleRef"]["kind"], binding["roleRef"]["name"], subject["namespace"], subject["name"]


@pytest.mark.parametrize("profile", ["defaults", "namespaced"])
def test_every_role_grants_exactly_the_verbs_that_the_code_uses(helm: Helm, profile: str) -> None:
    rendered = helm.template(PROFILES[profile])
    roles = rendered.cluster_roles + _of_objects(rendered, "Role")
    assert roles
    for role in roles:
        granted = _granted(role)
        assert sorted(granted) == sorted(RIGHTS)


def test_no_rule_has_more_than_groups_resources_and_verbs(helm: Helm) -> None:
    (role,) = helm.template().cluster_roles
    rules = role["rules"]
    assert {key for rule in rules for key in rule} == {"apiGroups", "resources", "verbs"}


@pytest.mark.parametrize("profile", ["defaults", "namespaced"])
def test_its_own_lease_and_no_other_may_be_read_and_changed(helm: Helm, profile: str) -> None:
    rendered = helm.template(PROFILES[profile])
    role, binding = _of_leases(rendered, "Role"), _of_leases(rendered, "RoleBinding")
    assert sorted(_granted(role)) == sorted(LEASE_RIGHTS)
    (lease,) = [item["value"] for item in rendered.container["env"] if item["name"] == "INFERENCE_OPERATOR_LEASE_NAME"]
    assert {verb: rule.get("resourceNames") for rule in role["rules"] for verb in rule["verbs"]} == {
        "get": [lease],
        "patch": [lease],
        "create": None,  # RBAC can't: the request names no object
    }
    account = rendered.one("ServiceAccount")["metadata"]["name"]
    assert _bound(binding) == ("Role", role["metadata"]["name"], RELEASE_NAMESPACE, account)
    assert {item["metadata"]["namespace"] for item in (role, binding)} == {RELEASE_NAMESPACE}


def test_for_all_namespaces_one_cluster_role_is_bound(helm: Helm) -> None:
    rendered = helm.template()
    (role,), binding = rendered.cluster_roles, rendered.one("ClusterRoleBinding")
    account = rendered.one("ServiceAccount")["metadata"]["name"]
    assert _bound(binding) == ("ClusterRole", role["metadata"]["name"], RELEASE_NAMESPACE, account)
    assert [_of_objects(rendered, kind) for kind in sorted(_NAMESPACED_KINDS)] == [[], []]


def test_for_listed_namespaces_each_has_a_role_and_nothing_is_cluster_wide(helm: Helm) -> None:
    rendered = helm.template(PROFILES["namespaced"])
    roles = {role["metadata"]["namespace"]: role["metadata"]["name"] for role in _of_objects(rendered, "Role")}
    bindings = {item["metadata"]["namespace"]: _bound(item) for item in _of_objects(rendered, "RoleBinding")}
    account = rendered.one("ServiceAccount")["metadata"]["name"]
    assert set(roles) == {"team-a", "team-b"}
    assert bindings == {where: ("Role", name, RELEASE_NAMESPACE, account) for where, name in roles.items()}
    assert not rendered.bound_kinds & _CLUSTER_KINDS


def test_without_rbac_nothing_is_granted(helm: Helm) -> None:
    rendered = helm.template({"rbac": {"create": False}})
    assert rendered.bound_kinds == set()


def test_rights_go_to_a_given_service_account(helm: Helm) -> None:
    rendered = helm.template({"serviceAccount": {"create": False, "name": "given"}})
    assert _bound(rendered.one("ClusterRoleBinding"))[3] == "given"
    assert "ServiceAccount" not in rendered.kinds
    assert rendered.pod["serviceAccountName"] == "given"


@pytest.mark.parametrize(
    ("values", "warned"),
    [({}, False), ({"watchNamespaces": ["team-a"]}, True), ({"watchNamespaces": ["team-a"], "rbac": {"create": False}}, False)],
    ids=["for all namespaces", "for listed ones", "by rights of others"],
)
def test_the_notes_warn_where_a_role_goes_with_its_namespace(helm: Helm, values: Json, warned: bool) -> None:
    arguments = ("install", RELEASE, str(CHART), "--dry-run=client", "--namespace", RELEASE_NAMESPACE, "-f", "-")
    done = helm.run(*arguments, values=values)
    assert done.returncode == 0, done.stderr
    assert ("Before you delete one of the namespaces above" in done.stdout) is warned
