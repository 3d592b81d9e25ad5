"""What the provider behind a third-party service says to the validation call, as a function of data in the state.

Decides acceptance, the measured vector length and the provider's errors. It never reaches a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.catalogue import DENSE_TASKS
from tests.standin.errors import ElasticsearchError, bad_request, status_error
from tests.standin.reading import shown_seconds
from tests.standin.state import Endpoint, Provider, State
from tests.standin.version import Version

_LENGTHS = (384, 768, 1024, 1536)
_KNOWN_LENGTHS = {
    "text-embedding-3-small": 1536,
    "text-embedding-3-large": 3072,
    "text-embedding-ada-002": 1536,
    "embed-english-v3.0": 1024,
    "embed-multilingual-v3.0": 1024,
    "bge-base-zh-v1.5": 768,
    "Qwen3-Embedding-0.6B": 1024,
}
_FAILED = "Could not complete inference endpoint creation as validation call to service"


def validate(state: State, endpoint: Endpoint, timeout: float) -> None:
    """Make the validation call. Raises the 400 that wraps whatever the provider said."""
    if endpoint.service in state.provider.silent:
        raise bad_request(f"{_FAILED} returned null response.")
    cause = refusal(state, endpoint, timeout)
    if cause is not None:
        raise bad_request(f"{_FAILED} threw an exception.", cause)


def refusal(state: State, endpoint: Endpoint, timeout: float) -> ElasticsearchError | None:
    """The error that a call to the provider ends in; None when it succeeds."""
    provider, inference_id = state.provider, endpoint.inference_id
    if endpoint.service in provider.unreachable:
        # The exception behind a refused connection is unverified: a create with a url on a closed port settles it.
        return ElasticsearchError(
            500, "connect_exception", f"Failed to send request from inference entity id [{inference_id}]: Connection refused"
        )
    if provider.latency >= timeout:
        return timed_out(state.version, inference_id, timeout)
    if any(_is_refused(provider, secret) for secret in _texts(endpoint.secrets)):
        return status_error(
            401,
            f"Received an authentication error status code for request from inference entity id [{inference_id}] "
            "status [401]. Error message: [Incorrect API key provided]",
        )
    return None


def timed_out(version: Version, inference_id: str, timeout: float) -> ElasticsearchError:
    """A call that took too long, as each version words it (9.3 patches of 2026-05 and newer answer like 9.4)."""
    waited = shown_seconds(timeout)
    if version.since("9.4"):
        reason = f"Request timed out after [{waited}] for inference id [{inference_id}]"
        return ElasticsearchError(429, "timeout_exception", reason, extra={"timed_out": True})
    if version.since("8.18", "9.0"):
        return status_error(408, f"Request timed out waiting to be sent after [{waited}]")
    return ElasticsearchError(503, "timeout_exception", f"Request timed out waiting to be sent after [{waited}]")


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


def measure(provider: Provider, endpoint: Endpoint, wanted: int | None) -> int | None:
    """The length of the vectors that the validation call returned; None for tasks without vectors.

    Raises 400 when the user asked for another length than the model has.
    """
    if endpoint.task_type not in DENSE_TASKS:
        return None
    model = model_name(endpoint)
    fixed = provider.dimensions.get(model)
    length = fixed or wanted or _KNOWN_LENGTHS.get(model) or _invented_length(model)
    if wanted is not None and wanted != length:
        raise bad_request(
            f"The retrieved embeddings size [{length}] does not match the size specified in the settings [{wanted}]. "
            f"Please recreate the [{endpoint.inference_id}] configuration with the correct dimensions"
        )
    return length


def model_name(endpoint: Endpoint) -> str:
    """What the service calls its model, whichever setting holds it."""
    settings = endpoint.service_settings
    for name in ("model_id", "model", "service_id", "deployment_id", "endpoint_name", "url", "target"):
        if isinstance(settings.get(name), str):
            return str(settings[name])
    return endpoint.service


def _invented_length(model: str) -> int:
    return _LENGTHS[hashlib.sha256(model.encode()).digest()[0] % len(_LENGTHS)]
