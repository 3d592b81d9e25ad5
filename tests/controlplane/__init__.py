"""A real Kubernetes control plane without a cluster, for the demo and the tests. `README.md` says how and why."""

from __future__ import annotations

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
