"""The steps of the demo. Each shows the command that a person would type, and returns what was seen to hold.

A step raises NotSeenError, or what kubectl raised, when it does not hold.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from tests.demo.stage import NAMESPACE, ROUND, NotSeenError, Stage, eventually
from tests.demo.voice import Voice

READY = ("True", "Available")
KEY, ROTATED, REFUSED = "invented-key-1", "invented-key-2", "sk-plain-text-never-repeated"
NAME, ELSER = "product-embeddings", "product-elser"


@dataclass(frozen=True)
class Step:
    """`needs_stand_in` says why a step is left out on a real cluster; None: it works everywhere."""

    title: str
    play: Callable[[Stage, Voice], str]
    needs_stand_in: str | None = None


def _apply(stage: Stage, voice: Voice, file: str, *documents: dict[str, Any]) -> None:
    voice.command(f"kubectl apply -n {NAMESPACE} -f {file}")
    voice.output(yaml.safe_dump_all(documents, sort_keys=False).replace(KEY, "…").replace(ROTATED, "…"))
    stage.kubectl("apply", f"--namespace={NAMESPACE}", "--filename=-", given=yaml.safe_dump_all(documents))


def _show(stage: Stage, voice: Voice, command: str) -> None:
    voice.command(f"kubectl {command} -n {NAMESPACE}")
    voice.output(stage.kubectl(*command.split(), f"--namespace={NAMESPACE}"))


def _patch(stage: Stage, voice: Voice, name: str, patch: dict[str, Any]) -> None:
    text = json.dumps(patch)
    voice.command(f"kubectl patch infep {name} -n {NAMESPACE} --type=merge -p '{text}'")
    stage.kubectl("patch", "infep", name, f"--namespace={NAMESPACE}", "--type=merge", f"--patch={text}")


def secret(value: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "openai"}, "stringData": {"api-key": value}}


def _endpoint(name: str, task: str, service: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "InferenceEndpoint",
        "metadata": {"name": name},
        "spec": {"taskType": task, "service": service, "serviceSettings": settings},
    }


def openai(model: str = "text-embedding-3-small") -> dict[str, Any]:
    key = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
    return _endpoint(NAME, "text_embedding", "openai", {"model_id": model, "api_key": key})


def an_endpoint_becomes_ready(stage: Stage, voice: Voice) -> str:
    _apply(stage, voice, "endpoint.yaml", secret(KEY), openai())
    voice.command(f"kubectl wait --for=condition=Ready infep/{NAME} -n {NAMESPACE}")
    voice.output(stage.kubectl("wait", "--for=condition=Ready", f"infep/{NAME}", f"--namespace={NAMESPACE}", "--timeout=30s"))
    _show(stage, voice, "get infep")
    status, found = stage.elasticsearch.ask("GET", f"/_inference/{NAME}")
    if status != 200:
        raise NotSeenError(f"GET _inference/{NAME} answers {status}: {found}")
    return f"{NAME} is Ready, and Elasticsearch has it"


def a_model_is_deployed(stage: Stage, voice: Voice) -> str:
    settings = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 3}
    _apply(stage, voice, "elser.yaml", _endpoint(ELSER, "sparse_embedding", "elasticsearch", settings))
    voice.command(f"kubectl get infep {ELSER} -n {NAMESPACE} -o wide --watch")
    shown: list[str] = []
    patience = 60 if stage.elasticsearch.is_stand_in else 900

    def ready() -> bool:
        line = stage.kubectl("get", "infep", ELSER, f"--namespace={NAMESPACE}", "--output=wide", "--no-headers")
        gist = " ".join(line.split()[:-1])  # the age is no news
        if gist not in shown:
            shown.append(gist)
            voice.output(line)
        return stage.has(ELSER, *READY) is not None

    eventually(ready, f"{ELSER} to be Ready", patience)
    ready()  # the last line, with all allocations
    if len(shown) < 2 and stage.elasticsearch.is_stand_in:
        raise NotSeenError("the allocations were not seen to rise")
    return f"{ELSER} became Ready only when all its allocations served"


def a_key_rotates(stage: Stage, voice: Voice) -> str:
    before = len(_updates(stage))
    voice.command(f'kubectl patch secret openai -n {NAMESPACE} -p \'{{"stringData": {{"api-key": "…"}}}}\'')
    stage.kubectl("apply", f"--namespace={NAMESPACE}", "--filename=-", given=yaml.safe_dump(secret(ROTATED)))
    updates = eventually(lambda: _updates(stage)[before:], "an _update in the stand-in's log")
    voice.output("\n".join(f"PUT {path}" for path in updates))
    eventually(lambda: stage.has(NAME, *READY), f"{NAME} to be Ready")
    if len(_updates(stage)) - before != 1:
        raise NotSeenError("more than one _update was sent")
    return "the changed Secret was pushed at once, with exactly one _update"


def _updates(stage: Stage) -> list[str]:
    return [entry["path"] for entry in stage.elasticsearch.log() if entry["path"].endswith(f"/{NAME}/_update")]


def what_cannot_change_is_refused(stage: Stage, voice: Voice) -> str:
    _patch(stage, voice, NAME, {"spec": {"serviceSettings": {"model_id": "text-embedding-3-large"}}})
    refused = eventually(lambda: stage.has(NAME, "False", "ReplaceRequired"), "ReplaceRequired")
    _show(stage, voice, "get infep")
    voice.command(f"kubectl get infep {NAME} -n {NAMESPACE} -o jsonpath='{{.status.conditions[?(@.type==\"Ready\")].message}}'")
    voice.output(refused["message"])
    if "spec.serviceSettings.model_id" not in refused["message"]:
        raise NotSeenError("the message does not name the setting")
    voice.say("Taking the edit back:")
    _patch(stage, voice, NAME, {"spec": {"serviceSettings": {"model_id": "text-embedding-3-small"}}})
    eventually(lambda: stage.has(NAME, *READY), f"{NAME} to be Ready again")
    return "the change was refused with the reason and the path; the old endpoint went on serving"


def drift_is_repaired(stage: Stage, voice: Voice) -> str:
    voice.say(f"Somebody deletes it in Elasticsearch. All is compared each {ROUND} here; by default each 10 minutes.")
    voice.command(f'curl -X DELETE "$ELASTICSEARCH_URL/_inference/{_any(stage)}"')
    name = _any(stage)
    status, _ = stage.elasticsearch.ask("DELETE", f"/_inference/{name}")
    if status != 200:
        raise NotSeenError(f"DELETE answers {status}")
    eventually(lambda: stage.elasticsearch.ask("GET", f"/_inference/{name}")[0] == 200, f"{name} to be back", 60)
    eventually(lambda: stage.has(name, *READY), f"{name} to be Ready", 60)
    _show(stage, voice, "get infep")
    return f"{name} was put back by itself"


def _any(stage: Stage) -> str:
    return NAME if stage.elasticsearch.is_stand_in else ELSER


def a_deletion_is_blocked_and_forced(stage: Stage, voice: Voice) -> str:
    name = _any(stage)
    _use(stage, voice, name)
    voice.command(f"kubectl delete infep {name} -n {NAMESPACE} --wait=false")
    stage.kubectl("delete", "infep", name, f"--namespace={NAMESPACE}", "--wait=false")
    blocked = eventually(lambda: stage.has(name, "True", "InUse", "DeletionBlocked"), "DeletionBlocked")
    _show(stage, voice, "get infep")
    voice.output(blocked["message"])
    for referrer in ("demo-products", "demo-embed"):
        if referrer not in blocked["message"]:
            raise NotSeenError(f"the message does not name {referrer}")
    voice.say("The owner of both says that it may go all the same:")
    _patch(stage, voice, name, {"spec": {"forceDelete": True}})
    eventually(lambda: stage.endpoint(name) is None, f"{name} to be gone")
    if stage.elasticsearch.ask("GET", f"/_inference/{name}")[0] != 404:
        raise NotSeenError("Elasticsearch still has it")
    for path in ("/demo-products", "/_ingest/pipeline/demo-embed"):
        stage.elasticsearch.ask("DELETE", path)
    return "the deletion was blocked, said by whom, and went through when forced"


def _use(stage: Stage, voice: Voice, name: str) -> None:
    mapping = {"mappings": {"properties": {"text": {"type": "semantic_text", "inference_id": name}}}}
    pipeline = {
        "processors": [{"inference": {"model_id": name, "input_output": {"input_field": "text", "output_field": "vector"}}}]
    }
    for path, body in (("/demo-products", mapping), ("/_ingest/pipeline/demo-embed", pipeline)):
        voice.command(f"curl -X PUT \"$ELASTICSEARCH_URL{path}\" --json '{json.dumps(body)}'")
        status, answer = stage.elasticsearch.ask("PUT", path, body)
        if status != 200:
            raise NotSeenError(f"PUT {path} answers {status}: {answer}")


def plain_text_is_refused(stage: Stage, voice: Voice) -> str:
    wrong = _endpoint("careless", "text_embedding", "openai", {"model_id": "text-embedding-3-small", "api_key": REFUSED})
    voice.command(f"kubectl apply -n {NAMESPACE} -f careless.yaml   # with the key in plain text")
    said = stage.refused("apply", f"--namespace={NAMESPACE}", "--filename=-", given=yaml.safe_dump(wrong))
    voice.output(said)
    if REFUSED in said:
        raise NotSeenError("the refusal repeats the secret")
    if "api_key" not in said:
        raise NotSeenError("the refusal does not name the field")
    return "the API server refused the object, named the field, and did not repeat the secret"


_PROVIDER = "it needs a provider that takes an invented key"
STEPS = (
    Step("An endpoint: apply it, and it becomes Ready", an_endpoint_becomes_ready, _PROVIDER),
    Step("A model inside the cluster: Ready only when it serves", a_model_is_deployed),
    Step("The key rotates", a_key_rotates, _PROVIDER),
    Step("A setting that can't change", what_cannot_change_is_refused, _PROVIDER),
    Step("Somebody deletes an endpoint behind our back", drift_is_repaired),
    Step("A deletion that would break others", a_deletion_is_blocked_and_forced),
    Step("A secret in plain text", plain_text_is_refused),
)
