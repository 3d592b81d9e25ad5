"""What the optional NetworkPolicy lets in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.chart.snapshotting import EVERYTHING

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json

ON: Json = {"networkPolicy": {"enabled": True}}


def _ports(rules: list[Json]) -> list[list[object]]:
    return [[port["port"] for port in rule["ports"]] for rule in rules]


def test_there_is_none_until_it_is_asked_for(helm: Helm) -> None:
    assert "NetworkPolicy" not in helm.template().kinds


def test_it_is_about_the_pods_of_the_release(helm: Helm) -> None:
    rendered = helm.template(ON)
    spec = rendered.one("NetworkPolicy")["spec"]
    assert spec["podSelector"] == rendered.one("Deployment")["spec"]["selector"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]


def test_what_goes_out_is_names_the_api_server_and_elasticsearch(helm: Helm) -> None:
    rules = helm.template(ON).one("NetworkPolicy")["spec"]["egress"]
    assert _ports(rules) == [[53, 53], [443, 6443], [9200, 443]]
    assert [rule for rule in rules if "to" in rule] == []
    named = helm.template(EVERYTHING).one("NetworkPolicy")["spec"]["egress"]
    assert _ports(named) == [[5353, 5353], [6443], [9200], [3128]]
    assert [port["protocol"] for port in named[0]["ports"]] == ["UDP", "TCP"]
    assert [rule for rule in named if not rule.get("to")] == []


def test_what_comes_in_is_probes_and_metrics(helm: Helm) -> None:
    assert _ports(helm.template(ON).one("NetworkPolicy")["spec"]["ingress"]) == [["probes"], ["metrics"]]
    without = {"networkPolicy": {"enabled": True}, "metrics": {"enabled": False}}
    assert _ports(helm.template(without).one("NetworkPolicy")["spec"]["ingress"]) == [["probes"]]
    probes, metrics = helm.template(EVERYTHING).one("NetworkPolicy")["spec"]["ingress"]
    assert "from" not in probes, "the node's address is no pod's"
    assert metrics["from"] == EVERYTHING["networkPolicy"]["metricsFrom"]
