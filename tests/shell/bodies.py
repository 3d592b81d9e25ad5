"""Objects as the API server sends them, in one line each."""

from __future__ import annotations

from typing import Any

from inference_operator.api.meta import CLAIM_ANNOTATION
from inference_operator.kinds.endpoint.kind import PLURAL, InferenceEndpoints
from inference_operator.kinds.pipeline.kind import PLURAL as PIPELINES
from inference_operator.kinds.pipeline.kind import IngestPipelines
from inference_operator.shell.intake import read
from inference_operator.shell.ports import Body, ObjectKey
from inference_operator.shell.store import Known


def key_of(name: str, namespace: str = "search") -> ObjectKey:
    return ObjectKey(PLURAL, namespace, name)


def pipeline_key(name: str, namespace: str = "search") -> ObjectKey:
    return ObjectKey(PIPELINES, namespace, name)


def body(name: str, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Body:
    """An OpenAI endpoint. `spec` is merged over it, `metadata` over uid `uid-NAME`, generation 1 and resourceVersion 1."""
    plain = {"name": name, "namespace": "search", "uid": f"uid-{name}", "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "InferenceEndpoint",
        "metadata": plain | metadata,
        "spec": {"taskType": "text_embedding", "service": "openai"} | (spec or {}),
        "status": {"observedGeneration": -1} | (status or {}),
    }


def known(name: str, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Known:
    """The same, read."""
    return read(InferenceEndpoints, body(name, spec, status, **metadata))


def claimed(name: str, cluster: str, inference_id: str | None = None, uid: str | None = None) -> dict[str, str]:
    """The annotations of an object that holds a claim."""
    return {CLAIM_ANNOTATION: f"{uid or f'uid-{name}'}@{cluster}/{inference_id or name}"}


def pipeline_body(name: str, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Body:
    """An IngestPipeline without processors; otherwise as `body`."""
    plain = body(name, None, status, **metadata)
    return plain | {"kind": "IngestPipeline", "spec": {"processors": []} | (spec or {})}


def known_pipeline(name: str, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None, **metadata: Any) -> Known:
    """The same, read."""
    return read(IngestPipelines, pipeline_body(name, spec, status, **metadata))


def ready(*says: str) -> dict[str, Any]:
    """A status of which `Ready` has this status and reason; without them one that says nothing yet."""
    if not says:
        return {}
    told = {"type": "Ready", "status": says[0], "reason": says[1], "message": "m"}
    return {
        "observedGeneration": 1,
        "conditions": [told | {"observedGeneration": 1, "lastTransitionTime": "2026-01-01T00:00:00Z"}],
    }
