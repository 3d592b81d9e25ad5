"""Nothing that a provider sends, or that a user writes into templates, breaks the stand-in: every reply becomes an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.standin.errors import ElasticsearchError
from tests.standin.messages import ProviderCall, ProviderReply, Response
from tests.standin.perform_view import render_result, stream
from tests.standin.provider_calls import DIALECTS, build, is_local
from tests.standin.provider_replies import read
from tests.standin.results import Chunks, Question
from tests.standin.state import Endpoint

KEYS = st.sampled_from(
    ["data", "embedding", "embeddings", "choices", "delta", "content", "results", "index", "rows", "error", "a"]
)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)
BODIES = VALUES.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=20)
STREAMS = st.lists(BODIES.map(lambda body: b"data: " + body + b"\n\n"), max_size=4).map(b"".join)
PLAIN = Question(("a", "b"), query="q", top_n=1, with_documents=True)
STREAMED = {
    "completion": Question(("a",), stream=True),
    "chat_completion": Question(("a",), stream=True, chat={"messages": [{"role": "user", "content": "a"}]}),
}


def endpoint(service: str, task: str, **more: Any) -> Endpoint:
    parser = {
        "text_embeddings": "$.data[*].embedding",
        "token_path": "$.rows",
        "weight_path": "$.rows",
        "relevance_score": "$.data",
    }
    given = {
        "url": "http://127.0.0.1:1/x",
        "request": "${input}",
        "response": {"json_parser": parser | {"completion_result": "$.a"}},
    }
    return Endpoint("one", task, service, given | more, {"api_key": "k"})


def answered(found: Any, asked: Question, task: str) -> Response:
    match found:
        case ElasticsearchError():
            return found.response()
        case Chunks():
            return stream(found)
        case _:
            return Response(200, render_result(task, found, asked))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(DIALECTS)), BODIES, st.sampled_from([200, 204, 302, 400, 500]), st.booleans())
def test_any_reply_becomes_an_answer(pair: tuple[str, str], body: bytes, status: int, complete: bool) -> None:
    service, task = pair
    asked = STREAMED["chat_completion"] if task == "chat_completion" else PLAIN
    found = answered(read(endpoint(service, task), asked, ProviderReply(status, body, complete)), asked, task)
    assert found.status >= (400 if status >= 400 else 200)
    json.dumps(found.body)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(STREAMED)), STREAMS, st.booleans())
def test_any_stream_becomes_events(task: str, body: bytes, complete: bool) -> None:
    found = read(endpoint("openai", task), STREAMED[task], ProviderReply(200, body, complete))
    events = answered(found, STREAMED[task], task).events
    assert events is not None
    assert all(data == "[DONE]" or json.loads(data) for _, data in events)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["url", "headers", "query_parameters", "request", "response", "input_type"]), VALUES)
def test_any_setting_of_custom_makes_a_call_or_a_refusal(name: str, value: Any) -> None:
    for task in ("text_embedding", "rerank", "completion", "sparse_embedding"):
        made = tried(endpoint("custom", task, **{name: value}))
        assert made is None or isinstance(made, ProviderCall) or made.status == 400


def tried(endpoint: Endpoint) -> ProviderCall | ElasticsearchError | None:
    try:
        return build(endpoint, PLAIN)
    except ElasticsearchError as refused:
        return refused


LOCAL = {
    "http://127.0.0.1:8080/v1": True,
    "http://localhost/v1": True,
    "http://[::1]:8080": True,
    "https://127.0.0.1:8080": False,
    "http://127.0.0.2:8080": False,
    "http://localhost.example": False,
    "http://provider.example/127.0.0.1": False,
    "http://127.0.0.1@provider.example/": False,
    "http://127.0.0.1:port": False,
    "": False,
}


@pytest.mark.parametrize("url", LOCAL)
def test_only_plain_http_on_this_machine_is_called(url: str) -> None:
    assert is_local(url) == LOCAL[url]


def test_what_can_not_be_signed_is_played() -> None:
    oauth = Endpoint("one", "completion", "openai", {"url": "http://127.0.0.1:1/"}, {"client_secret": "s"})
    assert build(oauth, PLAIN) is None
    assert build(Endpoint("one", "rerank", "jinaai", {"url": "http://127.0.0.1:1/"}), PLAIN) is None
