"""Reading an inference request: which fields there are in which version, and what the server refuses before it asks a model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.standin.errors import content_error, request_invalid
from tests.standin.messages import Json, Request
from tests.standin.reading import ANY_TASK, json_body, key_location, object_in, task_type, timeout, whole_number
from tests.standin.results import Question
from tests.standin.state import Endpoint
from tests.standin.version import Version

EMBEDDING_TASKS = frozenset({"text_embedding", "sparse_embedding", "embedding"})
_INPUT_TYPES = frozenset({"search", "ingest", "classification", "clustering"})
_PARSER = "cluster:internal/xpack/inference"
# When `input_type` came is unverified ("newer versions"); a call on 8.19 settles it.
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "input": ("8.11",),
    "query": ("8.13",),
    "task_settings": ("8.13",),
    "input_type": ("8.19", "9.1"),
    "return_documents": ("8.19", "9.1"),
    "top_n": ("8.19", "9.1"),
}
_CHAT_PARSER = "UnifiedCompletionRequest"  # unverified: a chat with an unknown field settles it
_CHAT_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("messages", "model", "max_completion_tokens", "temperature", "top_p", "stop", "tool_choice", "tools"), ("8.18",)
    ),
    "reasoning": ("9.5",),
}


@dataclass(frozen=True, slots=True)
class PerformRequest:
    """One inference request. `stream`: by `_stream`. `wait`: its `timeout` in seconds, None when it has none."""

    inference_id: str
    task: str
    body: Json
    text: str
    stream: bool
    wait: float | None


def read_request(request: Request, version: Version) -> PerformRequest:
    """Both forms of the path, with and without `_stream` at the end."""
    parts = list(request.segments[1:])
    stream = parts[-1] == "_stream"
    parts = parts[:-1] if stream else parts
    return PerformRequest(
        parts[-1],
        task_type(parts[0], version) if len(parts) > 1 else ANY_TASK,
        json_body(request),
        request.body.decode(errors="replace"),
        stream,
        timeout(request, 0) if "timeout" in request.query else None,
    )


def read_question(asked: PerformRequest, endpoint: Endpoint, version: Version) -> Question:
    """What is asked of the endpoint. Raises what the server raises for a body that does not fit the task."""
    if endpoint.task_type == "chat_completion":
        return _chat(asked, endpoint, version)
    _check_fields(asked, _FIELDS, _PARSER, version)
    wrong = _wrong_fields(asked.body, endpoint.task_type)
    if wrong:
        raise request_invalid(wrong)
    given = asked.body["input"]
    settings = {**endpoint.task_settings, **object_in(asked.body, "task_settings")}
    return Question(
        tuple(map(_text, given)) if isinstance(given, list) else (_text(given),),
        query=_optional_text(asked.body.get("query")),
        input_type=_optional_text(asked.body.get("input_type")),
        settings=settings,
        top_n=_number(asked.body.get("top_n", settings.get("top_n", settings.get("top_k")))),
        with_documents=_flag(asked.body.get("return_documents", settings.get("return_documents"))),
        stream=asked.stream,
    )


def _chat(asked: PerformRequest, endpoint: Endpoint, version: Version) -> Question:
    """A chat. Raises 400 without messages (the words are unverified; a call without messages settles them)."""
    _check_fields(asked, _CHAT_FIELDS, _CHAT_PARSER, version)
    messages = asked.body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise request_invalid(["Field [messages] cannot be null"])
    if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages):
        raise content_error(f"[1:1] [{_CHAT_PARSER}] failed to parse field [messages]")
    texts = tuple(_text(one.get("content") or "") for one in messages)
    # The server streams from the provider, whether the answer is streamed or not.
    return Question(texts, settings=endpoint.task_settings, stream=True, chat=asked.body)


def _check_fields(asked: PerformRequest, known: Mapping[str, tuple[str, ...]], parser: str, version: Version) -> None:
    for name in asked.body:
        if name not in known or not version.since(*known[name]):
            raise content_error(f"[{key_location(asked.text, name)}] [{parser}] unknown field [{name}]")


def _text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, sort_keys=True)


def _optional_text(value: Any) -> str | None:
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: Any) -> int | None:
    return None if value is None else max(0, whole_number(value, "top_n"))


def _flag(value: Any) -> bool | None:
    return None if value is None else bool(value)


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
    if "input_type" in body and task not in EMBEDDING_TASKS:
        wrong.append(f"Field [input_type] cannot be specified for task type [{task}]")
    elif "input_type" in body and str(body["input_type"]).lower() not in _INPUT_TYPES:
        # Unverified wording; a call with input_type "x" settles it.
        wrong.append(f"Invalid value [{body['input_type']}] received. [input_type] must be one of the known types")
    return wrong
