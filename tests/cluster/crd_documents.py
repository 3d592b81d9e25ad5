"""Documents for the tests of the CRD, a namespace for them, and what the API server says when it refuses one."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.api.meta import API_VERSION
from tests.cluster.letting_go import clear
from tests.controlplane import CommandFailedError
from tests.controlplane.api import RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.controlplane import ControlPlane

REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
CONFIG_REFERENCE = {"valueFrom": {"configMapKeyRef": {"name": "openai", "key": "api-key"}, "as": "json"}}


class Way(Enum):
    """What may be asked about an object; nothing of it is kept."""

    CREATE = "POST", "application/json"
    REPLACE = "PUT", "application/json"
    MERGE = "PATCH", "application/merge-patch+json"
    """What `kubectl apply` sends to an object that is there."""
    APPLY = "PATCH", "application/apply-patch+yaml"
    """Server-side apply."""


class Namespaced:
    """Asks the API server about the objects of one namespace, itself or by kubectl, which costs fifty times as much."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self._plane = plane
        self._api = plane.api
        self._namespace = namespace

    def answer(self, way: Way, body: str) -> dict[str, Any]:
        """The object as it would be stored. As with kubectl, a field that the schema does not know is refused."""
        wanted = json.loads(body)
        collection, path = self._paths(wanted)
        if way is Way.REPLACE:
            wanted["metadata"]["resourceVersion"] = self._api.ask("GET", path)["metadata"]["resourceVersion"]
        method, media_type = way.value
        manager = "&force=true&fieldManager=tests" if way is Way.APPLY else ""
        query = f"?dryRun=All&fieldValidation=Strict{manager}"
        return self._api.ask(method, (collection if way is Way.CREATE else path) + query, wanted, media_type=media_type)

    def refusal(self, way: Way, body: str) -> str:
        """All that the API server says about a body that it must refuse: its message, and the whole answer."""
        with pytest.raises(RefusedError) as caught:
            self.answer(way, body)
        return f"{caught.value}\n{caught.value.answer}"

    def create(self, body: str) -> dict[str, Any]:
        """Create an object; as it is stored."""
        wanted = json.loads(body)
        return self._api.create(self._paths(wanted)[0], wanted)

    def kubectl(self, *args: str, body: str | None = None) -> str:
        """Run kubectl in the namespace, with the body as file if there is one; return its standard output."""
        file = () if body is None else ("--filename=-",)
        return self._plane.kubectl(*args, *file, f"--namespace={self._namespace}", input=body)

    def kubectl_refusal(self, *args: str, body: str | None = None) -> str:
        """Run kubectl, which must fail, and return its standard error."""
        with pytest.raises(CommandFailedError) as caught:
            self.kubectl(*args, body=body)
        return caught.value.stderr

    def _paths(self, body: dict[str, Any]) -> tuple[str, str]:
        """Of the collection, and of the object in it."""
        collection = f"/apis/{API_VERSION}/namespaces/{self._namespace}/{body['kind'].lower()}s"
        return collection, f"{collection}/{body['metadata']['name']}"


@contextmanager
def own_namespace(plane: ControlPlane) -> Iterator[Namespaced]:
    """An empty namespace of one's own, whose objects are deleted at the end."""
    namespace = f"crd-{secrets.token_hex(4)}"
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    yield Namespaced(plane, namespace)
    clear(plane, namespace)


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
            "apiVersion": API_VERSION,
            "kind": kind,
            "metadata": {"name": name},
            "spec": {key: value for key, value in fields.items() if value is not ...},
        }
    )
