"""Which values the chart takes and which it refuses, and what it says then."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests import yaml_documents
from tests.chart.rendering import CHART, CHECKOUT, PROFILES

if TYPE_CHECKING:
    from tests.chart.rendering import Helm, Json

VALUES: Json = yaml_documents.document((CHART / "values.yaml").read_text())
# Where a group that is commented out but for its name does no harm.
MAY_BE_NULL = {
    ("affinity",),
    ("crds", "annotations"),
    ("extraEnv",),
    ("extraVolumeMounts",),
    ("extraVolumes",),
    ("networkPolicy", "extraEgress"),
    ("networkPolicy", "extraIngress"),
    ("networkPolicy", "metricsFrom"),
    ("image", "pullSecrets"),
    ("nodeSelector",),
    ("podAnnotations",),
    ("podLabels",),
    ("runAsUser",),
    ("serviceAccount", "annotations"),
    ("tolerations",),
}


def _paths() -> list[tuple[str, ...]]:
    """Where a value stands: at the top, or in one of its groups."""
    inner = [(name, key) for name, group in VALUES.items() if isinstance(group, dict) for key in group]
    return [*((name,) for name in VALUES), *inner]


# What is wrong -> values, and a word of the refusal that leads to the value.
REFUSED: dict[str, tuple[Json, str]] = {
    "a name that is none": ({"replicas": 2}, "replicas"),
    "a nested name that is none": ({"image": {"registry": "example.com"}}, "image"),
    "a nested name that is none, in the default connection": ({"defaultConnection": {"secret": "x"}}, "defaultConnection"),
    "no replica": ({"replicaCount": 0}, "/replicaCount"),
    "a lease that is given up when it runs out": (
        {"leaderElection": {"leaseDurationSeconds": 10}},
        "leaderElection.renewDeadlineSeconds is 10, which is not less than leaseDurationSeconds, 10",
    ),
    "namespaces twice, by list and by label": (
        {"watchNamespaces": ["a"], "watchNamespaceSelector": "a=b"},
        "Give one of them, not both",
    ),
    "a label selector that is none": ({"watchNamespaceSelector": "a = b; rm"}, "/watchNamespaceSelector"),
    "some Secrets, and all of them": ({"rbac": {"secretNames": ["a"]}}, "Set rbac.watchSecrets=false"),
    "authorities from two places": ({"extraCA": {"configMapName": "a", "secretName": "b"}}, "not both"),
    "a monitor without metrics": (
        {"metrics": {"enabled": False, "podMonitor": {"enabled": True}}},
        "metrics.podMonitor.enabled needs metrics",
    ),
    "a certificate without metrics": (
        {"metrics": {"enabled": False, "tls": {"secretName": "a"}}},
        "metrics.tls.secretName needs",
    ),
    "two monitors": (
        {"metrics": {"serviceMonitor": {"enabled": True}, "podMonitor": {"enabled": True}}},
        "every pod would be scraped twice",
    ),
    "a monitor of a Service that is not there": (
        {"metrics": {"serviceMonitor": {"enabled": True}, "service": {"enabled": False}}},
        "metrics.serviceMonitor needs the Service",
    ),
    "a monitor that can't log in": (
        {"metrics": {"podMonitor": {"enabled": True}, "authentication": {"enabled": True}}},
        "Set metrics.podMonitor.tokenSecret",
    ),
    "readers where everybody may read": (
        {"metrics": {"authentication": {"readers": [{"name": "a", "namespace": "b"}]}}},
        "everybody may while metrics.authentication.enabled=false",
    ),
    "a label of a monitor that the chart sets": (
        {"metrics": {"podMonitor": {"labels": {"helm.sh/chart": "x"}}}},
        "podMonitor.labels",
    ),
    "a collector that gets nothing": ({"tracing": {"endpoint": "http://c:4318"}}, "tracing.enabled=false sends none"),
    "two collectors": (
        {
            "tracing": {"enabled": True, "endpoint": "http://c:4318"},
            "extraEnv": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://d:4318"}],
        },
        "and so does tracing.endpoint",
    ),
    "a collector with a password in its address": (
        {"tracing": {"enabled": True, "endpoint": "http://me:secret@c:4318"}},
        "/tracing/endpoint",
    ),
    "half a token": ({"metrics": {"podMonitor": {"tokenSecret": {"name": "a"}}}}, "/metrics/podMonitor/tokenSecret"),
    "a peer of two kinds": (
        {"networkPolicy": {"metricsFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}, "podSelector": {}}]}},
        "/networkPolicy/metricsFrom/0",
    ),
    "an address that is no network": (
        {"networkPolicy": {"apiServer": {"cidrs": ["10.0.0.1"]}}},
        "/networkPolicy/apiServer/cidrs/0",
    ),
    "no port": ({"networkPolicy": {"elasticsearch": {"ports": []}}}, "/networkPolicy/elasticsearch/ports"),
    "a policy that denies and only warns": ({"admissionPolicies": {"validationActions": ["Deny", "Warn"]}}, "validationActions"),
    "a secret setting that is an expression": (
        {"admissionPolicies": {"plainTextSecrets": {"extraNames": ["a|b"]}}},
        "/admissionPolicies/plainTextSecrets/extraNames/0",
    ),
    "a volume of the chart's": ({"extraVolumes": [{"name": "inference-operator-x", "emptyDir": {}}]}, "/extraVolumes/0/name"),
    "a volume without a source": ({"extraVolumes": [{"name": "x"}]}, "/extraVolumes/0"),
    "a volume twice": (
        {"extraVolumes": [{"name": "x", "emptyDir": {}}, {"name": "x", "emptyDir": {}}]},
        'extraVolumes has "x" twice',
    ),
    "a mount of no volume": (
        {"extraVolumeMounts": [{"name": "x", "mountPath": "/x"}]},
        'mounts "x", which extraVolumes does not have',
    ),
    "a mount where the chart's own are": (
        {
            "extraVolumes": [{"name": "x", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "x", "mountPath": "/etc/inference-operator/x"}],
        },
        "/extraVolumeMounts/0/mountPath",
    ),
    "a lease of half seconds": ({"leaderElection": {"leaseDurationSeconds": 10.5}}, "/leaderElection/leaseDurationSeconds"),
    "a lease with a unit": ({"leaderElection": {"renewDeadlineSeconds": "5s"}}, "/leaderElection/renewDeadlineSeconds"),
    "no image": ({"image": {"repository": ""}}, "/image/repository"),
    "a digest within the repository": ({"image": {"repository": "operator@sha256:00"}}, "/image/repository"),
    "a tag with a colon": ({"image": {"tag": "a:b"}}, "/image/tag"),
    "a short digest": ({"image": {"digest": "sha256:abc"}}, "/image/digest"),
    "a digest without its algorithm": ({"image": {"digest": "0" * 64}}, "/image/digest"),
    "an unknown pull policy": ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    "a pull secret as an object": ({"image": {"pullSecrets": [{"name": "pull"}]}}, "/image/pullSecrets/0"),
    "a namespace as text": ({"watchNamespaces": "team-a"}, "/watchNamespaces"),
    "a star among the watched namespaces": ({"watchNamespaces": ["*"]}, "/watchNamespaces/0"),
    "a namespace in capitals": ({"watchNamespaces": ["Team"]}, "/watchNamespaces/0"),
    "a namespace twice": ({"watchNamespaces": ["team-a", "team-a"]}, "/watchNamespaces"),
    "namespaces for a default connection that is not there": (
        {"defaultConnection": {"namespaces": ["team-a"]}},
        "/defaultConnection/secretName",
    ),
    "all namespaces and one of them": (
        {"defaultConnection": {"secretName": "es", "namespaces": ["*", "team-a"]}},
        "/defaultConnection/namespaces",
    ),
    "a default connection for a namespace that is not watched": (
        {"watchNamespaces": ["team-a"], "defaultConnection": {"secretName": "es", "namespaces": ["team-b"]}},
        'defaultConnection.namespaces names "team-b"',
    ),
    "a default connection for no namespace that is watched": (
        {"watchNamespaces": ["team-a"], "defaultConnection": {"secretName": "es"}},
        "serves none of the namespaces of watchNamespaces",
    ),
    "no port of names": ({"networkPolicy": {"dns": {"ports": []}}}, "/networkPolicy/dns/ports"),
    "a secret in another namespace": ({"defaultConnection": {"secretName": "team-a/es"}}, "/defaultConnection/secretName"),
    "an interval of nothing": ({"resyncInterval": "0s"}, "/resyncInterval"),
    "an interval without a unit": ({"resyncInterval": 600}, "/resyncInterval"),
    "an interval in two units": ({"backoffMax": "1m30s"}, "/backoffMax"),
    "no concurrency": ({"concurrencyPerCluster": 0}, "/concurrencyPerCluster"),
    "too much concurrency": ({"concurrencyPerCluster": 65}, "/concurrencyPerCluster"),
    "half an object at once": ({"concurrencyPerCluster": 1.5}, "/concurrencyPerCluster"),
    "no requests": ({"requestsPerSecond": 0}, "/requestsPerSecond"),
    "a negative grace": ({"shutdownGraceSeconds": -1}, "/shutdownGraceSeconds"),
    "a grace with a unit": ({"shutdownGraceSeconds": "20s"}, "/shutdownGraceSeconds"),
    "an unknown log level": ({"log": {"level": "trace"}}, "/log/level"),
    "an unknown log format": ({"log": {"format": "text"}}, "/log/format"),
    "a host name to listen on": ({"probes": {"address": "localhost"}}, "/probes/address"),
    "a host name for metrics": ({"metrics": {"address": "localhost"}}, "/metrics/address"),
    "no ServiceAccount at all": ({"serviceAccount": {"create": False}}, "/serviceAccount/name"),
    "annotations for a ServiceAccount of others": (
        {"serviceAccount": {"create": False, "name": "given", "annotations": {"a": "b"}}},
        "/serviceAccount/annotations",
    ),
    "a switch as text": ({"rbac": {"create": "yes"}}, "/rbac/create"),
    "root": ({"runAsUser": 0}, "/runAsUser"),
    "an annotation that is no text": ({"podAnnotations": {"a": 1}}, "/podAnnotations/a"),
    "a label that the selector needs": ({"podLabels": {"app.kubernetes.io/name": "x"}}, "podLabels"),
    "a label that the chart sets": ({"podLabels": {"helm.sh/chart": "x"}}, "podLabels"),
    "a setting by the back door": (
        {"extraEnv": [{"name": "INFERENCE_OPERATOR_LOG_LEVEL", "value": "debug"}]},
        "/extraEnv/0/name",
    ),
    "a variable twice": ({"extraEnv": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}, 'extraEnv sets "A" twice'),
    "a variable from two sources": (
        {"extraEnv": [{"name": "A", "value": "b", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        "/extraEnv/0",
    ),
    "a variable without a name": ({"extraEnv": [{"value": "b"}]}, "/extraEnv/0"),
    "a priority that is no name": ({"priorityClassName": "High!"}, "/priorityClassName"),
    "a misspelt resource": ({"resources": {"limit": {"memory": "1Gi"}}}, "/resources"),
    "a misspelt affinity": ({"affinity": {"podAntiAfinity": {}}}, "/affinity"),
}
ACCEPTED: dict[str, Json] = {
    **PROFILES,
    "tag and digest": {"image": {"tag": "1.2.3", "digest": "sha512:" + "a" * 128}},
    "globals of a parent chart": {"global": {"anything": True}},
    "a registry with a port": {"image": {"repository": "localhost:5000/operator"}},
    "a budget below one": {"requestsPerSecond": 0.5},
    "a variable from a Secret": {"extraEnv": [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]},
    "cores as a number": {"resources": {"limits": {"cpu": 1}}},
    "a lease that lasts": {"leaderElection": {"leaseDurationSeconds": 60, "renewDeadlineSeconds": 40}},
    "IPv6": {"probes": {"address": "::"}},
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(helm: Helm, name: str) -> None:
    values, words = REFUSED[name]
    assert words in helm.refusal(values).replace("'", "/")


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(helm: Helm, name: str) -> None:
    assert helm.refusal(ACCEPTED[name]) == ""


@pytest.mark.parametrize("name", PROFILES)
def test_lint_has_nothing_to_say(helm: Helm, name: str) -> None:
    done = helm.run("lint", "--strict", str(CHART), "-f", "-", values=PROFILES[name])
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"\[(WARNING|ERROR)\]", done.stdout)


@pytest.mark.parametrize("path", [path for path in _paths() if path[0] != "resources"], ids=".".join)
def test_null_is_refused_by_the_schema_or_means_nothing(helm: Helm, path: tuple[str, ...]) -> None:
    values: Json = {path[-1]: None}
    for name in reversed(path[:-1]):
        values = {name: values}
    refusal = helm.refusal(values)
    assert "missing propert" in refusal if refusal else path in MAY_BE_NULL


def test_schema_and_values_list_the_same_names() -> None:
    known = json.loads((CHART / "values.schema.json").read_text())["properties"]
    groups = {name: set(child["properties"]) for name, child in known.items() if "properties" in child}
    del groups["resources"], groups["affinity"]  # their form is that of the Kubernetes API
    assert set(VALUES) == set(known) - {"global"}
    assert {name: set(VALUES[name]) for name in groups} == groups


def test_groups_within_groups_are_listed_as_well() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    for outer in ("metrics", "networkPolicy", "admissionPolicies"):
        for name, child in schema["properties"][outer]["properties"].items():
            known = schema["definitions"]["monitor"] if child.get("$ref", "").endswith("/monitor") else child
            if "properties" in known:
                assert set(VALUES[outer][name]) == set(known["properties"]), name


def test_one_version_for_all() -> None:
    chart = yaml_documents.document((CHART / "Chart.yaml").read_text())
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert chart["version"] == chart["appVersion"] == project["version"]
