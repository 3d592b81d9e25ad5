"""What becomes of objects that the operator left its finalizer on, in tests that end without an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_operator.api.meta import API_VERSION

if TYPE_CHECKING:
    from tests.controlplane import ControlPlane


def let_go(plane: ControlPlane, namespace: str) -> None:
    """Take all finalizers off our objects in a namespace that is to be deleted.

    A namespace that can't end is tried again every few seconds with a hundred requests, for as long as the control plane runs.
    """
    for plural in ("inferenceendpoints", "ingestpipelines"):
        collection = f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}"
        for item in plane.api.list(collection):
            if "finalizers" in item["metadata"]:
                path = f"{collection}/{item['metadata']['name']}"
                free = {"metadata": {"finalizers": None}}
                plane.api.ask("PATCH", path, free, media_type="application/merge-patch+json")
