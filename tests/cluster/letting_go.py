"""What tests leave in a namespace is taken away so that nobody after them looks after it; the namespace itself stays.

The end of a namespace costs the control plane a hundred requests, and one that can't end costs them again every few seconds.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from inference_operator.api.meta import API_VERSION
from tests.controlplane.api import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.controlplane import ControlPlane

Answer = TypeVar("Answer")


def clear(plane: ControlPlane, namespace: str) -> None:
    """Delete our objects, without waiting for their end."""
    for collection in _collections(namespace):
        _patiently(plane, plane.api.delete, collection)


def let_go(plane: ControlPlane, namespace: str) -> None:
    """Take all finalizers off our objects, where no operator is left to do it."""
    for collection in _collections(namespace):
        for item in _patiently(plane, plane.api.list, collection) or ():
            if "finalizers" in item["metadata"]:
                _patiently(plane, partial(_free, plane), f"{collection}/{item['metadata']['name']}")


def _free(plane: ControlPlane, path: str) -> None:
    body = {"metadata": {"finalizers": None}}
    plane.api.ask("PATCH", path, body, media_type="application/merge-patch+json")


def _patiently(plane: ControlPlane, ask: Callable[[str], Answer], path: str) -> Answer | None:
    """What the API server answers once it no longer asks for patience, as it does while kinds come and go; None for not found."""

    def answered() -> tuple[Answer | None] | None:
        try:
            return (ask(path),)
        except RefusedError as refusal:
            if refusal.status == HTTPStatus.NOT_FOUND:
                return (None,)
            if refusal.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            return None

    (answer,) = plane.eventually(answered, f"{path} to be served")
    return answer


def _collections(namespace: str) -> list[str]:
    return [f"/apis/{API_VERSION}/namespaces/{namespace}/{plural}" for plural in ("inferenceendpoints", "ingestpipelines")]
