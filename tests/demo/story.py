"""The steps of the story. Each shows what a person would type, and returns in a few words what was seen to hold.

A step raises NotSeenError, or what the terminal raised, where something does not hold. Waiting is on conditions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import yaml_documents
from tests.controlplane.state import REPOSITORY
from tests.demo import NotSeenError
from tests.demo.cast import MANIFESTS
from tests.demo.pipelines import apply_a_pipeline_before_its_endpoint, break_a_pipeline, delete_both_together
from tests.demo.stage import ROUND, Stage, Tally

_BULK_READ = ("GET", "/_inference/_all")


@dataclass(frozen=True, slots=True)
class Step:
    """`only_on_the_stand_in` says why the step is left out on a cluster of your own; None: it works everywhere."""

    title: str
    play: Callable[[Stage], str]
    only_on_the_stand_in: str | None = None


def apply_an_endpoint(stage: Stage) -> str:
    stage.voice.say("The Secret key.yaml holds the provider's key. The endpoint refers to it:")
    before = stage.tally()
    stage.terminal.cat(f"{MANIFESTS}/openai.yaml")
    stage.terminal.run(f"kubectl apply -f {MANIFESTS}/key.yaml -f {MANIFESTS}/openai.yaml")
    stage.terminal.run("kubectl wait --for=condition=Ready infep/product-embeddings --timeout=30s")
    stage.terminal.run("kubectl get infep -A")
    if stage.in_elasticsearch() is None:
        raise NotSeenError("the object is Ready, but Elasticsearch does not have the endpoint")
    stage.expect_writes(before, Tally(2, 1))
    stage.voice.seen("Ready, with exactly 2 writes to Kubernetes and 1 to Elasticsearch")
    return "Ready"


def write_a_key_in_plain_text(stage: Stage) -> str:
    stage.voice.say("The same in a hurry: careless.yaml has the key itself where the reference belongs.")
    said = stage.terminal.refused(f"kubectl apply -f {MANIFESTS}/careless.yaml")
    if any(key in said for key in keys()):
        raise NotSeenError("the refusal repeats the key")
    if "spec.serviceSettings.api_key" not in said:
        raise NotSeenError("the refusal does not name the field")
    if stage.terminal.read("kubectl get infep careless --ignore-not-found -o json") is not None:
        raise NotSeenError("the object was stored all the same")
    stage.voice.say("“May not be more than 0 bytes” is the API server's way to say that no text belongs there, only a reference.")
    stage.voice.seen("refused before it was stored; the answer names the field, and does not repeat the key")
    return "refused at admission, key not repeated"


def deploy_a_model(stage: Stage) -> str:
    stage.voice.say(
        "ELSER runs inside Elasticsearch. Its endpoint is there at once, but of no use until the model is. Ready means usable."
    )
    stage.terminal.cat(stage.cast.elser_file)
    stage.terminal.run(f"kubectl apply -f {stage.cast.elser_file}")
    stage.eventually(lambda: stage.condition("elser", "Ready"), "a first word in status", stage.cast.seconds)
    line = "kubectl get infep elser -o wide --watch"
    shown = stage.terminal.watch(line, lambda text: _serves(stage, text), seconds=stage.cast.seconds)
    deployment = stage.terminal.read("kubectl get infep elser -o jsonpath='{.status.deployment}'")
    count, target = deployment.get("allocationCount"), deployment.get("targetAllocationCount")
    if count != target or not count:
        raise NotSeenError(f"it is Ready with {count} of {target} allocations")
    if stage.elasticsearch.is_stand_in and not any(_column(text, "False") for text in shown):
        raise NotSeenError("it was Ready at once, although its deployment takes seconds")
    stage.voice.seen(f"Ready only once {count} of {target} allocations served")
    return f"{count} of {target} allocations, then Ready"


def _serves(stage: Stage, text: str) -> bool:
    """Raises NotSeenError where a person must act, so that nobody waits a quarter of an hour for what won't come."""
    if _column(text, "False") and stage.condition("elser", "Stalled"):
        ready = stage.condition("elser", "Ready") or {}
        raise NotSeenError(f"{ready.get('reason')}: {ready.get('message')}")
    return _column(text, "True")


def _column(text: str, ready: str) -> bool:
    return text.split()[1:2] == [ready]


def rotate_the_key(stage: Stage) -> str:
    stage.voice.say("Somebody puts another key into the Secret. Nothing else is touched.")
    before = stage.tally()
    logged = len(stage.elasticsearch.log())
    stage.elasticsearch.keep_bodies(True)
    stage.terminal.run(f"kubectl apply -f {MANIFESTS}/key-rotated.yaml")
    version = stage.terminal.run("kubectl get secret openai -o jsonpath='{.metadata.resourceVersion}'").strip()
    path = "{.status.secretVersions[0].resourceVersion}"
    stage.terminal.run(f"kubectl wait --for=jsonpath='{path}'={version} infep/product-embeddings --timeout=30s")
    updates = [one for one in stage.elasticsearch.log(bodies=True)[logged:] if one["path"].endswith("/_update")]
    stage.elasticsearch.keep_bodies(False)
    stage.voice.say(
        f"The log of Elasticsearch: {'; '.join(f'''{one['method']} {one['path']} {one['status']}''' for one in updates)}"
    )
    new = _documents("key-rotated.yaml")[0]["stringData"]["api-key"]
    if [json.loads(one["body"])["service_settings"]["api_key"] for one in updates] != [new]:
        raise NotSeenError(f"expected exactly one _update, with the new key; there were {len(updates)}")
    stage.expect_writes(before, Tally(1, 1))
    _see_that_no_key_shows(stage)
    stage.voice.seen("one _update carried the new key to Elasticsearch, and status notes the Secret's version")
    stage.voice.seen("no key, old or new, shows in any endpoint, any event or the operator's log")
    return "pushed by one _update, shown nowhere"


def _see_that_no_key_shows(stage: Stage) -> None:
    objects = stage.plane.kubectl("get", "infep,ingp,events", "--all-namespaces", "--output=yaml")
    for where, text in (("objects and events", objects), ("operator's log", stage.plane.log("operator").read_text())):
        if any(key in text for key in keys()):
            raise NotSeenError(f"a key shows in the {where}")


def change_what_cannot_change(stage: Stage) -> str:
    name, (setting, old, new) = stage.cast.subject, stage.cast.frozen
    stage.voice.say(f"Elasticsearch can't change {setting} of an endpoint that exists: {stage.cast.why}.")
    stage.terminal.run(_patch(name, {"serviceSettings": {setting: new}}))
    path = '{.status.conditions[?(@.type=="Ready")].reason}'
    stage.terminal.run(f"kubectl wait --for=jsonpath='{path}'=ReplaceRequired infep/{name} --timeout=30s")
    stage.terminal.run(f"kubectl get infep {name}")
    said = stage.terminal.run(_message(name, "Ready"))
    if f"spec.serviceSettings.{setting}" not in said:
        raise NotSeenError("the message does not name the setting")
    found = stage.in_elasticsearch() or {}
    if found.get("service_settings", {}).get(setting) != old:
        raise NotSeenError(f"Elasticsearch has no longer the old {setting}")
    stage.voice.seen("refused with the path of the setting and the ways out; the old endpoint goes on serving")
    stage.voice.say("Taking the edit back:")
    stage.terminal.run(_patch(name, {"serviceSettings": {setting: old}}))
    stage.terminal.run(f"kubectl wait --for=condition=Ready infep/{name} --timeout=30s")
    stage.voice.seen("Ready again")
    return "refused with reason and path, then taken back"


def change_nothing(stage: Stage) -> str:
    stage.voice.say(f"The operator compares the whole cluster every {ROUND} here (every 10 minutes by default). Two rounds:")
    _await_rounds(stage, 1)  # what the step before has left to write, its event for instance, is written by then
    before = stage.tally()
    _await_rounds(stage, 2)
    stage.expect_writes(before, Tally(0, 0))
    stage.voice.seen(f"2 times {' '.join(_BULK_READ)} for all endpoints together, and not one write on either side")
    return "2 rounds, not one write"


def _await_rounds(stage: Stage, number: int) -> None:
    end = _rounds(stage) + number
    stage.eventually(lambda: _rounds(stage) >= end, f"{number} more rounds")


def _rounds(stage: Stage) -> int:
    return sum((one["method"], one["path"]) == _BULK_READ for one in stage.elasticsearch.log())


def meddle_behind_its_back(stage: Stage) -> str:
    wanted, seconds = stage.in_elasticsearch(), stage.cast.seconds
    for title, method, path, body in _meddling(stage):
        stage.voice.say(f"Somebody {title} the endpoint in Elasticsearch itself:")
        stage.curl(method, path, body)
        stage.eventually(lambda: stage.in_elasticsearch() == wanted, "the endpoint to be as the spec says", seconds)
        stage.voice.seen("put back as the spec says, at the next round")
    line = f"kubectl wait --for=condition=Ready infep/{stage.cast.subject} --timeout={seconds}s"
    stage.terminal.run(line, seconds=seconds + 10)
    return "put back at the next round"


def _meddling(stage: Stage) -> Iterator[tuple[str, str, str, Any]]:
    path = stage.cast.endpoint_path
    if stage.cast.drift is not None:
        yield "changes", "PUT", f"{path}/_update", stage.cast.drift
    yield "deletes", "DELETE", path, None


def delete_what_is_used(stage: Stage) -> str:
    cast, name = stage.cast, stage.cast.subject
    field = {"type": "semantic_text", "inference_id": cast.inference_id}
    processor = {"model_id": cast.inference_id, "input_output": {"input_field": "text", "output_field": "vector"}}
    stage.voice.say("An index and a pipeline come to rely on the endpoint; then somebody deletes it.")
    stage.curl("PUT", cast.index_path, {"mappings": {"properties": {"text": field}}})
    stage.curl("PUT", cast.pipeline_path, {"processors": [{"inference": processor}]})
    stage.terminal.run(f"kubectl delete infep {name} --wait=false")
    stage.voice.say("“Deleted” means that it is marked: the operator's finalizer holds it until Elasticsearch lets go.")
    stage.terminal.run(f"kubectl wait --for=condition=DeletionBlocked infep/{name} --timeout=30s")
    said = stage.terminal.run(_message(name, "DeletionBlocked"))
    missing = [one for one in (cast.index, cast.pipeline) if one not in said]
    if missing:
        raise NotSeenError(f"the message does not name {' and '.join(missing)}")
    if stage.in_elasticsearch() is None:
        raise NotSeenError("the endpoint is gone from Elasticsearch although it is used")
    stage.voice.seen("blocked, and says by whom; the endpoint is still there")
    stage.voice.say("It may go all the same:")
    stage.terminal.run(_patch(name, {"forceDelete": True}))
    stage.terminal.run(f"kubectl wait --for=delete infep/{name} --timeout=60s", seconds=70)
    if stage.in_elasticsearch() is not None:
        raise NotSeenError("the object is gone, but Elasticsearch still has the endpoint")
    if stage.elasticsearch.is_stand_in:
        stage.terminal.run("kubectl get infep -A")  # the model is left; on your own cluster nothing is
    stage.voice.seen("gone, in Kubernetes and in Elasticsearch")
    return "blocked by index and pipeline, then forced"


def _patch(name: str, spec: dict[str, Any]) -> str:
    return f"kubectl patch infep {name} --type=merge -p '{json.dumps({'spec': spec}, separators=(',', ':'))}'"


def _message(name: str, condition: str) -> str:
    return f"kubectl get infep {name} -o jsonpath='{{.status.conditions[?(@.type==\"{condition}\")].message}}'"


def _documents(file: str) -> list[dict[str, Any]]:
    return list(yaml_documents.documents((REPOSITORY / MANIFESTS / file).read_text()))


def keys() -> list[str]:
    """Every key in the demo's files; none may ever show."""
    documents = [one for path in Path(REPOSITORY / MANIFESTS).glob("*.yaml") for one in _documents(path.name)]
    keys = [one["stringData"]["api-key"] for one in documents if one["kind"] == "Secret"]
    return [*keys, _documents("careless.yaml")[0]["spec"]["serviceSettings"]["api_key"]]


_PROVIDER = "Elasticsearch asks the provider before it stores an endpoint, and this one's key is invented"
_LOG = "it counts writes in the log of requests, which only the stand-in has"
STEPS = (
    Step("Apply an endpoint of OpenAI", apply_an_endpoint, _PROVIDER),
    Step("Apply one with its key in plain text", write_a_key_in_plain_text),
    Step("Apply a model inside Elasticsearch", deploy_a_model),
    Step("Rotate the key", rotate_the_key, _PROVIDER),
    Step("Apply a pipeline before its endpoint", apply_a_pipeline_before_its_endpoint, _PROVIDER),
    Step("Break a pipeline that has a test", break_a_pipeline, _PROVIDER),
    Step("Delete pipeline and endpoint together", delete_both_together, _PROVIDER),
    Step("Change what can't change", change_what_cannot_change),
    Step("Change nothing", change_nothing, _LOG),
    Step("Meddle behind the operator's back", meddle_behind_its_back),
    Step("Delete what is still used", delete_what_is_used),
)
