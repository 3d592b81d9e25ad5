"""A provider of models on this machine, for tests and demos of real calls: OpenAI, Cohere, TEI and anything `custom` wants.

It refuses keys with a real 401, answers by arithmetic, keeps a log, and fails on demand. It knows nothing of Elasticsearch.
Run it beside a stand-in: `python -m tests.standin.local_provider --port 8080 --key right`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.standin import vectors
from tests.standin.app import ConnectionCutError, Receive, Scope, Send
from tests.standin.messages import Json, encode
from tests.standin.serving import listen, server_for_app, url_of

_LENGTH = 8


@dataclass(frozen=True, slots=True)
class Received:
    """One request: what came, with its headers in lower case."""

    path: str
    query: str
    headers: Mapping[str, str] = field(repr=False)
    body: Any = field(repr=False)


@dataclass(slots=True)
class LocalProvider:
    """How it behaves; every field may be changed while it runs.

    keys: bearer tokens that it takes; None takes everybody. dimensions: length of its vectors. answers: what it answers at a
    path, a status and JSON, whatever was asked. status: answered to everything when set. cut_after: of a stream, how many
    chunks come before the connection is cut; of another answer, whether (0) it is cut in the middle.
    """

    keys: frozenset[str] | None = None
    dimensions: int = _LENGTH
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    status: int | None = None
    cut_after: int | None = None
    log: list[Received] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        raw = b""
        more = True
        while more:
            message = await receive()
            raw += message.get("body", b"")
            more = message.get("more_body", False)
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        found = Received(scope["path"], scope["query_string"].decode("latin-1"), headers, _parsed(raw))
        self.log.append(found)
        status, answer = self._answer(found)
        if status == 200 and isinstance(found.body, dict) and found.body.get("stream") is True:
            await self._stream(send, found.body)
            return
        await self._send(send, status, encode(answer))

    def _answer(self, request: Received) -> tuple[int, Any]:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if self.keys is not None and token not in self.keys:
            return 401, {"error": {"message": "Incorrect API key provided", "type": "invalid_request_error"}}
        if self.status is not None:
            return self.status, {"error": {"message": f"the provider was told to answer {self.status}"}}
        if request.path in self.answers:
            return self.answers[request.path]
        handler = next((found for suffix, found in _PATHS.items() if request.path.endswith(suffix)), None)
        if handler is None or not isinstance(request.body, dict):
            return 404, {"error": {"message": f"nothing is at {request.path}"}}
        return 200, handler(request.body, self.dimensions)

    async def _send(self, send: Send, status: int, body: bytes) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        if self.cut_after is not None:
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            raise ConnectionCutError(started=True)
        await send({"type": "http.response.body", "body": body})

    async def _stream(self, send: Send, asked: Json) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        words = vectors.pieces(vectors.completion(str(asked["messages"][-1]["content"])))
        for index, word in enumerate(words):
            if index == self.cut_after:
                raise ConnectionCutError(started=True)
            chunk = _chunk(asked, word, last=index == len(words) - 1)
            await send({"type": "http.response.body", "body": b"data: " + encode(chunk) + b"\n\n", "more_body": True})
        await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})

    @contextlib.asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[str]:
        """Serve in the running event loop; yields the URL."""
        bound = listen(port=port)
        server = server_for_app(self)
        running = await server.run_until_up(bound)
        try:
            yield url_of(bound, None)
        finally:
            server.should_exit = True
            await running
            bound.close()


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return raw.decode(errors="replace")


def _chunk(asked: Json, word: str, *, last: bool) -> Json:
    choice = {"delta": {"content": word, "role": "assistant"}, "index": 0, "finish_reason": "stop" if last else None}
    return {"id": "local", "choices": [choice], "model": asked.get("model", ""), "object": "chat.completion.chunk"}


def _embeddings(asked: Json, length: int) -> Json:
    texts = asked["input"] if isinstance(asked["input"], list) else [asked["input"]]
    wanted = int(asked.get("dimensions", length))
    rows = [{"index": index, "embedding": vectors.dense(text, wanted)} for index, text in enumerate(texts)]
    return {"object": "list", "data": rows, "model": asked.get("model", "")}


def _chat(asked: Json, length: int) -> Json:
    message = {"role": "assistant", "content": vectors.completion(str(asked["messages"][-1]["content"]))}
    # Cohere's shape beside OpenAI's: a client reads the one that it knows.
    cohere = {"message": {"content": [{"type": "text", "text": message["content"]}]}}
    return {"object": "chat.completion", "choices": [{"index": 0, "message": message}], "model": asked.get("model", "")} | cohere


def _cohere_embed(asked: Json, length: int) -> Json:
    kind = (asked.get("embedding_types") or ["float"])[0]
    rows = [vectors.dense(text, length) if kind == "float" else vectors.whole(text, length) for text in asked["texts"]]
    return {"embeddings": {kind: rows}}


def _cohere_rerank(asked: Json, length: int) -> Json:
    rows = [
        {"index": index, "relevance_score": vectors.relevance(asked["query"], text), "document": {"text": text}}
        for index, text in enumerate(asked["documents"])
    ]
    return {"results": rows}


def _tei_embed(asked: Json, length: int) -> Any:
    return [vectors.dense(text, length) for text in asked["inputs"]]


def _tei_sparse(asked: Json, length: int) -> Any:
    return [vectors.sparse(text) for text in asked["inputs"]]


def _tei_rerank(asked: Json, length: int) -> Any:
    return [
        {"index": index, "score": vectors.relevance(asked["query"], text)} | ({"text": text} if asked.get("return_text") else {})
        for index, text in enumerate(asked["texts"])
    ]


def _nvidia_rerank(asked: Json, length: int) -> Json:
    query = asked["query"]["text"]
    scores = [vectors.relevance(query, passage["text"]) for passage in asked["passages"]]
    return {"rankings": [{"index": index, "logit": score} for index, score in enumerate(scores)]}


_PATHS: Mapping[str, Callable[[Json, int], Any]] = {
    "/embeddings": _embeddings,
    "/chat/completions": _chat,
    "/cohere/chat": _chat,
    "/cohere/embed": _cohere_embed,
    "/cohere/rerank": _cohere_rerank,
    "/tei/embed": _tei_embed,
    "/tei/sparse": _tei_sparse,
    "/tei/rerank": _tei_rerank,
    "/nvidia/ranking": _nvidia_rerank,
}
"""What it answers, by the end of the path."""


async def _run(options: argparse.Namespace) -> None:
    provider = LocalProvider(frozenset(options.key) or None, options.dimensions)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    async with provider.serve(options.port) as url:
        print(f"listening on {url}; {', '.join(_PATHS)}", flush=True)  # noqa: T201 (this line is the interface)
        await ended.wait()


def main() -> None:
    """Serve until a signal comes."""
    found = argparse.ArgumentParser(prog="python -m tests.standin.local_provider", description=__doc__)
    found.add_argument("--port", type=int, default=8080, help="port; 0 takes a free one (default: %(default)s)")
    found.add_argument("--key", action="append", default=[], help="bearer token that it takes; may be repeated (default: any)")
    found.add_argument("--dimensions", type=int, default=_LENGTH, help="length of its vectors (default: %(default)s)")
    asyncio.run(_run(found.parse_args()))


if __name__ == "__main__":
    main()
