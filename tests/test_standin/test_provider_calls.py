"""Endpoints with a `url` on this machine: the stand-in really calls it, so that what the provider says is what counts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, fields
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.standin import Provider, StandIn, StandInTransport
from tests.standin.local_provider import LocalProvider
from tests.standin.messages import Json
from tests.standin.serving import listen
from tests.test_standin.asking import Refusal, ok, status
from tests.test_standin.samples import SECRET

FAILED = "Could not complete inference endpoint creation as validation call to service threw an exception."
TEXT = "text_embedding"


@dataclass(frozen=True, slots=True)
class Both:
    """A stand-in that calls, and the provider that it calls."""

    standin: StandIn
    provider: LocalProvider
    url: str
    http: httpx.AsyncClient

    def body(self, service: str, path: str, **settings: Any) -> Json:
        given = {"api_key": SECRET, "model_id": "m", "url": self.url + path} | settings
        return {"service": service, "service_settings": given}

    async def create(self, task: str, body: Json) -> httpx.Response:
        return await self.http.put(f"/_inference/{task}/one", json=body)

    async def ask(self, path: str = "", **body: Any) -> httpx.Response:
        return await self.http.post(f"/_inference/one{path}", json=body)


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served() -> AsyncIterator[tuple[LocalProvider, str]]:
    """One provider for all: starting a server is what costs here."""
    provider = LocalProvider()
    async with provider.serve() as url:
        yield provider, url


@pytest_asyncio.fixture(loop_scope="module")
async def both(served: tuple[LocalProvider, str]) -> AsyncIterator[Both]:
    provider, url = served
    for name, value in vars_of(LocalProvider(keys=frozenset({SECRET}))).items():
        setattr(provider, name, value)
    standin = StandIn(provider=Provider(call_local=True))
    async with httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin", timeout=30) as http:
        yield Both(standin, provider, url, http)


def vars_of(provider: LocalProvider) -> dict[str, Any]:
    return {one.name: getattr(provider, one.name) for one in fields(provider)}


DIALECTS: dict[str, tuple[str, str, str, Json]] = {
    "openai embeds": ("openai", TEXT, "/v1/embeddings", {"input": ["a", "b"]}),
    "openai completes": ("openai", "completion", "/v1/chat/completions", {"input": "a"}),
    "llama embeds": ("llama", TEXT, "/embeddings", {"input": ["a", "b"]}),
    "cohere embeds": ("cohere", TEXT, "/cohere/embed", {"input": ["a", "b"], "input_type": "search"}),
    "cohere reranks": ("cohere", "rerank", "/cohere/rerank", {"input": ["hat", "red shoe"], "query": "shoe"}),
    "cohere completes": ("cohere", "completion", "/cohere/chat", {"input": "a"}),
    "hugging_face embeds": ("hugging_face", TEXT, "/tei/embed", {"input": ["a", "b"]}),
    "hugging_face weighs tokens": ("hugging_face", "sparse_embedding", "/tei/sparse", {"input": ["a", "b"]}),
    "hugging_face reranks": ("hugging_face", "rerank", "/tei/rerank", {"input": ["hat", "red shoe"], "query": "shoe"}),
    "openshift_ai reranks": ("openshift_ai", "rerank", "/cohere/rerank", {"input": ["hat", "red shoe"], "query": "shoe"}),
    "nvidia reranks": ("nvidia", "rerank", "/nvidia/ranking", {"input": ["hat", "red shoe"], "query": "shoe"}),
}


@pytest.mark.parametrize(("service", "task", "path", "question"), DIALECTS.values(), ids=DIALECTS)
async def test_dialects(both: Both, service: str, task: str, path: str, question: Json) -> None:
    body = both.body(service, path)
    if service == "hugging_face":
        del body["service_settings"]["model_id"]
    created = ok(await both.create(task, body))
    (rows,) = ok(await both.ask(**question)).values()
    assert [one.path for one in both.provider.log] == [path, path], "one call validates, one infers"
    assert both.provider.log[-1].headers["authorization"] == f"Bearer {SECRET}"
    if task == TEXT:
        assert created["service_settings"]["dimensions"] == 8, "measured from the provider's answer"
        assert [len(row["embedding"]) for row in rows] == [8, 8]
    elif task == "rerank":
        assert [row["index"] for row in rows] == [1, 0], "sorted by score"


VALIDATION: dict[str, tuple[str, str, str, Json]] = {
    "embedding": ("openai", TEXT, "/v1/embeddings", {"input": ["how big"], "model": "m"}),
    "reranking": (
        "cohere",
        "rerank",
        "/cohere/rerank",
        {"model": "m", "query": "test query", "documents": ["how big"]},
    ),
    "chat": (
        "openai",
        "chat_completion",
        "/v1/chat/completions",
        {"model": "m", "messages": [{"role": "user", "content": "how big"}], "stream": True},
    ),
}


@pytest.mark.parametrize(("service", "task", "path", "sent"), VALIDATION.values(), ids=VALIDATION)
async def test_what_a_validation_asks(both: Both, service: str, task: str, path: str, sent: Json) -> None:
    ok(await both.create(task, both.body(service, path)))
    assert [one.body for one in both.provider.log] == [sent]


async def test_the_provider_refuses_the_key(both: Both) -> None:
    answer = await both.create(TEXT, both.body("openai", "/v1/embeddings", api_key="wrong-key"))
    assert Refusal.of(answer) == status(400, FAILED)
    assert answer.json()["error"]["caused_by"]["reason"] == (
        "Received an authentication error status code for request from inference entity id [one] status [401]. "
        "Error message: [Incorrect API key provided]"
    )
    assert "wrong-key" not in answer.text
    ok(await both.create(TEXT, both.body("openai", "/v1/embeddings")))
    both.provider.keys = frozenset({"rotated"})
    assert (await both.ask(input="a")).status_code == 401
    new = {"service_settings": {"api_key": "rotated"}}
    ok(await both.http.put(f"/_inference/{TEXT}/one/_update", json=new))
    ok(await both.ask(input="a"))


STATUSES = {
    302: (302, "Unhandled redirection"),
    404: (404, "Received an unsuccessful status code"),
    413: (413, "Received a content too large status code"),
    429: (429, "Received a rate limit status code"),
    500: (400, "Received a server error status code"),
    503: (400, "Received a server error status code"),
}


@pytest.mark.parametrize("code", STATUSES)
async def test_other_statuses_of_a_provider(both: Both, code: int) -> None:
    ok(await both.create("completion", both.body("openai", "/v1/chat/completions")))
    both.provider.status = code
    answer = Refusal.of(await both.ask(input="a"))
    expected, words = STATUSES[code]
    assert (answer.status, answer.type) == (expected, "status_exception")
    assert answer.reason.startswith(f"{words} for request from inference entity id [one] status [{code}]")


async def test_a_provider_that_is_not_there(both: Both) -> None:
    with listen() as bound:  # nobody listens, and nobody else can take the port
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        answer = await both.create(TEXT, both.body("openai", "", url=url))
    assert Refusal.of(answer) == status(400, FAILED)
    assert answer.json()["error"]["caused_by"]["type"] == "connect_exception"


async def test_half_an_answer(both: Both) -> None:
    ok(await both.create(TEXT, both.body("openai", "/v1/embeddings")))
    both.provider.cut_after = 0
    assert Refusal.of(await both.ask(input="a")).type == "connection_closed_exception"


async def test_an_answer_that_can_not_be_read(both: Both) -> None:
    both.provider.answers["/free"] = (200, {"nothing": "useful"})
    caused = (await both.create(TEXT, both.body("openai", "/free"))).json()["error"]["caused_by"]
    assert (caused["type"], "[data]" in caused["reason"]) == ("illegal_state_exception", True)


async def test_wrong_dimensions_are_found_by_measuring(both: Both) -> None:
    both.provider.answers["/free"] = (200, {"data": [{"embedding": [0.1, 0.2, 0.3]}]})
    answer = Refusal.of(await both.create(TEXT, both.body("openai", "/free", dimensions=4)))
    assert answer.reason.startswith("The retrieved embeddings size [3] does not match the size specified in the settings [4].")


async def test_a_url_elsewhere_is_never_called(both: Both) -> None:
    for url in ("http://provider.example/v1/embeddings", "https://127.0.0.1:1/v1", "http://127.0.0.1.example:1/"):
        ok(await both.create(TEXT, both.body("openai", "", url=url)))
        ok(await both.http.delete("/_inference/one"))
    assert both.provider.log == []


async def test_what_is_sent_by_openai(both: Both) -> None:
    body = both.body("openai", "/v1/embeddings", organization_id="org", dimensions=4)
    ok(await both.create(TEXT, body | {"task_settings": {"user": "u", "headers": {"X-Team": "search"}}}))
    ok(await both.ask(input="a", task_settings={"user": "other"}))
    sent = both.provider.log[-1]
    assert sent.body == {"input": ["a"], "model": "m", "user": "other", "dimensions": 4}
    assert (sent.headers["openai-organization"], sent.headers["x-team"]) == ("org", "search")


def events(answer: httpx.Response) -> list[tuple[str, str]]:
    blocks = answer.text.removesuffix("\n\n").split("\n\n")
    return [(name.removeprefix("event: "), data.removeprefix("data: ")) for name, data in (one.split("\n") for one in blocks)]


CHAT = {"messages": [{"role": "user", "content": "hi"}]}


@pytest.mark.parametrize("task", ["completion", "chat_completion"])
async def test_a_stream_of_a_provider(both: Both, task: str) -> None:
    ok(await both.create(task, both.body("openai", "/v1/chat/completions")))
    asked: Json = CHAT if task == "chat_completion" else {"input": "hi"}
    whole = events(await both.ask("/_stream", **asked))
    assert [name for name, _ in whole] == ["message"] * len(whole)
    assert whole[-1][1] == "[DONE]"
    both.provider.cut_after = 2
    broken = await both.ask("/_stream", **asked)
    assert broken.status_code == 200, "it was sent before the error"
    *chunks, (name, data) = events(broken)
    assert chunks == whole[:2]
    assert (name, json.loads(data)["error"]["type"]) == ("error", "connection_closed_exception")
    both.provider.cut_after, both.provider.status = None, 429
    refused = await both.ask("/_stream", **asked)
    assert (refused.status_code, [name for name, _ in events(refused)]) == (429, ["error"])


async def test_chat_leaves_null_fields_out(both: Both) -> None:
    ok(await both.create("chat_completion", both.body("openai", "/v1/chat/completions")))
    first = json.loads(events(await both.ask("/_stream", **CHAT))[0][1])
    assert "finish_reason" not in first["choices"][0]
    assert both.provider.log[-1].body == {"model": "m", "stream": True} | CHAT


def custom(url: str, path: str, parser: Json, **settings: Any) -> Json:
    given: Json = {
        "url": f"{url}{path}",
        "secret_parameters": {"api_key": SECRET},
        "headers": {"Authorization": "Bearer ${api_key}", "X-Lang": "${lang}"},
        "query_parameters": [["lang", "${lang}"]],
        "request": '{"input": ${input}, "lang": ${lang}, "kind": ${input_type}}',
        "response": {"json_parser": parser},
        "input_type": {"translation": {"search": "query"}, "default": "document"},
    }
    return {"service": "custom", "service_settings": given | settings, "task_settings": {"parameters": {"lang": "de"}}}


async def test_custom_fills_its_templates(both: Both) -> None:
    both.provider.answers["/de/free"] = (200, {"result": {"rows": [{"values": [1, 2, 3]}]}})
    parser = {"text_embeddings": "$.result.rows[*].values"}
    created = ok(await both.create(TEXT, custom(both.url, "/${lang}/free", parser)))
    assert created["service_settings"]["dimensions"] == 3
    assert SECRET not in json.dumps(created)
    assert ok(await both.ask(input=['say "hi"'], input_type="search")) == {TEXT: [{"embedding": [1.0, 2.0, 3.0]}]}
    first, last = both.provider.log
    assert (first.body["kind"], last.body) == ("document", {"input": ['say "hi"'], "lang": "de", "kind": "query"})
    assert (last.path, last.query) == ("/de/free", "lang=de")
    assert (last.headers["authorization"], last.headers["x-lang"]) == (f"Bearer {SECRET}", "de")


CUSTOM: dict[str, tuple[str, Json, str, Any, Json, Any]] = {
    "sparse_embedding": (
        "sparse_embedding",
        {"token_path": "$.rows[*].t[*].k", "weight_path": "$.rows[*].t[*].w"},
        '{"input": ${input}}',
        {"rows": [{"t": [{"k": 7, "w": 0.5}, {"k": 8, "w": 1}]}]},
        {"input": "a"},
        [{"is_truncated": False, "embedding": {"7": 0.5, "8": 1.0}}],
    ),
    "rerank": (
        "rerank",
        {"reranked_index": "$.r[*].i", "relevance_score": "$.r[*].s", "document_text": "$.r[*].t"},
        '{"input": ${input}, "query": ${query}}',
        {"r": [{"i": 0, "s": 0.1, "t": "x"}, {"i": 1, "s": 0.9, "t": "y"}]},
        {"input": ["x", "y"], "query": "y", "return_documents": True},
        [{"index": 1, "relevance_score": 0.9, "text": "y"}, {"index": 0, "relevance_score": 0.1, "text": "x"}],
    ),
    "completion": (
        "completion",
        {"completion_result": "$.out[*].text"},
        '{"prompt": ${input}}',
        {"out": [{"text": "hello"}]},
        {"input": "a"},
        [{"result": "hello"}],
    ),
    "bytes": (
        TEXT,
        {"text_embeddings": "$.rows", "embedding_type": "byte"},
        '{"input": ${input}}',
        {"rows": [[1, -2]]},
        {"input": "a"},
        [{"embedding": [1, -2]}],
    ),
}


@pytest.mark.parametrize(("task", "parser", "template", "given", "question", "expected"), CUSTOM.values(), ids=CUSTOM)
async def test_custom_reads_by_paths(
    both: Both, task: str, parser: Json, template: str, given: Any, question: Json, expected: Any
) -> None:
    both.provider.answers["/free"] = (200, given)
    ok(await both.create(task, custom(both.url, "/free", parser, request=template)))
    (rows,) = ok(await both.ask(**question)).values()
    assert rows == expected


BROKEN: dict[str, tuple[Json, str]] = {
    "a template that nothing fills": (
        {"headers": {"X": "${none}"}},
        (
            "Found placeholder [${none}] in field [header.X] after replacement call, "
            "please check that all templates have a corresponding field definition."
        ),
    ),
    "a path that does not fit": (
        {"response": {"json_parser": {"text_embeddings": "$.none"}}},
        "Unable to find field [none] in map",
    ),
}


@pytest.mark.parametrize(("settings", "reason"), BROKEN.values(), ids=BROKEN)
async def test_custom_that_does_not_work(both: Both, settings: Json, reason: str) -> None:
    both.provider.answers["/free"] = (200, {"rows": [[1]]})
    body = custom(both.url, "/free", {"text_embeddings": "$.rows"}, **settings)
    answer = await both.create(TEXT, body)
    assert Refusal.of(answer) == status(400, FAILED)
    assert answer.json()["error"]["caused_by"] == {"type": "illegal_argument_exception", "reason": reason}
