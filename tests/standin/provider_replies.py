"""Reading what a provider answered, by dialect: vectors, tokens, scores, texts, the chunks of a stream, and errors.

Every reply becomes a verdict; nothing a provider sends can break the stand-in.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.standin import provider_errors
from tests.standin.custom_replies import read_custom
from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Json, ProviderReply
from tests.standin.perform_view import DONE, chat_chunk, completion_chunk
from tests.standin.provider_calls import dialect_of
from tests.standin.results import Chunks, Dense, Question, Rank, Ranking, Result, Sparse, Texts, element_type
from tests.standin.state import Endpoint

_SUCCESS = range(200, 300)
_DATA = "data:"


def read(endpoint: Endpoint, question: Question, reply: ProviderReply) -> Result | ElasticsearchError:
    """The result in a reply, or the server's error for it."""
    name = endpoint.inference_id
    if reply.status not in _SUCCESS:
        return provider_errors.refused(name, reply.status, _message(endpoint, reply.body))
    if question.stream:
        return _chunks(endpoint, question, reply)
    if not reply.complete:
        return provider_errors.cut(name)
    try:
        return _READERS[dialect_of(endpoint) or "openai"](endpoint, json.loads(reply.body))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        field = error.args[0] if isinstance(error, KeyError) else "data"
        if dialect_of(endpoint) == "custom":
            return ElasticsearchError(400, "illegal_argument_exception", str(error))
        return provider_errors.unreadable(name, str(field))


def _message(endpoint: Endpoint, body: bytes) -> str | None:
    """The provider's own words, where the body has them in one of the usual places."""
    try:
        data = json.loads(body)
    except ValueError:
        return None
    if not isinstance(data, Mapping):
        return None
    error = data.get("error", data.get("message"))
    told = error.get("message") if isinstance(error, Mapping) else error
    return told if isinstance(told, str) else None


def _openai(endpoint: Endpoint, data: Any) -> Result:
    if endpoint.task_type in ("text_embedding", "embedding"):
        return _dense(endpoint, [row["embedding"] for row in data["data"]])
    return Texts(tuple(str(choice["message"]["content"]) for choice in data["choices"]))


def _cohere(endpoint: Endpoint, data: Any) -> Result:
    if endpoint.task_type == "rerank":
        return Ranking(tuple(_rank(row, "relevance_score", (row.get("document") or {}).get("text")) for row in data["results"]))
    if endpoint.task_type == "completion":
        return Texts(("".join(str(part["text"]) for part in data["message"]["content"]),))
    found = data["embeddings"]
    if isinstance(found, Mapping):
        (found,) = list(found.values())[:1] or [[]]
    return _dense(endpoint, found)


def _tei(endpoint: Endpoint, data: Any) -> Result:
    if endpoint.task_type == "rerank":
        return Ranking(tuple(_rank(row, "score", row.get("text")) for row in data))
    rows = data["embeddings"] if isinstance(data, Mapping) else data
    if endpoint.task_type == "sparse_embedding":
        return Sparse(tuple({str(token): float(weight) for token, weight in row.items()} for row in rows))
    return _dense(endpoint, rows)


def _nvidia_rerank(endpoint: Endpoint, data: Any) -> Result:
    return Ranking(tuple(_rank(row, "logit", None) for row in data["rankings"]))


def _rank(row: Any, score: str, text: Any) -> Rank:
    return Rank(int(row["index"]), float(row[score]), text if isinstance(text, str) else None)


def _dense(endpoint: Endpoint, rows: Any) -> Dense:
    kind = element_type(endpoint.service_settings)
    number: Callable[[Any], float] = float if kind == "float" else int
    return Dense(tuple(tuple(number(value) for value in row) for row in rows), kind)


_READERS: Mapping[str, Callable[[Endpoint, Any], Result]] = {
    "openai": _openai,
    "cohere": _cohere,
    "tei": _tei,
    "nvidia_rerank": _nvidia_rerank,
    "custom": read_custom,
}


def _chunks(endpoint: Endpoint, question: Question, reply: ProviderReply) -> Chunks:
    """The chunks of a provider's stream, which ends in `[DONE]` or with its connection."""
    found: list[Json] = []
    for data in _events(reply.body):
        if data == DONE:
            return Chunks(tuple(found))
        try:
            found += _chunk(endpoint, question, json.loads(data))
        except (KeyError, IndexError, TypeError, ValueError, AttributeError):
            return Chunks(tuple(found), provider_errors.unreadable(endpoint.inference_id, "choices"))
    return Chunks(tuple(found), None if reply.complete else provider_errors.cut(endpoint.inference_id))


def _events(body: bytes) -> Iterator[str]:
    """The data of each event, byte-order marks and comments left out; a last line that was cut short does not count."""
    *lines, _ = body.decode(errors="replace").replace("\ufeff", "").replace("\r\n", "\n").split("\n")
    return (line.removeprefix(_DATA).strip() for line in lines if line.startswith(_DATA))


def _chunk(endpoint: Endpoint, question: Question, data: Any) -> list[Json]:
    if question.chat is None:
        deltas = [choice["delta"].get("content") for choice in data["choices"]]
        return [completion_chunk(delta) for delta in deltas if delta]
    shown = chat_chunk(endpoint.inference_id, str(data.get("model", "")), "", last=False)
    shown["id"] = str(data.get("id", shown["id"]))
    shown["choices"] = [_choice(one) for one in data["choices"]]
    return [shown | ({"usage": data["usage"]} if data.get("usage") else {})]


def _choice(choice: Any) -> Json:
    """A choice without its null fields, which the server leaves out."""
    delta = {name: value for name, value in choice["delta"].items() if value is not None}
    shown: Json = {"delta": delta, "index": int(choice.get("index", 0))}
    return shown | ({"finish_reason": choice["finish_reason"]} if choice.get("finish_reason") else {})
