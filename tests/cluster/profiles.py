"""The profiles that the chart ships, as tests install them, and how the rights of each differ from `tests.chart.rights`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.chart.release import CRDS, Release
from tests.chart.rendering import CHART, CHECKOUT
from tests.chart.rights import RIGHTS, Right
from tests.cluster.operating import Operating, operating
from tests.controlplane import ControlPlane

PROFILES = tuple(sorted(path.stem for path in (CHART / "profiles").glob("*.yaml")))
LABEL = "inference-operator.io/managed=true"
"""What `namespace-selector.yaml` asks for."""
_OF_VALUES = frozenset(Right("", resource, verb) for resource in ("secrets", "configmaps") for verb in ("list", "watch"))
_OF_LABELS = frozenset(Right("", "namespaces", verb) for verb in ("list", "watch"))


@dataclass(frozen=True, slots=True)
class Installed:
    """A running operator of one profile, and the namespaces that it looks after and those that it does not."""

    profile: str
    operator: Operating
    inside: tuple[str, ...]
    outside: str

    @property
    def lists_namespaces(self) -> bool:
        return self.profile in ("namespaces", "restricted")

    @property
    def rights(self) -> frozenset[Right]:
        match self.profile:
            case "restricted":
                return RIGHTS - _OF_VALUES
            case "namespace-selector":
                return RIGHTS | _OF_LABELS
            case _:
                return RIGHTS

    def role(self, namespace: str) -> tuple[str, ...]:
        """Kind, name and, for a Role, namespace of what grants the rights there, as arguments of kubectl."""
        name = "cluster-inference-operator"
        return ("role", name, f"--namespace={namespace}") if self.lists_namespaces else ("clusterrole", name)

    def rules(self, namespace: str) -> list[dict[str, Any]]:
        """Of that role."""
        found: list[dict[str, Any]] = json.loads(self.operator.plane.kubectl("get", *self.role(namespace), "--output=json"))[
            "rules"
        ]
        return found

    def set_rules(self, namespace: str, rules: list[dict[str, Any]]) -> None:
        patch = json.dumps({"rules": rules})
        self.operator.plane.kubectl("patch", *self.role(namespace), "--type=merge", f"--patch={patch}")


@contextmanager
def installed(profile: str, folder: Path, count: int) -> Iterator[Installed]:
    """The profile on a control plane of its own, with `count` namespaces that it looks after, and its operator running."""
    with ControlPlane() as plane:
        inside = tuple(f"team-{number}" for number in range(count))
        for name in (*inside, "elsewhere"):
            plane.kubectl("create", "namespace", name)

        def install(release: Release) -> None:
            values = {"watchNamespaces": list(inside)} if profile in ("namespaces", "restricted") else {}
            if profile == "restricted":
                plane.kubectl("apply", "--server-side", f"--filename={CHECKOUT / 'crds'}")
                plane.await_established(*CRDS)
            if profile == "namespace-selector":
                plane.kubectl("label", "namespaces", *inside, LABEL)
            file = f"--values={CHART / 'profiles' / profile}.yaml"
            release.install(values, file, with_crds=profile != "restricted")

        with operating(plane, folder, install) as operator:
            yield Installed(profile, operator, inside, "elsewhere")
