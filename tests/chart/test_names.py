"""Whatever Kubernetes takes as a name is written as a text, also where YAML would read a number, a truth value or nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.chart.rendering import CHART

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.chart.rendering import Helm, Json
    from tests.controlplane import ControlPlane

# What a name may be, and YAML reads as something else where it is not quoted; each is tried in every place at once.
ODD = ("2024", "007", "0x1f", "2024-01-01", "true", "null", "no")
PLAIN = "plain-name"
_BY_LIST: Json = {
    "fullnameOverride": "given",
    "watchNamespaces": [PLAIN],
    "defaultConnection": {"secretName": PLAIN, "namespaces": [PLAIN]},
    "image": {"repository": "registry.example.com/operator", "pullSecrets": [PLAIN]},
    "serviceAccount": {"create": True, "name": PLAIN, "annotations": {"example.com/role": PLAIN}},
    "rbac": {"watchSecrets": False, "secretNames": [PLAIN]},
    "priorityClassName": PLAIN,
    "nodeSelector": {"example.com/pool": PLAIN},
    "podLabels": {"team": PLAIN},
    "podAnnotations": {"team": PLAIN},
    "extraCA": {"configMapName": PLAIN, "key": PLAIN},
    "extraEnv": [{"name": "A", "value": PLAIN}],
    "extraVolumes": [{"name": PLAIN, "secret": {"secretName": PLAIN}}],
    "extraVolumeMounts": [{"name": PLAIN, "mountPath": "/extra"}],
    "metrics": {
        "tls": {"secretName": PLAIN},
        "authentication": {"enabled": True, "readers": [{"name": PLAIN, "namespace": PLAIN}]},
        "service": {"annotations": {"team": PLAIN}},
        "serviceMonitor": {"enabled": True, "labels": {"team": PLAIN}, "tokenSecret": {"name": PLAIN, "key": PLAIN}},
        "prometheusRule": {"enabled": True, "labels": {"team": PLAIN}},
        "dashboard": {"enabled": True, "labels": {"team": PLAIN}, "annotations": {"folder": PLAIN}},
    },
    "networkPolicy": {"enabled": True},
    "admissionPolicies": {
        "plainTextSecrets": {"enabled": True},
        "forceDelete": {"enabled": True},
        "allowedServices": {"enabled": True},
    },
    "crds": {"annotations": {"team": PLAIN}},
}
_BY_LABEL: Json = {
    "watchNamespaceSelector": PLAIN,
    "extraCA": {"secretName": PLAIN},
    "metrics": {
        "service": {"enabled": False},
        "podMonitor": {"enabled": True, "tokenSecret": {"name": PLAIN, "key": PLAIN}},
    },
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("values", [_BY_LIST, _BY_LABEL], ids=["by list", "by label"])
def test_an_odd_name_is_written_as_any_other(helm: Helm, values: Json, odd: str) -> None:
    """The same objects come of it as of a plain name, with the odd one in its place."""
    plain = helm.template(values, f"--namespace={PLAIN}", release=PLAIN)
    named = helm.template(_renamed(values, odd), f"--namespace={odd}", release=odd)
    assert _texts(named.objects) == _texts(_renamed(plain.objects, odd))


@pytest.mark.parametrize("odd", ["true", "null", "no"])
def test_an_odd_name_of_the_chart_is_written_as_any_other(helm: Helm, odd: str) -> None:
    """Others are refused: it has to begin with a letter."""
    values = _BY_LIST | {"nameOverride": PLAIN, "fullnameOverride": PLAIN}
    assert _texts(helm.template(_renamed(values, odd)).objects) == _texts(_renamed(helm.template(values).objects, odd))


def test_a_service_that_no_api_server_would_take_is_refused(helm: Helm) -> None:
    done = helm.run("template", "2024", str(CHART))
    assert done.returncode
    assert 'called "2024-inference-operator-metrics"' in done.stderr
    assert "Set fullnameOverride" in done.stderr
    for way_out in ("fullnameOverride=given", "metrics.service.enabled=false", "metrics.enabled=false"):
        helm.template({}, f"--set={way_out}", release="2024")


def test_an_api_server_takes_names_of_digits(plane: ControlPlane) -> None:
    for name in ("2024", "2025"):
        plane.kubectl("create", "namespace", name)
    values = {
        "watchNamespaces": ["2025"],
        "defaultConnection": {"secretName": "123", "namespaces": ["2025"]},
        "serviceAccount": {"create": True, "name": "456"},
        "image": {"pullSecrets": ["789"]},
        "metrics": {
            "tls": {"secretName": "123"},
            "authentication": {"enabled": True, "readers": [{"name": "1", "namespace": "2"}]},
        },
        "extraCA": {"secretName": "0"},
        "crds": {"install": False},
        "fullnameOverride": "given",
    }
    plane.helm("install", "2026", str(CHART), "--namespace=2024", "-f", "-", input=json.dumps(values))
    plane.helm("uninstall", "2026", "--namespace=2024")


def _renamed(value: Any, name: str) -> Any:
    match value:
        case dict():
            return {key: _renamed(each, name) for key, each in value.items()}
        case list() | tuple():
            return [_renamed(each, name) for each in value]
        case str():
            return value.replace(PLAIN, name)
        case _:
            return value


def _texts(objects: Sequence[Json]) -> list[str]:
    """Helm sorts by name."""
    return sorted(json.dumps(each, sort_keys=True) for each in objects)
