"""Flux on the test control plane: its kustomize-controller for real, and the parts of source- and helm-controller that it needs.

A commit is an archive that is served on loopback, and the status that source-controller would write of it. What helm-controller
does with a HelmRelease is done by the real helm, with the values of the object and the chart of the checkout. Must not import
the operator.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, TypeAlias, TypeVar

from tests.chart.release import Release
from tests.cluster.operating import eventually
from tests.controlplane import Binaries, ControlPlane

HOME = "flux-system"
EXAMPLES = Path(__file__).parents[2] / "examples" / "gitops"
CRD = "kustomize.toolkit.fluxcd.io_kustomizations.yaml"
REQUEST = "reconcile.fluxcd.io/requestedAt"
OF_OTHER_CONTROLLERS = (
    ("source.toolkit.fluxcd.io", "v1", "GitRepository"),
    ("source.toolkit.fluxcd.io", "v1", "OCIRepository"),
    ("source.toolkit.fluxcd.io", "v1", "Bucket"),
    ("source.toolkit.fluxcd.io", "v1", "ExternalArtifact"),
    ("helm.toolkit.fluxcd.io", "v2", "HelmRelease"),
)

_KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{HOME}/kustomizations"
_SOURCE = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{HOME}/gitrepositories/fleet"
_RELEASE = "/apis/helm.toolkit.fluxcd.io/v2/namespaces/inference-operator/helmreleases/inference-operator"
_THEN = "2026-01-01T00:00:00Z"

T = TypeVar("T")
Tree: TypeAlias = dict[str, str]


def example() -> Tree:
    """What a user commits: the files of all folders that Flux reads."""
    paths = sorted(path for folder in ("flux", "operator", "search") for path in (EXAMPLES / folder).rglob("*.yaml"))
    return {path.relative_to(EXAMPLES).as_posix(): path.read_text() for path in paths}


@dataclass
class Archives:
    """What is served, by name."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Flux:
    """One that runs, and a repository that it follows."""

    plane: ControlPlane
    archives: Archives

    def commit(self, tree: Mapping[str, str]) -> str:
        """Make these files the newest revision; returns its name."""
        archive = _archive(tree)
        digest = hashlib.sha256(archive).hexdigest()
        revision = f"main@sha1:{digest[:40]}"
        self.archives.files[f"/{digest}.tar.gz"] = archive
        source = self._found(_SOURCE)
        source["status"] = {
            "observedGeneration": source["metadata"]["generation"],
            "conditions": [_ready("True", source)],
            "artifact": {
                "url": f"{self.archives.url}/{digest}.tar.gz",
                "path": f"gitrepository/{HOME}/fleet/{digest}.tar.gz",
                "revision": revision,
                "digest": f"sha256:{digest}",
                "lastUpdateTime": _THEN,
                "size": len(archive),
            },
        }
        self.plane.api.ask("PUT", f"{_SOURCE}/status", source)
        return revision

    def release(self) -> Release:
        """Install what the HelmRelease says, once it is there."""
        wanted = eventually(lambda: self.plane.api.get(_RELEASE), "the HelmRelease to be applied")
        release = Release(self.plane, wanted["metadata"]["name"], wanted["metadata"]["namespace"])
        release.install(wanted["spec"]["values"])
        return release

    def tell_release(self, ready: str) -> None:
        """Let the HelmRelease say whether it is installed: `True`, or `Unknown` while it is not."""
        wanted = self._found(_RELEASE)
        wanted["status"] = {"observedGeneration": wanted["metadata"]["generation"], "conditions": [_ready(ready, wanted)]}
        self.plane.api.ask("PUT", f"{_RELEASE}/status", wanted)

    def request(self, name: str, token: str) -> None:
        """`flux reconcile kustomization`."""
        self.plane.kubectl("annotate", "kustomization", name, f"--namespace={HOME}", "--overwrite", f"{REQUEST}={token}")

    def kustomization(self, name: str) -> dict[str, Any] | None:
        return self.plane.api.get(f"{_KUSTOMIZATIONS}/{name}")

    def conditions(self, name: str) -> dict[str, dict[str, str]]:
        found = self.kustomization(name) or {}
        return {condition["type"]: condition for condition in found.get("status", {}).get("conditions", ())}

    def await_ready(self, name: str, revision: str) -> None:
        """Wait until a revision is applied and healthy."""

        def done() -> bool:
            status = (self.kustomization(name) or {}).get("status", {})
            ready = self.conditions(name).get("Ready", {})
            return ready.get("status") == "True" and status.get("lastAppliedRevision") == revision

        self._await(done, name, f"{name} to be ready at {revision}")

    def await_told(self, name: str, kind: str, wanted: tuple[str, str], revision: str | None = None) -> str:
        """Wait for a status and reason of a condition, at an attempted revision if one is named; returns its message."""

        def done() -> str | None:
            found = self.kustomization(name) or {}
            condition = self.conditions(name).get(kind, {})
            at = revision is None or found.get("status", {}).get("lastAttemptedRevision") == revision
            return condition["message"] if at and (condition.get("status"), condition.get("reason")) == wanted else None

        return self._await(done, name, f"{name}: {kind} {wanted}")

    def _await(self, done: Callable[[], T | None], name: str, what: str) -> T:
        try:
            return eventually(done, what, seconds=120)
        except AssertionError as error:
            log = self.plane.log("kustomize-controller").read_text()[-3000:]
            raise AssertionError(f"{error}\n{self.conditions(name)}\n{log}") from None

    def _found(self, path: str) -> dict[str, Any]:
        found = self.plane.api.get(path)
        assert found is not None, path
        return found


@contextmanager
def running(plane: ControlPlane, binaries: Binaries, folder: Path) -> Iterator[Flux]:
    """Start it on a control plane; it ends with that."""
    crds = [_open_crd(*each) for each in OF_OTHER_CONTROLLERS]
    for crd in crds:
        plane.api.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    plane.kubectl("apply", "--server-side", f"--filename={binaries[CRD]}")
    plane.await_established(*(crd["metadata"]["name"] for crd in crds), "kustomizations.kustomize.toolkit.fluxcd.io")
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": HOME}})
    arguments = ["--watch-all-namespaces", "--enable-leader-election=false", "--requeue-dependency=1s", "--log-level=info"]
    ports = ["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"]
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = kept | {"KUBECONFIG": str(plane.kubeconfig), "RUNTIME_NAMESPACE": HOME, "TMPDIR": str(folder)}
    with _served() as archives:
        program = binaries["kustomize-controller"]
        plane.run("kustomize-controller", [program, *arguments, *ports], ready="Starting workers", env=environment)
        yield Flux(plane, archives)


@contextmanager
def _served() -> Iterator[Archives]:
    archives = Archives("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = archives.files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as of the base class
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        archives.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield archives
        finally:
            server.shutdown()
            thread.join()


def _archive(tree: Mapping[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, text in sorted(tree.items()):
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return content.getvalue()


def _ready(status: str, body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "Ready",
        "status": status,
        "reason": "Succeeded" if status == "True" else "Progressing",
        "message": "as the test says",
        "lastTransitionTime": _THEN,
        "observedGeneration": body["metadata"]["generation"],
    }


def _open_crd(group: str, version: str, kind: str) -> dict[str, Any]:
    """A CRD that takes everything: for objects of controllers that do not run here."""
    plural = f"{kind.lower()[:-1]}ies" if kind.endswith("y") else f"{kind.lower()}s"
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": anything},
    }
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [served]},
    }
