"""Documents for the tests of the CRD, a namespace for them, and what the API server says when it refuses one."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import CommandFailedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane import ControlPlane

REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
CONFIG_REFERENCE = {"valueFrom": {"configMapKeyRef": {"name": "openai", "key": "api-key"}, "as": "json"}}


class Namespaced:
    """Asks the API server about the objects of one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._namespace = namespace

    def kubectl(self, *args: str, body: str | None = None) -> str:
        """Run kubectl in the namespace, with the body as file if there is one; return its standard output."""
        file = () if body is None else ("--filename=-",)
        return self._plane.kubectl(*args, *file, f"--namespace={self._namespace}", input=body)

    def answer(self, *args: str, body: str) -> dict[str, Any]:
        """Run kubectl and return the object that the API server answers with."""
        answered: dict[str, Any] = json.loads(self.kubectl(*args, "--output=json", body=body))
        return answered

    def refusal(self, *args: str, body: str | None = None) -> str:
        """Run kubectl, which must fail, and return its standard error."""
        with pytest.raises(CommandFailedError) as caught:
            self.kubectl(*args, body=body)
        return caught.value.stderr


@contextmanager
def own_namespace(plane: ControlPlane) -> Iterator[Namespaced]:
    """An empty namespace of one's own, which is deleted at the end."""
    namespace = f"crd-{secrets.token_hex(4)}"
    plane.kubectl("create", "namespace", namespace)
    yield Namespaced(plane, namespace)
    plane.kubectl("delete", "namespace", namespace, "--wait=false")


MINIMAL: dict[str, dict[str, Any]] = {
    "InferenceEndpoint": {"taskType": "text_embedding", "service": "openai"},
    "IngestPipeline": {"processors": [{"set": {"field": "seen", "value": True}}]},
}
"""By kind, the fields that must be there."""


def document(name: str = "products", kind: str = "InferenceEndpoint", /, **spec: Any) -> str:
    """The JSON of an object of a kind, with what must be there; a field that is `...` is left out."""
    fields = {**MINIMAL[kind], **spec}
    return json.dumps(
        {
            "apiVersion": "inference-operator.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name},
            "spec": {key: value for key, value in fields.items() if value is not ...},
        }
    )
