"""One inference of the right shape for a task, and whether what came back is one.

Decides what each task type is asked, what it must answer, and what is streamed: a chat always, a completion where the service
can stream. How the answer reads is of no interest here, only that there is one. Bounded: so many inferences at once per
cluster, however many endpoints are due. Failures are returned.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.values import Json
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.shapes import MalformedError, parsed

if TYPE_CHECKING:
    from inference_operator.core.clock import Clock
    from inference_operator.elasticsearch.answers import Response
    from inference_operator.elasticsearch.requests import Request

_STREAMED = frozenset({"completion", "chat_completion"})


@dataclass(frozen=True, slots=True)
class Answered:
    """An inference that came back. `seconds` from sending it to its last byte."""

    seconds: float


class Inferences:
    """Makes inferences on one cluster.

    Args:
        send: sends one request. Returns a failure, never raises.
        clock: measures how long an inference took.
        limit: inferences at the same moment.
    """

    def __init__(self, send: Callable[[Request], Awaitable[Response | Failure]], clock: Clock, limit: int) -> None:
        self._send = send
        self._clock = clock
        self._slots = asyncio.Semaphore(limit)

    async def make(
        self,
        inference_id: str,
        task_type: str,
        text: str,
        timeout: float,  # noqa: ASYNC109 - the server's
    ) -> Answered | Failure:
        """Make one, when it is its turn. `timeout`: seconds that the server may take."""
        async with self._slots:
            begun = self._clock.monotonic()
            streamed = task_type in _STREAMED
            result = await self._ask(inference_id, task_type, text, timeout, stream=streamed)
            if task_type == "completion" and _cannot_stream(result):  # refused before the service was called
                result = await self._ask(inference_id, task_type, text, timeout, stream=False)
            return result if isinstance(result, Failure) else Answered(self._clock.monotonic() - begun)

    async def _ask(
        self,
        inference_id: str,
        task_type: str,
        text: str,
        timeout: float,  # noqa: ASYNC109 - the server's
        *,
        stream: bool,
    ) -> Failure | None:
        request = requests.perform(task_type, inference_id, body(task_type, text), timeout, stream=stream)
        return parsed(await self._send(request), check(task_type, streamed=stream))


def body(task_type: str, text: str) -> dict[str, Json]:
    """What to ask. A task type of tomorrow is asked as most are today."""
    match task_type:
        case "rerank":
            return {"input": [text], "query": text}
        case "chat_completion":
            return {"messages": [{"role": "user", "content": text}]}
        case _:
            return {"input": text}


def check(task_type: str, *, streamed: bool) -> Callable[[Json], None]:
    """What an answer must pass to count as one; raises MalformedError, which never quotes the answer."""
    if streamed:
        name = "choices" if task_type == "chat_completion" else "completion"
        return lambda chunks: _check_stream(chunks, name)
    return lambda document: _check_document(document, task_type)


def _cannot_stream(result: Failure | None) -> bool:
    return isinstance(result, HttpFailure) and result.status == HTTPStatus.METHOD_NOT_ALLOWED


def _check_stream(chunks: Json, name: str) -> None:
    listed = chunks if isinstance(chunks, list) else []
    if not any(isinstance(chunk, dict) and isinstance(chunk.get(name), list) for chunk in listed):
        raise MalformedError(f"none of its events holds {name}")


def _check_document(document: Json, task_type: str) -> None:
    if not isinstance(document, dict) or not document:
        raise MalformedError("it is not an object with a result")
    if task_type not in _RESULTS:
        return
    names, fits = _RESULTS[task_type]
    found = next((document[name] for name in names if name in document), None)
    if not isinstance(found, list) or not found:
        raise MalformedError(f"it has no {names[0]}")
    if not isinstance(found[0], dict) or not fits(found[0]):
        raise MalformedError(f"its {names[0]} does not hold a result")


def _is_vector(result: Mapping[str, Json]) -> bool:
    vector = result.get("embedding")
    return isinstance(vector, list) and bool(vector) and all(map(_is_number, vector))


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# By task: the names that the list of results may have, and what its first entry must be.
_RESULTS: Mapping[str, tuple[tuple[str, ...], Callable[[Mapping[str, Json]], bool]]] = {
    "text_embedding": (("text_embedding", "text_embedding_bytes", "text_embedding_bits"), _is_vector),
    "embedding": (("embeddings", "embeddings_bytes", "embeddings_bits"), _is_vector),
    "sparse_embedding": (("sparse_embedding",), lambda result: isinstance(result.get("embedding"), dict)),
    "rerank": (("rerank",), lambda result: _is_number(result.get("relevance_score"))),
    "completion": (("completion",), lambda result: isinstance(result.get("result"), str)),
}
