"""Who plays: what the story uses on the stand-in, and on a cluster of your own, where only a model in the cluster can be had.

An invented key is taken by the stand-in alone: a real Elasticsearch asks the provider before it stores an endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MANIFESTS = "tests/demo/manifests"


@dataclass(frozen=True, slots=True)
class Cast:
    """Names and settings. The `subject` is the object that the later steps are about.

    `frozen` is a setting of it that can't change in place, with its value and another one, and `why` it can't; `drift` a
    request with which somebody changes it in Elasticsearch. `seconds` is how long a model may take.
    """

    elser_file: str
    seconds: int
    subject: str
    inference_id: str
    task_type: str
    frozen: tuple[str, str | int, str | int]
    why: str
    drift: Mapping[str, Any] | None
    index: str
    pipeline: str

    @property
    def endpoint_path(self) -> str:
        return f"/_inference/{self.task_type}/{self.inference_id}"

    @property
    def index_path(self) -> str:
        return f"/{self.index}"

    @property
    def pipeline_path(self) -> str:
        return f"/_ingest/pipeline/{self.pipeline}"


ON_THE_STAND_IN = Cast(
    elser_file=f"{MANIFESTS}/elser.yaml",
    seconds=60,
    subject="product-embeddings",
    inference_id="product-embeddings",
    task_type="text_embedding",
    frozen=("model_id", "text-embedding-3-small", "text-embedding-3-large"),
    why="vectors of two models don't mix",
    drift={"service_settings": {"rate_limit": {"requests_per_minute": 1}}},
    index="products",
    pipeline="embed-products",
)
ON_YOUR_CLUSTER = Cast(
    elser_file=f"{MANIFESTS}/elser-on-your-cluster.yaml",
    seconds=900,
    subject="elser",
    inference_id="inference-operator-demo",
    task_type="sparse_embedding",
    frozen=("num_threads", 1, 2),
    why="its model is deployed with it",
    drift=None,
    index="inference-operator-demo-products",
    pipeline="inference-operator-demo-embed",
)
