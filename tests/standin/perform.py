"""`POST /_inference…`: inference itself, plain and streamed, with the refusals of the server.

Decides shapes and errors; the figures come from `vectors.py`. Real calls to a provider are not made here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.standin import deployments, model_service, vectors
from tests.standin.catalogue import DENSE_TASKS, find_service
from tests.standin.default_endpoints import find_endpoint, is_preconfigured
from tests.standin.errors import ElasticsearchError, bad_request, content_error, not_found, request_invalid, status_error
from tests.standin.licensing import check_license
from tests.standin.messages import Action, Json, Request, Response, Step, Waiting, encode
from tests.standin.provider import refusal, timed_out
from tests.standin.reading import ANY_TASK, json_body, task_type, timeout
from tests.standin.state import Endpoint, State
from tests.standin.version import Version

_STREAMING = ("completion", "chat_completion")
_EMBEDDING_TASKS = frozenset({"text_embedding", "sparse_embedding", "embedding"})
_INPUT_TYPES = frozenset({"search", "ingest", "classification", "clustering"})
DEFAULT_TIMEOUT = 30.0
# When `input_type` came is unverified ("newer versions"); a call on 8.19 settles it.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "input": ("8.11",),
    "query": ("8.13",),
    "task_settings": ("8.13",),
    "input_type": ("8.19", "9.1"),
    "return_documents": ("8.19", "9.1"),
    "top_n": ("8.19", "9.1"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """One inference request. `stream`: by `_stream`."""

    inference_id: str
    task: str
    body: Json
    stream: bool
    wait: float


def prepare_perform(request: Request, version: Version) -> Action:
    """Both forms, with and without `_stream` at the end."""
    parts = list(request.segments[1:])
    stream = parts[-1] == "_stream"
    parts = parts[:-1] if stream else parts
    call = Call(
        parts[-1],
        task_type(parts[0], version) if len(parts) > 1 else ANY_TASK,
        json_body(request),
        stream,
        timeout(request, DEFAULT_TIMEOUT),
    )
    return lambda state, now: _perform(call, state, now)


def _perform(call: Call, state: State, now: float, deadline: float | None = None) -> Step:
    """Streams answer their errors as an event, everything else as a body."""
    try:
        return _answered(call, state, now, now + call.wait if deadline is None else deadline)
    except ElasticsearchError as error:
        if not call.stream:
            raise
        event = ("error", encode(error.body()).decode())
        return Step(state, Response(error.status, headers=error.headers, events=(event,)))


def _answered(call: Call, state: State, now: float, deadline: float) -> Step:
    state, endpoint = _find(call, state)
    _check_streaming(call, endpoint)
    chat = endpoint.task_type == "chat_completion"
    inputs = _messages(call) if chat else _inputs(call, endpoint, state.version)
    state, ready = _use_model(state, now, endpoint)
    if ready > now:
        if now >= deadline:
            raise timed_out(state.version, call.inference_id, call.wait)
        again = partial(_perform, call, deadline=deadline)
        return Step(state, Waiting(min(ready, deadline), again, watches=True))

    def finish(later: State, then: float) -> Step:
        return Step(later, _result(call, endpoint, later, inputs))

    latency = 0.0 if endpoint.service == model_service.NAME else min(state.provider.latency, call.wait)
    return Step(state, Waiting(now + latency, finish)) if latency > 0 else finish(state, now)


def _find(call: Call, state: State) -> tuple[State, Endpoint]:
    check_license(state)
    state, endpoint = find_endpoint(state, call.inference_id)
    if endpoint is None:
        raise not_found(f"Inference endpoint not found [{call.inference_id}]")
    if call.task not in (ANY_TASK, endpoint.task_type):
        raise bad_request(
            f"Incompatible task_type, the requested type [{call.task}] does not match the model type [{endpoint.task_type}]"
        )
    if find_service(endpoint.service, state.version, vendor_services=state.cluster.vendor_services) is None:
        raise bad_request(f"Unknown service [{endpoint.service}] for model [{call.inference_id}]")
    return state, endpoint


def _result(call: Call, endpoint: Endpoint, state: State, inputs: list[str]) -> Response:
    cause = refusal(state, endpoint, call.wait)
    if cause is not None and not call.stream:
        raise cause
    if cause is not None:
        return Response(cause.status, events=(("error", encode(cause.body()).decode()),))
    if endpoint.task_type == "chat_completion":
        return Response(200, events=_chat_events(endpoint, inputs[-1]))
    if call.stream:
        return Response(200, events=_completion_events(inputs))
    return Response(200, _RESULTS[endpoint.task_type](call, endpoint, inputs))


def _check_streaming(call: Call, endpoint: Endpoint) -> None:
    if call.stream and endpoint.task_type not in _STREAMING:
        raise status_error(
            405,
            f"Streaming is not allowed for service [{endpoint.service}] and task [{endpoint.task_type}]. "
            f"Supported tasks: [{','.join(_STREAMING)}]",
        )
    if not call.stream and endpoint.task_type == "chat_completion":
        raise bad_request(
            "The task type for the inference entity is chat_completion, "
            f"please use the _inference/chat_completion/{call.inference_id}/_stream URL."
        )


def _inputs(call: Call, endpoint: Endpoint, version: Version) -> list[str]:
    """The input texts. Raises what the server raises for a body that does not fit the task."""
    for name in call.body:
        if name not in _FIELDS or not version.since(*_FIELDS[name]):
            raise content_error(f"[1:2] [cluster:internal/xpack/inference] unknown field [{name}]")
    wrong = _wrong_fields(call.body, endpoint.task_type)
    if wrong:
        raise request_invalid(wrong)
    given = call.body["input"]
    return [_text(item) for item in given] if isinstance(given, list) else [_text(given)]


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _wrong_fields(body: Json, task: str) -> list[str]:
    wrong = []
    if body.get("input") is None:
        wrong.append("Field [input] cannot be null")
    elif body["input"] == []:
        wrong.append("Field [input] cannot be an empty array")
    if task == "rerank":
        if body.get("query") is None:
            wrong.append("Field [query] cannot be null for task type [rerank]")
        elif body["query"] == "":
            wrong.append("Field [query] cannot be empty for task type [rerank]")
    wrong += [
        f"Field [{name}] cannot be specified for task type [{task}]"
        for name in ("return_documents", "top_n")
        if name in body and task != "rerank"
    ]
    if "input_type" in body and task not in _EMBEDDING_TASKS:
        wrong.append(f"Field [input_type] cannot be specified for task type [{task}]")
    elif "input_type" in body and str(body["input_type"]).lower() not in _INPUT_TYPES:
        # Unverified wording; a call with input_type "x" settles it.
        wrong.append(f"Invalid value [{body['input_type']}] received. [input_type] must be one of the known types")
    return wrong


def _use_model(state: State, now: float, endpoint: Endpoint) -> tuple[State, float]:
    """In-cluster models need their deployment; a default endpoint starts it. Answers when it is there."""
    if endpoint.service != model_service.NAME:
        return state, now
    deployment_id = endpoint.deployment_id or endpoint.inference_id
    default = is_preconfigured(state, endpoint.inference_id)
    deployment = state.deployments.get(deployment_id)
    if deployment is None and default:
        state, _ = model_service.begin_download(state, now, endpoint)
        state, deployment = model_service.begin_deployment(state, now, endpoint)
    if deployment is None:
        # Unverified wording; a call after the deployment was stopped by the ML API settles it.
        raise not_found(f"Model deployment [{deployment_id}] must be started before it can be used")
    current = deployments.progress(deployment, state.pace, now)
    if current.state == "started":
        return deployments.use(state, now, deployment), now
    if current.state == "starting" and default:
        return state, deployments.started_at(deployment, state.pace)
    raise status_error(409, f"Trained model deployment [{deployment_id}] is not allocated to any nodes")


def _dense(call: Call, endpoint: Endpoint, inputs: list[str]) -> Json:
    settings = endpoint.service_settings
    key = "text_embedding" if endpoint.task_type == "text_embedding" else "embeddings"
    length = int(settings.get("dimensions", 384))
    kind = str(settings.get("embedding_type", settings.get("element_type", "float")))
    if kind == "float":
        return {key: [{"embedding": vectors.dense(text, length)} for text in inputs]}
    suffix, size = ("_bits", length // 8) if kind in ("bit", "binary") else ("_bytes", length)
    return {f"{key}{suffix}": [{"embedding": vectors.whole(text, size)} for text in inputs]}


def _sparse(call: Call, endpoint: Endpoint, inputs: list[str]) -> Json:
    return {"sparse_embedding": [{"is_truncated": False, "embedding": vectors.sparse(text)} for text in inputs]}


def _completion(call: Call, endpoint: Endpoint, inputs: list[str]) -> Json:
    return {"completion": [{"result": vectors.completion(text)} for text in inputs]}


def _rerank(call: Call, endpoint: Endpoint, inputs: list[str]) -> Json:
    settings = {**endpoint.task_settings, **(call.body.get("task_settings") or {})}
    with_text = call.body.get("return_documents", settings.get("return_documents", False))
    top = call.body.get("top_n", settings.get("top_n"))
    query = str(call.body["query"])
    best = sorted((-vectors.relevance(query, text), index, text) for index, text in enumerate(inputs))
    scored = [{"index": index, "relevance_score": -score} | ({"text": text} if with_text else {}) for score, index, text in best]
    return {"rerank": scored[:top]}


_RESULTS: Mapping[str, Callable[[Call, Endpoint, list[str]], Json]] = {
    **dict.fromkeys(DENSE_TASKS, _dense),
    "sparse_embedding": _sparse,
    "completion": _completion,
    "rerank": _rerank,
}


def _completion_events(inputs: list[str]) -> tuple[tuple[str, str], ...]:
    words = [word for text in inputs for word in vectors.completion(text).split(" ")]
    chunks = [encode({"completion": [{"delta": word}]}).decode() for word in words]
    return (*(("message", chunk) for chunk in chunks), ("message", "[DONE]"))


def _messages(call: Call) -> list[str]:
    """The texts of a chat. Raises 400 without messages (the words are unverified; a call without messages settles them)."""
    messages = call.body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise request_invalid(["Field [messages] cannot be null"])
    return [_text(one.get("content", "")) for one in messages]


def _chat_events(endpoint: Endpoint, prompt: str) -> tuple[tuple[str, str], ...]:
    words = vectors.completion(prompt).split(" ")
    chunks = [_chat_chunk(endpoint, word, finish="stop" if index == len(words) - 1 else None) for index, word in enumerate(words)]
    return (*(("message", encode(chunk).decode()) for chunk in chunks), ("message", "[DONE]"))


def _chat_chunk(endpoint: Endpoint, word: str, finish: str | None) -> Json:
    choice: Json = {"delta": {"content": word, "role": "assistant"}, "index": 0}
    chunk: Json = {"id": f"chatcmpl-{endpoint.inference_id}", "choices": [choice], "model": _model(endpoint)}
    chunk["object"] = "chat.completion.chunk"
    if finish is not None:
        choice["finish_reason"] = finish
        chunk["usage"] = {"completion_tokens": 1, "prompt_tokens": 1, "total_tokens": 2}
    return chunk


def _model(endpoint: Endpoint) -> str:
    return str(endpoint.service_settings.get("model_id", endpoint.service))
