"""What the licence of the cluster allows, and how `GET _license` tells it."""

from __future__ import annotations

from tests.standin.errors import license_error
from tests.standin.state import Cluster, State

ALLOWED_TYPES = frozenset({"trial", "enterprise"})


def check_license(state: State, service: str | None = None) -> None:
    """Raise the server's 403 unless the licence allows inference. Service `elastic` is always allowed."""
    if service != "elastic" and not allows_inference(state.cluster):
        raise license_error()


def allows_inference(cluster: Cluster) -> bool:
    return cluster.license_type in ALLOWED_TYPES and cluster.license_status == "active"
