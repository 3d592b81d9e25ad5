"""One release of the chart on a control plane, driven with the real helm, kubectl and shell as a person would."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.chart.rendering import CHART

if TYPE_CHECKING:
    from tests.chart.rendering import Json
    from tests.controlplane import ControlPlane

CRD = "inferenceendpoints.inference-operator.io"
CRDS = (CRD, "ingestpipelines.inference-operator.io")
_KINDS = (
    "deployments,poddisruptionbudgets,services,networkpolicies,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings"
)
_LEASES = "/apis/coordination.k8s.io/v1/namespaces/{}/leases"


@dataclass(frozen=True, slots=True)
class Release:
    """A release by name, in a namespace that is there."""

    plane: ControlPlane
    name: str
    namespace: str

    @property
    def fullname(self) -> str:
        return self.name if "inference-operator" in self.name else f"{self.name}-inference-operator"

    def helm(self, verb: str, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - as of the plane
        return self.plane.helm(verb, *arguments, f"--namespace={self.namespace}", input=input)

    def install(self, values: Json, *arguments: str, with_crds: bool = True) -> None:
        """Install, and where the CRDs are part of the release, wait until these are served."""
        self._send("install", values, arguments, with_crds=with_crds)
        if with_crds:
            self.plane.await_established(*CRDS)

    def upgrade(self, values: Json, *arguments: str, with_crds: bool = True) -> None:
        self._send("upgrade", values, arguments, with_crds=with_crds)

    def _send(self, verb: str, values: Json, arguments: tuple[str, ...], *, with_crds: bool) -> None:
        crds = {"crds": {"install": with_crds, **values.get("crds", {})}}
        self.helm(verb, self.name, str(CHART), *arguments, "-f", "-", input=json.dumps(values | crds))

    def uninstall(self) -> None:
        self.helm("uninstall", self.name, "--ignore-not-found")

    def notes(self) -> str:
        return self.plane.helm("get", "notes", self.name, f"--namespace={self.namespace}")

    def get(self, *arguments: str) -> Json:
        """Of the release's namespace."""
        found: Json = json.loads(self.plane.kubectl("get", *arguments, f"--namespace={self.namespace}", "--output=json"))
        return found

    def kinds(self) -> list[str]:
        """Of the release's objects that are stored, wherever they are."""
        selector = f"--selector=app.kubernetes.io/instance={self.name}"
        kinds = self.plane.kubectl("get", _KINDS, selector, "--all-namespaces", "--output=jsonpath={.items[*].kind}")
        return sorted(kinds.split())

    def environment(self) -> dict[str, str | None]:
        (container,) = self.get("deployment", self.fullname)["spec"]["template"]["spec"]["containers"]
        return {item["name"]: item.get("value") for item in container["env"]}

    def free_lease(self) -> None:
        """Leave the Lease as a holder that went does, so that the next operator leads at once. None may be running."""
        path = _LEASES.format(self.namespace)
        if self.plane.api.get(f"{path}/{self.fullname}") is not None:
            self.plane.api.delete(f"{path}/{self.fullname}")
        self.plane.api.create(path, {"metadata": {"name": self.fullname}, "spec": {"leaseDurationSeconds": 1}})

    def shell(self, script: str) -> str:
        """Run what the notes say, pasted into a shell. What kubectl caches goes where the plane's own files are."""
        environment = {
            "PATH": f"{self.plane.binaries.search_path}:/usr/bin:/bin",
            "HOME": str(self.plane.directory),
            "KUBECONFIG": str(self.plane.kubeconfig),
            "KUBERC": "off",
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout
