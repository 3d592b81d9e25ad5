"""What users do to a running operator, so that each of its metrics has something to tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.request import urlopen

from inference_operator.api.meta import API_VERSION
from tests.cluster.operating import Operating, endpoint, eventually, secret
from tests.shell.metrics_story import ELSER, UNKNOWN, Scraped, read
from tests.standin.state import drop

PROBED = {"probe": {"enabled": True, "interval": "1h"}}


def scrape(operator: Operating) -> Scraped:
    """What Prometheus would read of the running process."""
    with urlopen(f"{operator.metrics}/metrics", timeout=10) as answer:
        return read(answer.read().decode())


def pipeline(name: str, **spec: Any) -> dict[str, Any]:
    """A pipeline that needs nothing."""
    processors = [{"trim": {"field": "text"}}]
    return {
        "apiVersion": API_VERSION,
        "kind": "IngestPipeline",
        "metadata": {"name": name},
        "spec": {"processors": processors} | spec,
    }


def ready(operator: Operating, namespace: str, *names: str) -> None:
    """Wait until these (`infep/NAME`, `ingp/NAME`) are Ready."""
    operator.plane.kubectl("wait", *names, "--for=condition=Ready", "--timeout=60s", f"--namespace={namespace}", timeout=90)


def tell(operator: Operating, namespace: str) -> None:
    """Objects of all sorts, what others change, an outage, and a namespace that goes with what its objects need."""
    abandon(operator, f"{namespace}-going")
    names = {name: f"{namespace}-{name}" for name in ("plain", "model", "refused", "late", "pipeline")}
    operator.apply(
        namespace,
        secret(),
        endpoint("plain", inferenceId=names["plain"], **PROBED),
        endpoint("model", **(ELSER | {"inferenceId": names["model"]})),
        endpoint("refused", **(UNKNOWN | {"inferenceId": names["refused"]})),
        pipeline("pipeline", pipelineId=names["pipeline"]),
    )
    ready(operator, namespace, "infep/plain", "infep/model", "ingp/pipeline")
    forget_pipeline(operator, names["pipeline"])
    eventually(lambda: names["pipeline"] in operator.standin.state.pipelines, "the pipeline to be put back")
    cut_off(operator, namespace, endpoint("late", inferenceId=names["late"]))


def forget_pipeline(operator: Operating, name: str) -> None:
    """Somebody deletes a pipeline in Elasticsearch."""
    operator.standin.change(lambda state: replace(state, pipelines=drop(state.pipelines, name)))


def abandon(operator: Operating, namespace: str) -> None:
    """A namespace goes while the operator does not run: with it the Secret that led to Elasticsearch."""
    operator.plane.kubectl("create", "namespace", namespace)
    connection = {path.name: path.read_text() for path in operator.connection.iterdir()}
    way = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "es"}, "stringData": connection}
    reference = {"elasticsearchRef": {"secretName": "es"}}
    operator.apply(namespace, way, secret(), endpoint("abandoned", inferenceId=f"{namespace}-abandoned", **reference))
    ready(operator, namespace, "infep/abandoned")
    operator.kill()
    operator.plane.kubectl("delete", "namespace", namespace, "--wait=false")
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    eventually(lambda: not operator.plane.api.list(secrets), "the Secrets of the namespace to be gone")
    operator.start()
    operator.await_gone(namespace, "abandoned")


def cut_off(operator: Operating, namespace: str, *late: Mapping[str, Any]) -> None:
    """Elasticsearch can't be reached until the operator leaves it alone and held a request back; then it is back."""
    operator.standin.reachable = False
    try:
        operator.apply(namespace, *late)
        eventually(lambda: scrape(operator).all("elasticsearch_requests_unsent_total", cause="breaker"), "a request held back")
    finally:
        operator.standin.reachable = True
    ready(operator, namespace, *(f"infep/{one['metadata']['name']}" for one in late))
