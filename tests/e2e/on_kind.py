"""A cluster by kind, where a Docker engine and `kind` are there. Linux only: pods reach this process by the engine's bridge.

The image is built by the engine from the Dockerfile as it is, base from a registry. Pods have the node's address for whoever is
outside, so the stand-in's log can't tell them apart here.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from typing_extensions import override

from tests.controlplane.api import Api
from tests.controlplane.audit import AuditEntry, audit_entries
from tests.controlplane.binaries import ensure_binaries
from tests.controlplane.children import ControlPlaneError
from tests.controlplane.progress import Progress
from tests.controlplane.servers import AUDIT_POLICY
from tests.controlplane.state import REPOSITORY
from tests.e2e.cluster import Cluster, ImageName, Json

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.controlplane.binaries import Binaries

_CONFIG = Path(__file__).with_name("kind") / "cluster.yaml"
_REPOSITORY = "localhost/inference-operator"
_TAG = "e2e"
_ADMIN = "e2e-admin"
_AUDIT_LOG = "/var/log/kubernetes-audit/audit.jsonl"
_IMAGE = f"{_REPOSITORY}:{_TAG}"
_SECONDS = 900
_CHUNK = 1 << 20


class OnKind(Cluster):
    """See `running`."""

    def __init__(self, binaries: Binaries, name: str, folder: Path, size: int) -> None:
        kubeconfig = folder / "kubeconfig"
        super().__init__(binaries, _api(binaries["kubectl"], kubeconfig, folder / "ca.crt"), kubeconfig, folder)
        self._node = f"{name}-control-plane"
        self._size = size

    @property
    @override
    def image(self) -> ImageName:
        return ImageName(_REPOSITORY, _TAG, self._size)

    @property
    @override
    def address_of_this_process(self) -> str:
        form = "{{range .IPAM.Config}}{{.Gateway}} {{end}}"
        gateways = _run(["docker", "network", "inspect", "kind", f"--format={form}"]).split()
        return next(gateway for gateway in gateways if ":" not in gateway)

    @override
    def signal(self, container: str, name: str) -> None:
        inspect = ["crictl", "inspect", "--output=go-template", "--template={{.info.pid}}", container]
        pid = _run(["docker", "exec", self._node, *inspect]).strip()
        _run(["docker", "exec", self._node, "kill", f"-{name}", pid])

    @override
    def asked_by(self, user: str) -> list[AuditEntry]:
        # In the node: the API server runs as root and writes a file that nobody else may read.
        return audit_entries(_run(["docker", "exec", self._node, "cat", _AUDIT_LOG]), user=user)

    @override
    def origin_of(self, pod: Json) -> str:
        address: str = pod["status"]["hostIP"]
        return address

    @override
    def check(self) -> None:
        """Nothing is known without asking the engine, which takes longer than what waits here may take."""


def prepare() -> None:
    """Build kubectl, helm and the image. Raises ControlPlaneError without an engine or without kind."""
    for command, purpose in ((["docker", "info"], "a Docker engine that runs"), (["kind", "version"], "kind")):
        try:
            _run(command)
        except ControlPlaneError as error:
            raise ControlPlaneError(f"PROVIDER=kind needs {purpose}. {error}") from None
    ensure_binaries()
    progress = Progress("building the operator's image")
    _run(["docker", "build", "--quiet", f"--tag={_IMAGE}", str(REPOSITORY)])
    progress.done()


@contextmanager
def running(binaries: Binaries | None = None) -> Iterator[OnKind]:
    """Start it; it is deleted with the block. `binaries` are ours by default. Raises ControlPlaneError."""
    name = f"infop-{secrets.token_hex(3)}"
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "audit-policy.yaml").write_text(AUDIT_POLICY)
        (folder / "cluster.yaml").write_text(_CONFIG.read_text().replace("FOLDER", str(folder)))
        kubeconfig = f"--kubeconfig={folder / 'kubeconfig'}"
        try:
            _run(
                ["kind", "create", "cluster", f"--name={name}", f"--config={folder / 'cluster.yaml'}", kubeconfig, "--wait=120s"]
            )
            _run(["kind", "load", "docker-image", _IMAGE, f"--name={name}"])
            yield OnKind(binaries or ensure_binaries(), name, folder, _compressed_size())
        finally:
            _run(["kind", "delete", "cluster", f"--name={name}", kubeconfig])


def _api(kubectl: str, kubeconfig: Path, ca_file: Path) -> Api:
    """By the token of a ServiceAccount who may do everything, as kind's own kubeconfig has a certificate."""
    run = [kubectl, f"--kubeconfig={kubeconfig}"]
    _run([*run, "create", "serviceaccount", _ADMIN, "--namespace=kube-system"])
    _run([*run, "create", "clusterrolebinding", _ADMIN, "--clusterrole=cluster-admin", f"--serviceaccount=kube-system:{_ADMIN}"])
    token = _run([*run, "create", "token", _ADMIN, "--namespace=kube-system", "--duration=4h"]).strip()
    (cluster,) = json.loads(_run([*run, "config", "view", "--raw", "--output=json"]))["clusters"]
    ca_file.write_bytes(base64.b64decode(cluster["cluster"]["certificate-authority-data"]))
    return Api(cluster["cluster"]["server"], ca_file, token)


def _compressed_size() -> int:
    """Of all layers; the engine keeps them unpacked, so they are packed as a registry would."""
    with subprocess.Popen(["docker", "save", _IMAGE], stdout=subprocess.PIPE) as saving, tempfile.TemporaryFile() as packed:
        if saving.stdout is None:
            raise AssertionError("it was asked for")
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=6) as archive:
            while chunk := saving.stdout.read(_CHUNK):
                archive.write(chunk)
        return packed.seek(0, os.SEEK_END)


def _run(argv: Sequence[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_SECONDS, check=False, stdin=subprocess.DEVNULL)
    except FileNotFoundError:
        raise ControlPlaneError(f"there is no `{argv[0]}` on PATH") from None
    if done.returncode != 0:
        raise ControlPlaneError(f"`{' '.join(argv[:3])}` failed:\n{done.stderr.strip()}")
    return done.stdout
