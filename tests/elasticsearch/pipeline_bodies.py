"""Pipelines for the tests of the cluster, and requests of somebody else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from inference_operator.core.pipeline.stamp import Stamp
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline
from tests.elasticsearch.virtual_stand_in import Bench
from tests.standin import Answer, StandInTransport

STAMP = Stamp("k1", "search", "products", "u1")
SET: dict[str, Any] = {"set": {"field": "seen", "value": True}}


def pipeline(pipeline_id: str = "p", *processors: dict[str, Any], **more: Any) -> DesiredPipeline:
    return DesiredPipeline(pipeline_id, {"processors": list(processors) or [SET], **more})


def observed(desired: DesiredPipeline) -> ObservedPipeline:
    return ObservedPipeline(desired.pipeline_id, desired.body, STAMP)


def inference(model_id: str) -> dict[str, Any]:
    return {"inference": {"model_id": model_id, "input_output": {"input_field": "x", "output_field": "y"}}}


def call(name: str, **more: Any) -> dict[str, Any]:
    return {"pipeline": {"name": name, **more}}


async def foreign(bench: Bench, method: str, path: str, body: Mapping[str, Any] | None = None) -> None:
    """Somebody else's request, not counted."""
    before = list(bench.standin.log)
    async with httpx.AsyncClient(transport=StandInTransport(bench.standin), base_url="http://standin:9200") as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    assert len(bench.standin.log) == len(before) + 1
    bench.standin.log.clear()


def answer(body: str, status: int = 200) -> Answer:
    return Answer(status, body, (("X-elastic-product", "Elasticsearch"), ("Content-Type", "application/json")))
