"""The steps of the story that are about a pipeline: it waits for its endpoint, its test fails, both go together.

As those of `story`: each shows what a person would type, and returns in a few words what was seen to hold.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from tests.demo import NotSeenError
from tests.demo.cast import MANIFESTS
from tests.demo.stage import Stage

PIPELINE, ENDPOINT = "embed-reviews", "review-embeddings"
_PIPELINE_FILE, _ENDPOINT_FILE = f"{MANIFESTS}/reviews-pipeline.yaml", f"{MANIFESTS}/reviews-endpoint.yaml"
_PIPELINE_PATH = f"/_ingest/pipeline/{PIPELINE}"
_READY = f"kubectl wait --for=condition=Ready ingp/{PIPELINE} --timeout=30s"
_FAILURES = "{range .status.tests.failures[*]}document {.document}: expected {.expected}, actual {.actual}{end}"


def apply_a_pipeline_before_its_endpoint(stage: Stage) -> str:
    stage.voice.say(
        "An ingest pipeline that embeds reviews. It says nothing of an order; what it needs stands in its processors."
    )
    stage.terminal.cat(_PIPELINE_FILE)
    stage.terminal.run(f"kubectl apply -f {_PIPELINE_FILE}")
    _await_reason(stage, "WaitingForReference")
    said = stage.terminal.run(_ready_message())
    if "spec.processors[1].inference.model_id" not in said or ENDPOINT not in said:
        raise NotSeenError("the message does not name the field and the endpoint")
    if _in_elasticsearch(stage) is not None:
        raise NotSeenError("Elasticsearch has the pipeline, although it could not work")
    stage.voice.seen("it waits, names the field, and is not in Elasticsearch")
    stage.voice.say("Now the endpoint comes, and nobody touches the pipeline:")
    stage.terminal.run(f"kubectl apply -f {_ENDPOINT_FILE}")
    stage.terminal.run(_READY)
    stage.terminal.run("kubectl get ingp")
    if _in_elasticsearch(stage) is None:
        raise NotSeenError("the object is Ready, but Elasticsearch does not have the pipeline")
    if not _asked(stage, "POST", "/_ingest/pipeline/_simulate"):
        raise NotSeenError("its test did not run")
    stage.voice.seen("Ready by itself, after its test ran in Elasticsearch")
    return "waited for it, then Ready"


def break_a_pipeline(stage: Stage) -> str:
    stage.voice.say("Somebody edits the pipeline, and forgets what its test says:")
    before, written = _in_elasticsearch(stage), stage.elasticsearch.writes_of_others()
    edit = json.dumps({"spec": {"processors": [{"uppercase": {"field": "text"}}]}}, separators=(",", ":"))
    stage.terminal.run(f"kubectl patch ingp {PIPELINE} --type=merge -p '{edit}'")
    _await_reason(stage, "TestsFailed")
    stage.terminal.run(_ready_message())
    told = stage.terminal.run(f"kubectl get ingp {PIPELINE} -o jsonpath='{_FAILURES}'")
    if not all(text in told for text in ("document 0", '"Fits well"', '" FITS WELL "')):
        raise NotSeenError("status does not show document, expected and actual")
    if _in_elasticsearch(stage) != before or stage.elasticsearch.writes_of_others() != written:
        raise NotSeenError("something was written, although a test fails")
    stage.voice.seen("not written: Elasticsearch keeps the old pipeline, and status shows document, expected and actual")
    stage.voice.say("Taking the edit back:")
    stage.terminal.run(f"kubectl apply -f {_PIPELINE_FILE}")
    stage.terminal.run(_READY)
    stage.voice.seen("Ready again")
    return "its test fails, so nothing is written"


def delete_both_together(stage: Stage) -> str:
    stage.voice.say("Endpoint and pipeline go in one command, the endpoint first, which the pipeline still uses:")
    stage.terminal.run(f"kubectl delete -f {_ENDPOINT_FILE} -f {_PIPELINE_FILE} --timeout=60s", seconds=70)
    gone = _deletions(stage)[-2:]
    stage.voice.say(f"The log of Elasticsearch: {'; '.join(f'DELETE {path} 200' for path in gone)}")
    if [path.rpartition("/")[2] for path in gone] != [PIPELINE, ENDPOINT]:
        raise NotSeenError("they did not go in the right order")
    stage.voice.seen("first the pipeline, then the endpoint, by themselves")
    return "first the pipeline, then the endpoint"


def _await_reason(stage: Stage, reason: str) -> None:
    path = '{.status.conditions[?(@.type=="Ready")].reason}'
    stage.terminal.run(f"kubectl wait --for=jsonpath='{path}'={reason} ingp/{PIPELINE} --timeout=30s")


def _ready_message() -> str:
    return f"kubectl get ingp {PIPELINE} -o jsonpath='{{.status.conditions[?(@.type==\"Ready\")].message}}'"


def _in_elasticsearch(stage: Stage) -> dict[str, Any] | None:
    """The pipeline as Elasticsearch has it; None where it does not."""
    status, answer = stage.elasticsearch.ask("GET", _PIPELINE_PATH)
    return dict(answer[PIPELINE]) if status == HTTPStatus.OK else None


def _asked(stage: Stage, method: str, path: str) -> bool:
    return any((one["method"], one["path"]) == (method, path) for one in stage.elasticsearch.log())


def _deletions(stage: Stage) -> list[str]:
    """What was really deleted, in order: a dry run is answered with 200 as well when nothing is in the way."""
    done = [one for one in stage.elasticsearch.log() if one["method"] == "DELETE" and one["status"] == HTTPStatus.OK]
    return [one["path"] for one in done if one["write"]]
