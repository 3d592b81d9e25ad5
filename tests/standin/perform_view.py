"""How the results of inference look in an answer: the JSON of each task type, and the chunks of a stream.

Source of the shapes: the facts' section "Perform". Nothing is computed here but the order of a ranking.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Headers, Json, Response, encode
from tests.standin.results import Chunks, Dense, Question, Ranking, Result, Sparse, Texts

DONE = "[DONE]"
_SUFFIXES = {"float": "", "byte": "_bytes", "bit": "_bits"}


def render_result(task: str, result: Result, question: Question) -> Json:
    """The body of an answer that is no stream."""
    match result:
        case Dense(vectors, kind):
            key = "text_embedding" if task == "text_embedding" else "embeddings"
            return {f"{key}{_SUFFIXES[kind]}": [{"embedding": list(vector)} for vector in vectors]}
        case Sparse(weights):
            return {"sparse_embedding": [{"is_truncated": False, "embedding": dict(one)} for one in weights]}
        case Ranking():
            return {"rerank": _ranked(result, question)}
        case Texts(texts):
            return {"completion": [{"result": text} for text in texts]}
        case Chunks(chunks):
            return {"completion": [{"result": "".join(map(_delta, chunks))}]}


def _delta(chunk: Json) -> str:
    return str(chunk.get("completion", [{}])[0].get("delta", ""))


def _ranked(ranking: Ranking, question: Question) -> list[Json]:
    """Best first; texts only when documents are asked for, from the provider or else from the inputs."""
    rows = []
    for rank in sorted(ranking.ranks, key=lambda one: (-one.score, one.index)):
        row: Json = {"index": rank.index, "relevance_score": rank.score}
        if question.with_documents:
            given = question.inputs[rank.index] if rank.index < len(question.inputs) else ""
            row["text"] = rank.text if rank.text is not None else given
        rows.append(row)
    return rows[: question.top_n]


def stream(chunks: Chunks) -> Response:
    """Chunks as events. An error before the first chunk sets the status; a later one is the last event, without `[DONE]`."""
    if chunks.error is not None and not chunks.chunks:
        return error_event(chunks.error)
    events = [("message", encode(chunk).decode()) for chunk in chunks.chunks]
    events.append(("message", DONE) if chunks.error is None else _event(chunks.error))
    return Response(200, events=tuple(events))


def error_event(error: ElasticsearchError) -> Response:
    """A refusal of a streaming call: an event, and the status of the error because nothing was sent before it."""
    return Response(error.status, headers=_headers(error), events=(_event(error),))


def _headers(error: ElasticsearchError) -> Headers:
    return error.headers


def _event(error: ElasticsearchError) -> tuple[str, str]:
    return "error", encode(error.body()).decode()


def completion_chunk(delta: str) -> Json:
    """A piece of a streamed completion."""
    return {"completion": [{"delta": delta}]}


def chat_chunk(inference_id: str, model: str, content: str, *, last: bool) -> Json:
    """A piece of a streamed chat; the last one says why it ended, and what it cost."""
    choice: Json = {"delta": {"content": content, "role": "assistant"}, "index": 0}
    chunk: Json = {"id": f"chatcmpl-{inference_id}", "choices": [choice], "model": model, "object": "chat.completion.chunk"}
    if last:
        choice["finish_reason"] = "stop"
        chunk["usage"] = {"completion_tokens": 1, "prompt_tokens": 1, "total_tokens": 2}
    return chunk


def whole_chat(chunks: Sequence[Json]) -> Json:
    """A chat that is answered at once, from its chunks (9.6 and newer).

    The shape is OpenAI's `chat.completion`: unverified, a POST without `_stream` on such a server settles it.
    """
    content = "".join(str(one["delta"].get("content") or "") for chunk in chunks for one in chunk["choices"])
    last = chunks[-1] if chunks else {}
    message = {"role": "assistant", "content": content}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    shown = {"id": last.get("id", ""), "choices": [choice], "model": last.get("model", ""), "object": "chat.completion"}
    return shown | ({"usage": last["usage"]} if "usage" in last else {})
