"""Whatever combination of values does not contradict itself renders objects that fit together, and that an API server takes."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.chart.rendering import RELEASE_NAMESPACE
from tests.chart.values_strategy import VALUES

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json, Rendered
    from tests.controlplane import ControlPlane

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
LABEL = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?")
# helm is a program that is started for each: a few here, many in the full run. Shrinking would start it hundreds of times.
FEW = settings(
    max_examples=12,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.function_scoped_fixture],
)
MANY = settings(FEW, max_examples=150)
KINDS_OF_OTHERS = {"ServiceMonitor", "PodMonitor", "PrometheusRule"}


@given(values=VALUES)
@FEW
def test_what_is_rendered_fits_together(helm: Helm, values: Json) -> None:
    _fits_together(helm.template(values), values)


@pytest.mark.full
@given(values=VALUES)
@MANY
def test_what_is_rendered_fits_together_in_many_ways(helm: Helm, values: Json) -> None:
    _fits_together(helm.template(values), values)


@pytest.mark.full
@given(values=VALUES)
@settings(MANY, max_examples=40)
def test_an_api_server_takes_it(plane: ControlPlane, helm: Helm, values: Json) -> None:
    _is_taken(plane, helm.template(values))


@given(values=VALUES)
@settings(FEW, max_examples=3)
def test_an_api_server_takes_some_of_it(plane: ControlPlane, helm: Helm, values: Json) -> None:
    _is_taken(plane, helm.template(values))


def _is_taken(plane: ControlPlane, rendered: Rendered) -> None:
    for name in ("team-a", "team-b", RELEASE_NAMESPACE):
        if plane.api.get(f"/api/v1/namespaces/{name}") is None:
            plane.kubectl("create", "namespace", name)
    items = [item for item in rendered.objects if item["kind"] not in KINDS_OF_OTHERS]
    listing = {"apiVersion": "v1", "kind": "List", "items": items}
    plane.kubectl("create", "--dry-run=server", "--validate=strict", "--filename=-", input=json.dumps(listing), timeout=60)


def _fits_together(rendered: Rendered, values: Json) -> None:
    identities = [(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in rendered.objects]
    assert len(set(identities)) == len(identities)
    for item in rendered.objects:
        assert NAME.fullmatch(item["metadata"]["name"])
        assert len(item["metadata"]["name"]) <= 63 or item["kind"].startswith(("ClusterRole", "Role", "ValidatingAdmission"))
        assert all(len(text) <= 63 and LABEL.fullmatch(text) for text in item["metadata"]["labels"].values())
        assert all(isinstance(text, str) for text in item["metadata"].get("annotations", {}).values())
    _roles_are_there(rendered)
    _pods_are_found(rendered)
    environment = [item["name"] for item in rendered.container["env"]]
    assert len(set(environment)) == len(environment)
    assert all(isinstance(item.get("value", ""), str) for item in rendered.container["env"])
    volumes = [volume["name"] for volume in rendered.pod.get("volumes", ())]
    assert sorted(mount["name"] for mount in rendered.container.get("volumeMounts", ())) == sorted(volumes)
    assert ("PodDisruptionBudget" in rendered.kinds) == (values["replicaCount"] > 1)


def _roles_are_there(rendered: Rendered) -> None:
    roles = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]) for item in rendered.objects}
    for binding in rendered.all("RoleBinding") + rendered.all("ClusterRoleBinding"):
        reference = binding["roleRef"]
        assert (reference["kind"], binding["metadata"].get("namespace"), reference["name"]) in roles
        assert all({"kind", "name", "namespace"} == set(subject) for subject in binding["subjects"])
    policies = {item["metadata"]["name"] for item in rendered.all("ValidatingAdmissionPolicy")}
    assert {item["spec"]["policyName"] for item in rendered.all("ValidatingAdmissionPolicyBinding")} == policies


def _pods_are_found(rendered: Rendered) -> None:
    template = rendered.one("Deployment")["spec"]["template"]
    labels, ports = template["metadata"]["labels"], {port["name"] for port in rendered.container["ports"]}
    for service in rendered.all("Service"):
        assert service["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports
    for monitor, endpoints in (("ServiceMonitor", "endpoints"), ("PodMonitor", "podMetricsEndpoints")):
        for item in rendered.all(monitor):
            assert {endpoint["port"] for endpoint in item["spec"][endpoints]} <= ports
            found = rendered.one("Service")["metadata"]["labels"] if monitor == "ServiceMonitor" else labels
            assert item["spec"]["selector"]["matchLabels"].items() <= found.items()
    for policy in rendered.all("NetworkPolicy"):
        named = {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]}
        assert named <= ports
