"""Values that the chart takes, in many combinations: what each group may hold, and which combinations contradict themselves."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]

NAMES = st.sampled_from(["a", "team-a", "x1", "n" * 60])
PEERS = st.lists(
    st.sampled_from(
        [
            {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
            {"ipBlock": {"cidr": "fd00::/8"}},
            {"namespaceSelector": {}},
            {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}},
        ]
    ),
    max_size=2,
)
PORTS = st.lists(st.integers(1, 65535), min_size=1, max_size=3, unique=True)
TEXTS = st.sampled_from(["", "yes", "true", "1e3", "a: b", "{}", "null", "- x"])
LABELS = st.dictionaries(
    st.sampled_from(["team", "example.com/stage", "zz"]), st.sampled_from(["a", "1", "true", ""]), max_size=2
)
ANNOTATIONS = st.dictionaries(st.sampled_from(["team", "example.com/note"]), TEXTS, max_size=2)
TOKEN = st.sampled_from([{}, {"name": "token", "key": "token"}])
MONITOR = {
    "interval": st.sampled_from(["", "30s", "1m"]),
    "scrapeTimeout": st.sampled_from(["", "10s"]),
    "labels": LABELS,
    "tlsConfig": st.sampled_from([{}, {"insecureSkipVerify": True}]),
    "tokenSecret": TOKEN,
}
ON = st.booleans()


def _is_consistent(metrics: Json) -> bool:
    parts = ("serviceMonitor", "podMonitor", "prometheusRule", "authentication")
    service, pod = metrics["serviceMonitor"], metrics["podMonitor"]
    return (
        (metrics["enabled"] or not (metrics["tls"]["secretName"] or any(metrics[part]["enabled"] for part in parts)))
        and not (service["enabled"] and pod["enabled"])
        and not (service["enabled"] and not metrics["service"]["enabled"])
        and not (pod["enabled"] and metrics["authentication"]["enabled"] and not pod["tokenSecret"])
        and not (metrics["authentication"]["readers"] and not metrics["authentication"]["enabled"])
    )


METRICS = st.fixed_dictionaries(
    {
        "enabled": ON,
        "tls": st.fixed_dictionaries({"secretName": st.sampled_from(["", "certificate"])}),
        "authentication": st.fixed_dictionaries(
            {"enabled": ON, "readers": st.sampled_from([[], [{"name": "prometheus", "namespace": "monitoring"}]])}
        ),
        "service": st.fixed_dictionaries({"enabled": ON, "annotations": ANNOTATIONS}),
        "serviceMonitor": st.fixed_dictionaries({"enabled": ON, **MONITOR}),
        "podMonitor": st.fixed_dictionaries({"enabled": ON, **MONITOR}),
        "prometheusRule": st.fixed_dictionaries({"enabled": ON, "labels": LABELS}),
    }
).filter(_is_consistent)
NETWORK = st.fixed_dictionaries(
    {
        "enabled": ON,
        "apiServer": st.fixed_dictionaries({"cidrs": st.sampled_from([[], ["10.0.0.1/32", "fd00::1/128"]]), "ports": PORTS}),
        "dns": st.fixed_dictionaries({"to": PEERS, "ports": PORTS}),
        "elasticsearch": st.fixed_dictionaries({"to": PEERS, "ports": PORTS}),
        "metricsFrom": PEERS,
    }
)
POLICIES = st.fixed_dictionaries(
    {
        "plainTextSecrets": st.fixed_dictionaries({"enabled": ON, "extraNames": st.sampled_from([[], ["password", "Token_2"]])}),
        "forceDelete": st.fixed_dictionaries({"enabled": ON}),
        "allowedServices": st.fixed_dictionaries({"enabled": ON, "default": st.sampled_from([[], ["*"], ["openai", "cohere"]])}),
        "validationActions": st.sampled_from([["Deny"], ["Warn", "Audit"], ["Deny", "Audit"]]),
    }
)
WHERE = st.sampled_from([{}, {"watchNamespaces": ["team-a", "team-b"]}, {"watchNamespaceSelector": "team in (a,b),!old"}])
RBAC = st.sampled_from([{}, {"watchSecrets": False}, {"watchSecrets": False, "secretNames": ["es", "openai"]}, {"create": False}])
EXTRAS = st.sampled_from(
    [
        {},
        {"extraCA": {"configMapName": "roots"}},
        {"extraCA": {"secretName": "roots", "key": "b.pem"}, "extraEnv": [{"name": "A", "value": "true"}]},
        {
            "extraVolumes": [{"name": "t", "emptyDir": {}}],
            "extraVolumeMounts": [{"name": "t", "mountPath": "/t", "readOnly": True}],
        },
    ]
)


def _joined(parts: Json, where: Json, extras: Json) -> Json:
    """One set of values. A default connection that serves the release's namespace only is none for a list without it."""
    default = parts["defaultConnection"]
    if "watchNamespaces" in where and default.get("secretName") and not default.get("namespaces"):
        where = where | {"defaultConnection": default | {"namespaces": where["watchNamespaces"][:1]}}
    return parts | where | extras


VALUES = st.builds(
    _joined,
    st.fixed_dictionaries(
        {
            "crds": st.just({"install": False}),
            "replicaCount": st.integers(1, 3),
            "fullnameOverride": st.one_of(st.just(""), NAMES),
            "defaultConnection": st.sampled_from([{}, {"secretName": "es"}, {"secretName": "es", "namespaces": ["*"]}]),
            "metrics": METRICS,
            "audit": st.fixed_dictionaries({"enabled": ON}),
            "tracing": st.sampled_from([{}, {"enabled": True}, {"enabled": True, "endpoint": "http://collector:4318"}]),
            "networkPolicy": NETWORK,
            "admissionPolicies": POLICIES,
            "rbac": RBAC,
            "userRoles": st.fixed_dictionaries({"create": ON}),
            "runAsUser": st.sampled_from([None, 1, 65532, 2**31 - 1]),
            "podLabels": LABELS,
            "podAnnotations": ANNOTATIONS,
            "requestsPerSecond": st.sampled_from([0.5, 50, 2500000]),
        }
    ),
    WHERE,
    EXTRAS,
)
