"""What the rendered Deployment promises, whatever the values."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.rendering import CHECKOUT, DIGEST, PROFILES, RELEASE_NAMESPACE
from tests.release.versions import current

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json

VERSION = current(CHECKOUT)
PLACEMENT: Json = {
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "dedicated", "operator": "Exists"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": []}},
}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_update_starts_a_pod_before_it_ends_one(helm: Helm, count: int) -> None:
    spec = helm.template({"replicaCount": count}).one("Deployment")["spec"]
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    assert (spec["replicas"], spec["strategy"]) == (count, rolling)


@pytest.mark.parametrize("values", [*PROFILES.values(), {"replicaCount": 1}], ids=[*PROFILES, "one replica"])
def test_pods_elect_who_works_however_few_they_are(helm: Helm, values: Json) -> None:
    rendered = helm.template(values)
    environment = {item["name"]: item.get("value") for item in rendered.container["env"]}
    assert environment["INFERENCE_OPERATOR_LEADER_ELECT"] == "true"
    assert environment["INFERENCE_OPERATOR_LEASE_NAME"] == rendered.one("Deployment")["metadata"]["name"]


def test_nobody_but_the_pods_makes_the_lease(helm: Helm) -> None:
    assert "Lease" not in helm.template().kinds, (
        "one that anybody else says is free could be held by a pod whose Lease was deleted"
    )


def test_metrics_have_a_port_while_they_are_served(helm: Helm) -> None:
    for enabled, expected in ((True, [8081]), (False, [])):
        ports = helm.template({"metrics": {"enabled": enabled}}).container["ports"]
        assert [port["containerPort"] for port in ports if port["name"] == "metrics"] == expected


def test_a_drain_takes_one_pod_at_a_time(helm: Helm) -> None:
    rendered = helm.template({"replicaCount": 3})
    budget, deployment = rendered.one("PodDisruptionBudget"), rendered.one("Deployment")
    assert budget["spec"] == {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": deployment["spec"]["selector"],
    }


def test_a_single_pod_holds_up_no_drain(helm: Helm) -> None:
    assert "PodDisruptionBudget" not in helm.template({"replicaCount": 1}).kinds


def test_pods_are_spread_over_nodes_where_that_is_possible(helm: Helm) -> None:
    rendered = helm.template()
    assert rendered.pod["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": rendered.one("Deployment")["spec"]["selector"],
            "matchLabelKeys": ["pod-template-hash"],
        }
    ]


def test_the_priority_is_passed_on_and_else_left_to_the_cluster(helm: Helm) -> None:
    assert helm.template({"priorityClassName": "system-cluster-critical"}).pod["priorityClassName"] == "system-cluster-critical"
    assert "priorityClassName" not in helm.template().pod


@pytest.mark.parametrize("profile", PROFILES)
def test_the_container_is_locked_down(helm: Helm, profile: str) -> None:
    rendered = helm.template(PROFILES[profile])
    assert rendered.container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert rendered.pod["securityContext"]["runAsNonRoot"] is True
    assert rendered.pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


@pytest.mark.parametrize(("values", "expected"), [({}, 65532), ({"runAsUser": 1234567890}, 1234567890)])
def test_user_and_groups_are_one_number(helm: Helm, values: Json, expected: int) -> None:
    context = helm.template(values).pod["securityContext"]
    assert [context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")] == [expected] * 3


def test_the_platform_may_choose_the_user(helm: Helm) -> None:
    context = helm.template({"runAsUser": None}).pod["securityContext"]
    assert set(context) == {"runAsNonRoot", "seccompProfile"}


@pytest.mark.parametrize("grace", [0, 20, 300])
def test_the_kubelet_waits_longer_than_the_operator(helm: Helm, grace: int) -> None:
    assert helm.template({"shutdownGraceSeconds": grace}).pod["terminationGracePeriodSeconds"] == grace + 10


def test_the_token_goes_to_the_pod_and_to_nobody_else(helm: Helm) -> None:
    rendered = helm.template()
    assert rendered.one("ServiceAccount")["automountServiceAccountToken"] is False
    assert rendered.pod["automountServiceAccountToken"] is True
    assert rendered.pod["serviceAccountName"] == rendered.one("ServiceAccount")["metadata"]["name"]


def test_probes_ask_the_port_that_the_operator_listens_on(helm: Helm) -> None:
    container = helm.template().container
    (port,) = [port for port in container["ports"] if port["name"] == "probes"]
    environment = {item["name"]: item.get("value") for item in container["env"]}
    assert str(port["containerPort"]) == environment["INFERENCE_OPERATOR_PROBE_PORT"]
    asked = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert {name: get["path"] for name, get in asked.items()} == {
        "startupProbe": "/livez",
        "livenessProbe": "/livez",
        "readinessProbe": "/readyz",
    }
    assert {get["port"] for get in asked.values()} == {port["name"]}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, f"inference-operator:{VERSION}"),
        ({"repository": "example.com:5000/a/b"}, f"example.com:5000/a/b:{VERSION}"),
        ({"tag": "1e3"}, "inference-operator:1e3"),
        ({"digest": DIGEST}, f"inference-operator@{DIGEST}"),
        ({"tag": "1.2.3", "digest": DIGEST}, f"inference-operator:1.2.3@{DIGEST}"),
    ],
)
def test_image(helm: Helm, image: Json, expected: str) -> None:
    assert helm.template({"image": image}).container["image"] == expected


def test_pull_secrets_are_named(helm: Helm) -> None:
    assert helm.template({"image": {"pullSecrets": ["a", "b"]}}).pod["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}]


def test_the_default_connection_is_a_read_only_folder(helm: Helm) -> None:
    rendered = helm.template(PROFILES["default connection"])
    (mount,) = rendered.container["volumeMounts"]
    (volume,) = rendered.pod["volumes"]
    path = next(item for item in rendered.container["env"] if item["name"].endswith("_DEFAULT_CONNECTION_PATH"))["value"]
    # A single file of a Secret (`subPath`) would not follow its changes.
    assert mount == {"name": volume["name"], "mountPath": path, "readOnly": True}
    assert volume["secret"] == {"secretName": "elasticsearch", "defaultMode": 0o440}


def test_without_a_default_connection_nothing_is_mounted(helm: Helm) -> None:
    rendered = helm.template()
    assert "volumes" not in rendered.pod
    assert "volumeMounts" not in rendered.container


def test_placement_is_passed_on(helm: Helm) -> None:
    pod = helm.template(PLACEMENT).pod
    assert {name: pod[name] for name in PLACEMENT} == PLACEMENT


def test_pod_metadata_is_passed_on(helm: Helm) -> None:
    metadata = helm.template({"podLabels": {"a": "b"}, "podAnnotations": {"c": "d"}}).one("Deployment")["spec"]["template"][
        "metadata"
    ]
    assert metadata["labels"]["a"] == "b"
    assert metadata["annotations"] == {"c": "d"}


def test_the_deployment_selects_its_pods_and_not_those_of_another_release(helm: Helm) -> None:
    selectors = []
    for release in ("one", "two"):
        spec = helm.template(release=release).one("Deployment")["spec"]
        assert spec["selector"]["matchLabels"].items() <= spec["template"]["metadata"]["labels"].items()
        selectors.append(spec["selector"]["matchLabels"])
    assert selectors[0] != selectors[1]


@pytest.mark.parametrize("profile", PROFILES)
def test_every_object_carries_the_standard_labels(helm: Helm, profile: str) -> None:
    standard = {
        "app.kubernetes.io/name": "inference-operator",
        "app.kubernetes.io/instance": "inference-operator",
        "app.kubernetes.io/version": VERSION,
        "app.kubernetes.io/managed-by": "Helm",
        "helm.sh/chart": f"inference-operator-{VERSION}",
    }
    for item in helm.template(PROFILES[profile]).objects:
        labels = item["metadata"]["labels"]
        further = {name.partition("/")[0] for name in labels.keys() - standard.keys()}
        assert labels | standard == labels
        assert further <= ({"rbac.authorization.k8s.io"} if item["kind"] == "ClusterRole" else set())


@pytest.mark.parametrize(
    ("release", "values", "expected"),
    [
        ("inference-operator", {}, "inference-operator"),
        ("prod", {}, "prod-inference-operator"),
        ("prod", {"nameOverride": "infop"}, "prod-infop"),
        ("prod", {"fullnameOverride": "infop"}, "infop"),
        ("p" * 53, {}, "p" * 53 + "-inference"),
    ],
)
def test_names(helm: Helm, release: str, values: Json, expected: str) -> None:
    rendered = helm.template(values, release=release)
    names = {item["metadata"]["name"] for item in rendered.objects if item["kind"] != "CustomResourceDefinition"}
    ends = {"leader-election", "view", "edit", "admin"}
    service = f"{expected[:55].rstrip('-')}-metrics"  # the name of a Service has at most 63 characters
    assert names == {expected, service, *(f"{expected}-{end}" for end in ends)}


@pytest.mark.parametrize("profile", PROFILES)
def test_namespaced_objects_say_where_they_belong(helm: Helm, profile: str) -> None:
    rendered = helm.template(PROFILES[profile])
    for item in rendered.all("Deployment") + rendered.all("ServiceAccount") + rendered.all("PodDisruptionBudget"):
        assert item["metadata"]["namespace"] == RELEASE_NAMESPACE
