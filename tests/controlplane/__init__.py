"""A real Kubernetes control plane without a cluster, for the demo and the tests. `README.md` says how and why.

What is named here is imported when it is first asked for: the programs are built before any package is installed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.controlplane.binaries import Binaries, ensure_binaries, ensure_kustomize_controller
    from tests.controlplane.children import ChildDiedError, ControlPlaneError
    from tests.controlplane.commands import CommandFailedError
    from tests.controlplane.plane import ControlPlane
    from tests.controlplane.running import NotInTimeError

__all__ = [
    "Binaries",
    "ChildDiedError",
    "CommandFailedError",
    "ControlPlane",
    "ControlPlaneError",
    "NotInTimeError",
    "ensure_binaries",
    "ensure_kustomize_controller",
]

_HOMES = {
    "binaries": ("Binaries", "ensure_binaries", "ensure_kustomize_controller"),
    "children": ("ChildDiedError", "ControlPlaneError"),
    "commands": ("CommandFailedError",),
    "plane": ("ControlPlane",),
    "running": ("NotInTimeError",),
}


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            found: object = getattr(import_module(f"{__name__}.{module}"), name)
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
