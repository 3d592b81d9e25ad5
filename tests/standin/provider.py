"""The provider behind a third-party service: asked over HTTP where that is wanted, or played from data in the state.

Decides acceptance, results, the measured vector length and the provider's errors. It reaches no network itself: a call is
a value (`Asking`) that the shell carries out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from tests.standin import provider_calls, provider_errors, provider_replies, vectors
from tests.standin.catalogue import DENSE_TASKS
from tests.standin.errors import ElasticsearchError, bad_request
from tests.standin.messages import Asking, Json, NoReply, ProviderReply, Step, Waiting
from tests.standin.perform_view import chat_chunk, completion_chunk
from tests.standin.results import Chunks, Dense, Question, Rank, Ranking, Result, Sparse, Texts, Verdict, element_type
from tests.standin.state import Endpoint, Provider, State

Then = Callable[[State, float, Verdict], Step]
_LENGTHS = (384, 768, 1024, 1536)
_KNOWN_LENGTHS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
    "bge-base-zh-v1.5": 768,
    "Qwen3-Embedding-0.6B": 1024,
    ".multilingual-e5-small": 384,
    ".multilingual-e5-small_linux-x86_64": 384,
}
_FAILED = "Could not complete inference endpoint creation as validation call to service"


def consult(state: State, now: float, endpoint: Endpoint, question: Question, wait: float, then: Then) -> Step:
    """Put a question to the provider of an endpoint, for at most `wait` seconds, and go on with `then`."""
    if state.provider.call_local:
        try:
            call = provider_calls.build(endpoint, question)
        except ElasticsearchError as error:
            return then(state, now, error)
        if call is not None:
            read = partial(_received, endpoint=endpoint, question=question, wait=wait, then=then)
            return Step(state, Asking(call, now + wait, read))
    latency = min(state.provider.latency, wait)
    if latency > 0:
        played = partial(_played, endpoint=endpoint, question=question, wait=wait, then=then)
        return Step(state, Waiting(now + latency, played))
    return _played(state, now, endpoint=endpoint, question=question, wait=wait, then=then)


def _received(
    state: State,
    now: float,
    reply: ProviderReply | NoReply,
    *,
    endpoint: Endpoint,
    question: Question,
    wait: float,
    then: Then,
) -> Step:
    if isinstance(reply, NoReply):
        return then(state, now, provider_errors.without_reply(reply, state.version, endpoint.inference_id, wait))
    return then(state, now, provider_replies.read(endpoint, question, reply))


def _played(state: State, now: float, *, endpoint: Endpoint, question: Question, wait: float, then: Then) -> Step:
    error = refusal(state, endpoint, wait)
    if error is not None:
        return then(state, now, error)
    if endpoint.service in state.provider.silent:
        return then(state, now, None)
    return then(state, now, infer(state.provider, endpoint, question))


def validation_question(endpoint: Endpoint) -> Question:
    """What the server asks to see whether settings work."""
    settings = endpoint.task_settings
    match endpoint.task_type:
        case "rerank":
            return Question(("how big",), query="test query", settings=settings)
        case "chat_completion":
            chat = {"messages": [{"role": "user", "content": "how big"}]}
            return Question(("how big",), settings=settings, stream=True, chat=chat)
        case _:
            return Question(("how big",), settings=settings)


def checked(verdict: Verdict) -> Result:
    """The result of a validation call. Raises the 400 that wraps whatever the provider said."""
    if verdict is None:
        raise bad_request(f"{_FAILED} returned null response.")
    error = verdict.error if isinstance(verdict, Chunks) else verdict
    if isinstance(error, ElasticsearchError):
        raise bad_request(f"{_FAILED} threw an exception.", error)
    return verdict  # type: ignore[return-value]


def refusal(state: State, endpoint: Endpoint, timeout: float) -> ElasticsearchError | None:
    """The error that a call to the played provider ends in; None when it succeeds."""
    provider, inference_id = state.provider, endpoint.inference_id
    if endpoint.service in provider.unreachable:
        return provider_errors.unreachable(inference_id)
    if provider.latency >= timeout:
        return provider_errors.timed_out(state.version, inference_id, timeout)
    if any(_is_refused(provider, secret) for secret in _texts(endpoint.secrets)):
        return provider_errors.refused(inference_id, 401, "Incorrect API key provided")
    return None


def _is_refused(provider: Provider, secret: str) -> bool:
    return secret in provider.refused or secret.startswith(provider.refused_prefixes)


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case Mapping():
            for item in value.values():
                yield from _texts(item)
        case list():
            for item in value:
                yield from _texts(item)
        case _:
            return


def infer(behaviour: Provider, endpoint: Endpoint, question: Question) -> Result:
    """What a model that is not there would have said."""
    match endpoint.task_type:
        case "sparse_embedding":
            return Sparse(tuple(map(vectors.sparse, question.inputs)))
        case "rerank":
            scored = (vectors.relevance(question.query or "", text) for text in question.inputs)
            return Ranking(tuple(Rank(index, score) for index, score in enumerate(scored)))
        case "completion" | "chat_completion":
            return _written(behaviour, endpoint, question)
        case _:
            return _dense(behaviour, endpoint, question)


def _dense(behaviour: Provider, endpoint: Endpoint, question: Question) -> Dense:
    settings = endpoint.service_settings
    kind, length = element_type(settings), vector_length(behaviour, endpoint)
    unit = settings.get("similarity", "dot_product") == "dot_product"
    match kind:
        case "float":
            return Dense(tuple(vectors.dense(text, length, unit=unit) for text in question.inputs))
        case "byte":
            return Dense(tuple(vectors.whole(text, length) for text in question.inputs), kind)
        case "bit":
            return Dense(tuple(vectors.whole(text, -(-length // 8)) for text in question.inputs), kind)


def _written(behaviour: Provider, endpoint: Endpoint, question: Question) -> Texts | Chunks:
    texts = tuple(map(vectors.completion, question.inputs))
    if not question.stream:
        return Texts(texts)
    words = [word for text in (texts[-1:] if question.chat else texts) for word in vectors.pieces(text)]
    model = str((question.chat or {}).get("model") or model_name(endpoint))
    chunks: list[Json] = [
        chat_chunk(endpoint.inference_id, model, word, last=index == len(words) - 1) if question.chat else completion_chunk(word)
        for index, word in enumerate(words)
    ]
    if behaviour.breaks_after is None or behaviour.breaks_after >= len(chunks):
        return Chunks(tuple(chunks))
    return Chunks(tuple(chunks[: behaviour.breaks_after]), provider_errors.cut(endpoint.inference_id))


def measure(verdict: Result, endpoint: Endpoint, wanted: int | None) -> int | None:
    """The length of the vectors that the validation call returned; None for tasks without vectors.

    Raises 400 when the user asked for another length than the model has.
    """
    if endpoint.task_type not in DENSE_TASKS or not isinstance(verdict, Dense):
        return None
    length = verdict.dimensions
    if wanted is not None and wanted != length:
        raise bad_request(
            f"The retrieved embeddings size [{length}] does not match the size specified in the settings [{wanted}]. "
            f"Please recreate the [{endpoint.inference_id}] configuration with the correct dimensions"
        )
    return length


def vector_length(behaviour: Provider, endpoint: Endpoint) -> int:
    """How long the vectors of an endpoint's model are: fixed for the model, as asked, well known, or invented."""
    model = model_name(endpoint)
    wanted = endpoint.service_settings.get("dimensions")
    found = behaviour.dimensions.get(model) or wanted or _KNOWN_LENGTHS.get(model) or _invented_length(model)
    return int(found)


def model_name(endpoint: Endpoint) -> str:
    """What the service calls its model, whichever setting holds it."""
    settings = endpoint.service_settings
    for name in ("model_id", "model", "service_id", "deployment_id", "endpoint_name", "url", "target"):
        if isinstance(settings.get(name), str):
            return str(settings[name])
    return endpoint.service


def _invented_length(model: str) -> int:
    return _LENGTHS[hashlib.sha256(model.encode()).digest()[0] % len(_LENGTHS)]
