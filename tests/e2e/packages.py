"""The programs that a node needs from the distribution: found, installed by apt where that is possible, or named to a person."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.controlplane.children import ControlPlaneError
from tests.controlplane.node.configuration import CNI_PROGRAMS
from tests.controlplane.progress import Progress

# A program that only this package brings, as Debian calls the package.
_PACKAGES = {
    "containerd": "containerd",
    "runc": "runc",
    f"{CNI_PROGRAMS}/bridge": "containernetworking-plugins",
    "iptables": "iptables",
    "ip": "iproute2",
    "unshare": "util-linux",
    "mmdebstrap": "mmdebstrap",
    "buildah": "buildah",
}
_SECONDS = 600


def ensure_packages() -> None:
    """Install what is missing.

    Raises:
        ControlPlaneError: it can't be installed here; says what to install.

    """
    missing = missing_packages()
    if not missing:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise ControlPlaneError(f"install these packages (the names are Debian's): {' '.join(missing)}")
    progress = Progress(f"installing {' '.join(missing)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for words in (["update"], ["install", "--yes", "--no-install-recommends", *missing]):
        done = subprocess.run(
            ["apt-get", "-q", *words], env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        if done.returncode != 0:
            raise ControlPlaneError(f"`apt-get {' '.join(words)}` failed:\n{done.stderr.strip()}")
    progress.done()


def missing_packages(path: str | None = None) -> list[str]:
    """Those whose program is not there; `path` as the variable PATH, which it is by default."""
    return [package for program, package in _PACKAGES.items() if shutil.which(program, path=path) is None]
