"""The endpoints that every cluster has without being asked: those of the plugin and those of the Elastic Inference Service.

Decides which ids are reserved; that reading brings them (back) into the store is decided by the callers.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace

from tests.standin.catalogue import services
from tests.standin.chunking import DEFAULT as DEFAULT_CHUNKING
from tests.standin.state import Endpoint, State
from tests.standin.version import Version


def preconfigured(state: State) -> Mapping[str, Endpoint]:
    """All reserved endpoints of this cluster, by id."""
    return _preconfigured(state.version, state.cluster.platform, state.cluster.eis)


@functools.cache
def _preconfigured(version: Version, platform: str, eis: bool) -> Mapping[str, Endpoint]:
    suffix = "_linux-x86_64" if platform == "linux-x86_64" else ""
    # When 8 became 32 is unverified: a GET of the endpoint on 8.18 to 9.0 settles it.
    most = 32 if version.since("8.18", "9.0") else 8
    allocations = {
        "num_threads": 1,
        "adaptive_allocations": {
            "enabled": True,
            "min_number_of_allocations": 0,
            "max_number_of_allocations": most,
        },
    }
    found = [
        Endpoint(
            ".elser-2-elasticsearch",
            "sparse_embedding",
            "elasticsearch",
            {"model_id": f".elser_model_2{suffix}"} | allocations,
            chunking_settings=DEFAULT_CHUNKING,
        ),
        Endpoint(
            ".multilingual-e5-small-elasticsearch",
            "text_embedding",
            "elasticsearch",
            {"model_id": f".multilingual-e5-small{suffix}"} | allocations,
            chunking_settings=DEFAULT_CHUNKING,
        ),
        Endpoint(
            ".rerank-v1-elasticsearch",
            "rerank",
            "elasticsearch",
            {"model_id": ".rerank-v1"} | allocations,
            task_settings={"return_documents": True},
        ),
    ]
    return {endpoint.inference_id: endpoint for endpoint in found + (_eis(version) if eis else [])}


def _eis(version: Version) -> list[Endpoint]:
    """Those of the Elastic Inference Service, in releases that have its service."""
    if not version.since(*services()["elastic"].since):
        return []
    elser = Endpoint(
        ".elser-2-elastic",
        "sparse_embedding",
        "elastic",
        {"model_id": "elser_model_2"},
        chunking_settings=DEFAULT_CHUNKING,
    )
    chat = Endpoint(
        ".rainbow-sprinkles-elastic",
        "chat_completion",
        "elastic",
        {"model_id": "rainbow-sprinkles", "rate_limit": {"requests_per_minute": 240}},
    )
    metadata = {"heuristics": {"properties": ["english"], "status": "ga"}} if version.since("9.3") else {}
    return [replace(endpoint, metadata=metadata) for endpoint in (elser, chat)]


def is_preconfigured(state: State, inference_id: str) -> bool:
    return inference_id in preconfigured(state)


def persist_missing(state: State) -> State:
    """The state after a read that touches the preconfigured endpoints: the missing ones are in the store."""
    defaults = preconfigured(state)
    missing = {name: endpoint for name, endpoint in defaults.items() if name not in state.endpoints}
    return replace(state, endpoints={**state.endpoints, **missing}) if missing else state


def find_endpoint(state: State, inference_id: str) -> tuple[State, Endpoint | None]:
    """An endpoint by id, and the state after looking: a reserved one comes into the store by being looked for."""
    endpoint = state.endpoints.get(inference_id)
    if endpoint is None and (default := preconfigured(state).get(inference_id)):
        return state.with_endpoint(default), default
    return state, endpoint
