"""An object may be nested as deeply as it likes: it is refused, and nothing else happens."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.api.depth import MAX_DEPTH
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.invalid import InvalidObject


def nested(levels: int) -> Any:
    found: Any = {"leaf": "x"}
    for number in range(levels - 1):
        found = {"a": found} if number % 2 else [found]
    return found


def endpoint(settings: Any) -> dict[str, Any]:
    spec = {"taskType": "text_embedding", "service": "openai", "serviceSettings": {"deep": settings}}
    return {"metadata": {"name": "a", "namespace": "search"}, "spec": spec}


def pipeline(settings: Any) -> dict[str, Any]:
    return {"metadata": {"name": "a", "namespace": "search"}, "spec": {"processors": [{"set": {"value": settings}}]}}


@pytest.mark.parametrize("levels", [MAX_DEPTH + 1, 50_000])
def test_what_is_nested_too_deeply_is_refused_by_its_path(levels: int) -> None:
    with pytest.raises(InvalidObject, match=r"^spec\.serviceSettings: nested more than 100 levels deep$"):
        InferenceEndpoint.parse(endpoint(nested(levels)))
    with pytest.raises(InvalidObject, match=r"^spec\.processors: nested more than 100 levels deep$"):
        IngestPipeline.parse(pipeline(nested(levels)))


def test_what_lies_within_the_bound_is_read() -> None:
    assert InferenceEndpoint.parse(endpoint(nested(MAX_DEPTH - 1))).spec.service_settings
    assert IngestPipeline.parse(pipeline(nested(MAX_DEPTH - 3))).spec.processors


def test_a_status_that_somebody_nested_is_refused_as_well() -> None:
    with pytest.raises(InvalidObject, match=r"^status: nested more than"):
        InferenceEndpoint.parse(endpoint({}) | {"status": {"observed": nested(200)}})
