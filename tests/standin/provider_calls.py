"""The HTTP request that a service sends to its provider, for services whose settings hold a `url`.

Only addresses of this machine are ever called, so that a stand-in never carries a key or a text away. Which service speaks
which dialect is the table `DIALECTS`; the answers are read by `provider_replies.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import urlsplit

from tests.standin import custom_calls
from tests.standin.messages import Headers, Json, ProviderCall, encode
from tests.standin.results import Question
from tests.standin.state import Endpoint

Dialect = Literal["openai", "cohere", "tei", "nvidia_rerank", "custom"]
_EMBED = ("text_embedding", "embedding")
_WRITE = ("completion", "chat_completion")
_OPENAI = ("openai", "llama", "mistral", "groq", "fireworksai", "nvidia", "deepseek", "openshift_ai")
DIALECTS: Mapping[tuple[str, str], Dialect] = MappingProxyType(
    {
        **{(service, task): "openai" for service in _OPENAI for task in (*_EMBED, *_WRITE)},
        **{("hugging_face", task): "openai" for task in _WRITE},
        **{("hugging_face", task): "tei" for task in ("text_embedding", "sparse_embedding", "rerank")},
        **{("cohere", task): "cohere" for task in ("text_embedding", "rerank", "completion")},
        ("openshift_ai", "rerank"): "cohere",
        ("nvidia", "rerank"): "nvidia_rerank",
        **{("custom", task): "custom" for task in ("text_embedding", "sparse_embedding", "rerank", "completion")},
    }
)
"""What a service speaks by task type. Others are never called: they sign requests, or have no `url` to point elsewhere."""
_LOCAL = frozenset({"127.0.0.1", "::1", "localhost"})
_COHERE_INPUT_TYPES = {"ingest": "search_document", "search": "search_query"}


def dialect_of(endpoint: Endpoint) -> Dialect | None:
    return DIALECTS.get((endpoint.service, endpoint.task_type))


def is_local(url: str) -> bool:
    """True for plain HTTP on this machine."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    return parts.scheme == "http" and parts.hostname in _LOCAL and port != 0


def build(endpoint: Endpoint, question: Question) -> ProviderCall | None:
    """The call, or None where this endpoint's provider is played. Raises what the server raises for a bad template."""
    dialect = dialect_of(endpoint)
    url = endpoint.service_settings.get("url")
    if dialect is None or not isinstance(url, str) or "client_secret" in endpoint.secrets:
        return None  # a token would have to be fetched first
    if dialect == "custom":
        call = custom_calls.build(endpoint, question)
        return call if is_local(call.url) else None
    if not is_local(url):
        return None
    return ProviderCall(url, _headers(endpoint, question), encode(_BODIES[dialect](endpoint, question)))


def _headers(endpoint: Endpoint, question: Question) -> Headers:
    headers = [("Content-Type", "application/json")]
    key = endpoint.secrets.get("api_key")
    if isinstance(key, str):
        headers.append(("Authorization", f"Bearer {key}"))
    organisation = endpoint.service_settings.get("organization_id")
    if isinstance(organisation, str):
        headers.append(("OpenAI-Organization", organisation))
    extra = question.settings.get("headers")
    if isinstance(extra, Mapping):
        headers += [(str(name), str(value)) for name, value in extra.items()]
    return tuple(headers)


def _model(endpoint: Endpoint) -> Json:
    name = endpoint.service_settings.get("model_id", endpoint.service_settings.get("model"))
    return {"model": name} if name is not None else {}


def _openai(endpoint: Endpoint, question: Question) -> Json:
    user = {"user": question.settings["user"]} if "user" in question.settings else {}
    if endpoint.task_type in _EMBED:
        asked = endpoint.service_settings.get("dimensions") if endpoint.hidden.get("dimensions_set_by_user", True) else None
        return {"input": list(question.inputs), **_model(endpoint), **user} | ({"dimensions": asked} if asked else {})
    if question.chat is not None:
        # A model in the request wins over the endpoint's.
        return _model(endpoint) | dict(question.chat) | user | ({"stream": True} if question.stream else {})
    messages = [{"role": "user", "content": text} for text in question.inputs]
    return {"messages": messages, **_model(endpoint), "n": 1, "stream": question.stream, **user}


def _cohere(endpoint: Endpoint, question: Question) -> Json:
    if endpoint.task_type == "rerank":
        body: Json = {**_model(endpoint), "query": question.query, "documents": list(question.inputs)}
        optional = {"return_documents": question.with_documents, "top_n": question.top_n}
        return body | {name: value for name, value in optional.items() if value is not None}
    if endpoint.task_type == "completion":
        return {"messages": [{"role": "user", "content": question.inputs[0]}], **_model(endpoint), "stream": question.stream}
    asked = question.input_type or question.settings.get("input_type") or "search"
    kind = endpoint.service_settings.get("embedding_type", "float")
    names = {"bit": "binary", "byte": "int8"}
    return {
        "texts": list(question.inputs),
        **_model(endpoint),
        "input_type": _COHERE_INPUT_TYPES.get(asked, asked),
        "embedding_types": [names.get(kind, kind)],
    }


def _tei(endpoint: Endpoint, question: Question) -> Json:
    if endpoint.task_type == "rerank":
        return {"query": question.query, "texts": list(question.inputs), "return_text": bool(question.with_documents)}
    return {"inputs": list(question.inputs)}


def _nvidia_rerank(endpoint: Endpoint, question: Question) -> Json:
    return {**_model(endpoint), "query": {"text": question.query}, "passages": [{"text": text} for text in question.inputs]}


_BODIES: Mapping[Dialect, Callable[[Endpoint, Question], dict[str, Any]]] = {
    "openai": _openai,
    "cohere": _cohere,
    "tei": _tei,
    "nvidia_rerank": _nvidia_rerank,
}
