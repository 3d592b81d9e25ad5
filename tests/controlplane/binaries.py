"""Where the programs of the control plane are: built once and cached, or, for some of them, already on the machine.

`KUBEBUILDER_ASSETS` names a folder with etcd, kube-apiserver and kubectl as `setup-envtest` lays them out; what is there is
used, the rest is built.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import cache
from tests.controlplane.build import build
from tests.controlplane.locks import locked
from tests.controlplane.modules import KUSTOMIZE_CONTROLLER, MODULES, NODE, PROMETHEUS, TOOL_NAMES, digest
from tests.controlplane.progress import say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.controlplane.modules import Module

ASSETS_VARIABLE = "KUBEBUILDER_ASSETS"
_ASSETS = ("etcd", "kube-apiserver", "kubectl")


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folders that hold them, to be put in front of PATH, in this order."""

    folders: tuple[Path, ...]

    def __getitem__(self, tool: str) -> str:
        """The path of a tool, for instance of `kube-apiserver`."""
        for folder in self.folders:
            if (folder / tool).exists():
                return str(folder / tool)
        raise KeyError(tool)

    @property
    def search_path(self) -> str:
        return os.pathsep.join(map(str, self.folders))


def ensure_binaries() -> Binaries:
    """The programs of the control plane; builds what is missing, which takes minutes, and shows progress on standard error.

    Raises:
        ControlPlaneError: a build failed.

    """
    given = _given()
    entry = _built(MODULES, frozenset(given))
    return Binaries((*dict.fromkeys(path.parent for path in given.values()), entry))


def ensure_node_binaries() -> Binaries:
    """These and the programs of a node, built in the same way.

    Raises:
        ControlPlaneError: a build failed.

    """
    plane = ensure_binaries()
    return Binaries((*plane.folders, _built((NODE,), frozenset())))


def ensure_kustomize_controller() -> Binaries:
    """Flux's kustomize-controller, its CRD beside it, and `kstatus`, which judges as it does; built in the same way.

    Raises:
        ControlPlaneError: a build failed.

    """
    return Binaries((_built((KUSTOMIZE_CONTROLLER,), frozenset()),))


def ensure_prometheus() -> Binaries:
    """Prometheus and promtool, built in the same way.

    Raises:
        ControlPlaneError: a build failed.

    """
    return Binaries((_built((PROMETHEUS,), frozenset()),))


def _built(modules: Sequence[Module], without: frozenset[str]) -> Path:
    entry = cache.root() / digest(without, modules)
    if not entry.exists():
        with locked(entry.with_name(f"{entry.name}.lock"), "another process builds the control plane"):
            if not entry.exists():
                build(entry, without, modules)
    return entry


def _given() -> dict[str, Path]:
    if not (value := os.environ.get(ASSETS_VARIABLE)):
        return {}
    folder = Path(value).resolve()
    found = {name: folder / name for name in _ASSETS if os.access(folder / name, os.X_OK)}
    built = [name for name in TOOL_NAMES if name not in found]
    say(f"{ASSETS_VARIABLE}: using {', '.join(found) or 'nothing'} from {folder}; ours: {', '.join(built)}")
    return found
