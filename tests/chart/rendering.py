"""What Helm makes of the chart, as values: the objects of `helm template`, or what it says when it refuses.

Knows nothing of a cluster. The profiles are the ways to install that the chart promises; every property that has to hold for all
of them is tested over this table.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tests import yaml_documents
from tests.controlplane.environment import COLLECT_SELDOM

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = dict[str, Any]

CHECKOUT = Path(__file__).parents[2]
CHART = CHECKOUT / "charts" / "inference-operator"
RELEASE = "inference-operator"
RELEASE_NAMESPACE = "inference-system"
DIGEST = "sha256:" + "0123456789abcdef" * 4

PROFILES: Mapping[str, Json] = {
    "defaults": {},
    "namespaced": {"watchNamespaces": ["team-a", "team-b"]},
    "default connection": {"defaultConnection": {"secretName": "elasticsearch", "namespaces": ["team-a"]}},
    "namespaced, with a default connection for all": {
        "watchNamespaces": ["team-a"],
        "defaultConnection": {"secretName": "elasticsearch", "namespaces": ["*"]},
    },
    "image by digest": {"image": {"repository": "registry.example.com/team/operator", "digest": DIGEST, "pullSecrets": ["pull"]}},
    "uid by the platform": {"runAsUser": None},
    "foreign ServiceAccount and rights": {
        "serviceAccount": {"create": False, "name": "given"},
        "rbac": {"create": False},
    },
}


@dataclass(frozen=True, slots=True)
class Rendered:
    """The objects that `helm template` printed, in its order."""

    objects: tuple[Json, ...]

    def all(self, kind: str) -> list[Json]:
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str) -> Json:
        (found,) = self.all(kind)
        return found

    @property
    def cluster_roles(self) -> list[Json]:
        """Those of the operator: what Kubernetes adds to the roles of users is none of them."""
        return [
            role for role in self.all("ClusterRole") if not any("aggregate-to" in name for name in role["metadata"]["labels"])
        ]

    @property
    def kinds(self) -> set[str]:
        return {item["kind"] for item in self.objects}

    @property
    def bound_kinds(self) -> set[str]:
        """The kinds of all that grants rights to the operator."""
        roles = {"ClusterRole"} if self.cluster_roles else set[str]()
        return roles | self.kinds & {"ClusterRoleBinding", "Role", "RoleBinding"}

    @property
    def pod(self) -> Json:
        """Spec of the Deployment's pods."""
        spec: Json = self.one("Deployment")["spec"]["template"]["spec"]
        return spec

    @property
    def container(self) -> Json:
        (container,) = self.pod["containers"]
        found: Json = container
        return found


class Helm:
    """The real helm, away from the plugins, repositories and caches of whoever runs the tests."""

    def __init__(self, command: str, home: Path) -> None:
        self._command = command
        folders = {name: str(home / name.lower()) for name in ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")}
        self._env = {key: value for key, value in os.environ.items() if not key.startswith("HELM_")} | folders | COLLECT_SELDOM
        self._rendered: dict[tuple[str, ...], subprocess.CompletedProcess[str]] = {}

    def run(self, *arguments: str, values: Json | None = None) -> subprocess.CompletedProcess[str]:
        """Run it, with the values on standard input where the arguments say `-f -`. Never raises on a failure."""
        return subprocess.run(
            [self._command, *arguments],
            env=self._env,
            input=json.dumps(values or {}),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def template(self, values: Json | None = None, *arguments: str, release: str = RELEASE) -> Rendered:
        """Render the chart. Raises AssertionError with Helm's words when it refuses."""
        done = self._template(values, release, arguments)
        assert done.returncode == 0, done.stderr
        return Rendered(tuple(item for item in yaml_documents.documents(done.stdout) if item))

    def refusal(self, values: Json) -> str:
        """Why Helm does not render the chart with these values; empty when it does."""
        done = self._template(values, RELEASE, ())
        return done.stderr if done.returncode else ""

    def _template(self, values: Json | None, release: str, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        """Many tests look at the same values, and what helm makes of them is the same each time."""
        asked = (json.dumps(values or {}), release, *arguments)
        if asked not in self._rendered:
            chart = ("template", release, str(CHART), "--namespace", RELEASE_NAMESPACE, "-f", "-", *arguments)
            self._rendered[asked] = self.run(*chart, values=values)
        return self._rendered[asked]
