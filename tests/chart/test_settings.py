"""The environment that the chart gives the container, read by the operator's own settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from inference_operator.settings import load
from tests.chart.rendering import RELEASE, RELEASE_NAMESPACE

if TYPE_CHECKING:
    from inference_operator.settings import Settings
    from tests.chart.rendering import Helm, Json, Rendered

DOWNWARD = {"metadata.namespace": RELEASE_NAMESPACE}
DEFAULTS: Json = {"operator_namespace": RELEASE_NAMESPACE, "leader_elect": True, "lease_name": RELEASE}
# Values -> what they change in the settings, beside the operator's namespace and that one pod is elected.
CASES: dict[str, tuple[Json, Json]] = {
    "as delivered, the operator's own defaults": ({}, {}),
    "namespaces": ({"watchNamespaces": ["team-a", "team-b"]}, {"namespace": ("team-a", "team-b")}),
    "default connection": (
        {"defaultConnection": {"secretName": "es"}},
        {"default_connection_path": Path("/etc/inference-operator/default-connection")},
    ),
    "default connection for some": (
        {"defaultConnection": {"secretName": "es", "namespaces": ["a", "b"]}},
        {
            "default_connection_path": Path("/etc/inference-operator/default-connection"),
            "default_connection_namespaces": ("a", "b"),
        },
    ),
    "default connection for all": (
        {"defaultConnection": {"secretName": "es", "namespaces": ["*"]}},
        {
            "default_connection_path": Path("/etc/inference-operator/default-connection"),
            "default_connection_namespaces": ("*",),
        },
    ),
    "pace": (
        {"resyncInterval": "1h", "backoffMax": "90s", "concurrencyPerCluster": 64, "requestsPerSecond": 2500000},
        {"resync_interval": 3600.0, "backoff_max": 90.0, "concurrency_per_cluster": 64, "requests_per_second": 2.5e6},
    ),
    "a slow budget": ({"requestsPerSecond": 0.5}, {"requests_per_second": 0.5}),
    "shutdown": ({"shutdownGraceSeconds": 3600}, {"shutdown_grace": 3600.0}),
    "a lease": (
        {"leaderElection": {"leaseDurationSeconds": 60, "renewDeadlineSeconds": 40}},
        {"lease_duration": 60.0, "lease_renew_deadline": 40.0},
    ),
    "logs": ({"log": {"level": "debug", "format": "console"}}, {"log_level": "debug", "log_format": "console"}),
    "IPv6": (
        {"probes": {"address": "::"}, "metrics": {"address": "::"}},
        {"probe_address": "::", "metrics_address": "::"},
    ),
    "namespaces by label": ({"watchNamespaceSelector": "team in (a,b),!old"}, {"namespace_selector": "team in (a,b),!old"}),
    "further authorities": (
        {"extraCA": {"configMapName": "roots", "key": "bundle.pem"}},
        {"extra_ca_file": Path("/etc/inference-operator/extra-ca/bundle.pem")},
    ),
    "metrics for some": (
        {"metrics": {"tls": {"secretName": "certificate"}, "authentication": {"enabled": True}}},
        {
            "metrics_cert_file": Path("/etc/inference-operator/metrics-certificate/tls.crt"),
            "metrics_key_file": Path("/etc/inference-operator/metrics-certificate/tls.key"),
            "metrics_auth": True,
        },
    ),
    "no audit log": ({"audit": {"enabled": False}}, {"audit_log": "off"}),
    "traces": ({"tracing": {"enabled": True}}, {"tracing": "otlp"}),
    "no metrics": ({"metrics": {"enabled": False}}, {"metrics_port": -1}),
}


def _environment(rendered: Rendered) -> dict[str, str]:
    """What the kubelet makes of `env`."""
    return {
        item["name"]: item["value"] if "value" in item else DOWNWARD[item["valueFrom"]["fieldRef"]["fieldPath"]]
        for item in rendered.container["env"]
    }


def _settings(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load([], None)


@pytest.mark.parametrize("name", CASES)
def test_values_become_settings(helm: Helm, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    values, changed = CASES[name]
    expected = load([], None).model_copy(update=DEFAULTS | changed)
    settings = _settings(_environment(helm.template(values)), monkeypatch)
    assert settings.model_dump() == expected.model_dump()


def test_every_variable_is_a_setting_and_stands_once(helm: Helm) -> None:
    values: Json = {
        "watchNamespaces": ["a"],
        "defaultConnection": {"secretName": "es", "namespaces": ["a"]},
        "metrics": {"tls": {"secretName": "certificate"}, "authentication": {"enabled": True}},
        "extraCA": {"secretName": "roots"},
    }
    names = [item["name"] for item in helm.template(values).container["env"]]
    known = {f"INFERENCE_OPERATOR_{field.upper()}" for field in load([], None).model_dump()}
    # A kubeconfig, a Secret read through the API, and a Lease elsewhere are for those who run the operator outside a cluster.
    outside = {"KUBECONFIG", "CONTEXT", "DEFAULT_CONNECTION_SECRET", "LEASE_NAMESPACE"}
    # What every API server does about once a minute needs no value; `extraEnv` is there for one that does not.
    outside |= {"WATCH_SILENCE"}
    outside |= {"NAMESPACE_SELECTOR"}  # instead of a list of namespaces
    assert sorted(names) == sorted(known - {f"INFERENCE_OPERATOR_{name}" for name in outside})


def test_traces_go_where_the_values_say(helm: Helm) -> None:
    name = "OTEL_EXPORTER_OTLP_ENDPOINT"
    endpoint = "http://collector.observability:4318"
    rendered = helm.template({"tracing": {"enabled": True, "endpoint": endpoint}})
    assert {"name": name, "value": endpoint} in rendered.container["env"]
    assert name not in [item["name"] for item in helm.template({"tracing": {"enabled": True}}).container["env"]]


def test_further_variables_are_added(helm: Helm) -> None:
    extra = [{"name": "A", "value": "b"}, {"name": "C", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]
    assert helm.template({"extraEnv": extra}).container["env"][-2:] == extra
