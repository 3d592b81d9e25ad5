"""What the chart renders with some sets of values, as files: a change of a template shows as a diff of what users install.

    python -m tests.chart.snapshotting

writes them anew. CRDs are left out: they are files of their own.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tests import yaml_documents
from tests.chart.rendering import CHART, Helm
from tests.controlplane import ensure_binaries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.chart.rendering import Json

FOLDER = Path(__file__).parent / "snapshots"
EVERYTHING: Json = {
    "watchNamespaceSelector": "team in (a,b),!old",
    "defaultConnection": {"secretName": "elasticsearch", "namespaces": ["*"]},
    "metrics": {
        "tls": {"secretName": "certificate"},
        "authentication": {"enabled": True, "readers": [{"name": "prometheus-k8s", "namespace": "monitoring"}]},
        "serviceMonitor": {"enabled": True, "interval": "30s", "scrapeTimeout": "10s", "labels": {"release": "prometheus"}},
    },
    "tracing": {"enabled": True, "endpoint": "http://collector.observability:4318"},
    "networkPolicy": {
        "enabled": True,
        "apiServer": {"cidrs": ["10.0.0.1/32"], "ports": [6443]},
        "dns": {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "openshift-dns"}}}],
            "ports": [5353],
        },
        "elasticsearch": {
            "to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "elastic"}}}],
            "ports": [9200],
        },
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
        "extraEgress": [{"to": [{"ipBlock": {"cidr": "10.1.0.0/16"}}], "ports": [{"port": 3128, "protocol": "TCP"}]}],
    },
    "admissionPolicies": {
        "plainTextSecrets": {"enabled": True, "extraNames": ["password"]},
        "forceDelete": {"enabled": True},
        "allowedServices": {"enabled": True, "default": ["elasticsearch"]},
    },
    "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    "extraVolumes": [{"name": "tmp", "emptyDir": {}}],
    "extraVolumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - a path in the container
    "extraCA": {"configMapName": "roots"},
}
SETS: Mapping[str, Json] = {
    **{path.stem: yaml_documents.document(path.read_text()) for path in sorted((CHART / "profiles").glob("*.yaml"))},
    "everything": EVERYTHING,
    "one-pod-scraped-by-a-podmonitor": {
        "replicaCount": 1,
        "metrics": {"podMonitor": {"enabled": True}, "service": {"enabled": False}, "prometheusRule": {"enabled": True}},
    },
}


def rendered(helm: Helm, name: str) -> str:
    """The documents of one set, without CRDs and without the rules of alerts, which is a file of its own as well."""
    objects = [item for item in helm.template(SETS[name]).objects if item["kind"] != "CustomResourceDefinition"]
    for item in objects:
        if item["kind"] == "PrometheusRule":
            item["spec"] = {"groups": [group["name"] for group in item["spec"]["groups"]]}
    return yaml.safe_dump_all(objects, sort_keys=False, width=120)


def main() -> int:
    """Write all files, and remove those of sets that are gone."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as home:
        helm = Helm(ensure_binaries()["helm"], Path(home))
        texts = {FOLDER / f"{name}.yaml": rendered(helm, name) for name in SETS}
    for path in set(FOLDER.glob("*.yaml")) - set(texts):
        path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
