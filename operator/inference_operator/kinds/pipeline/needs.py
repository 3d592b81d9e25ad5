"""Is what a pipeline names there, and ready? Objects are asked first, then Elasticsearch.

An object that provides an id on the same cluster decides: it must be Ready. Where no object does, the id must exist in
Elasticsearch. What may not be read there counts as met: Elasticsearch itself does not check it either. Decides nothing else.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from http import HTTPStatus

from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.managed import ManagedObject
from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.pipeline.cycles import cycle_through
from inference_operator.core.pipeline.needs import calls_of, needs_of
from inference_operator.core.pipeline.situation import Unmet
from inference_operator.core.pipeline.values import DesiredPipeline, desired_of
from inference_operator.core.values import Absent, Server
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.rivals import Whereabouts
from inference_operator.shell.store import Identity, ObjectStore

ENDPOINTS = "inferenceendpoints"
PIPELINES = "ingestpipelines"


@dataclass(frozen=True, slots=True)
class Found:
    """What came of the search. `circle` has both ends named."""

    unmet: tuple[Unmet, ...] = ()
    circle: tuple[str, ...] | None = None


class Search:
    """Looks for what pipelines name."""

    def __init__(self, store: ObjectStore, whereabouts: Whereabouts) -> None:
        self._store = store
        self._whereabouts = whereabouts

    async def of(self, desired: DesiredPipeline, server: Server, cluster: Cluster) -> Found | Failure:
        """What is missing, in the order in which the spec names it, and the circle that the pipeline is part of."""
        needs = needs_of(desired.body)
        calls = await self._calls(desired, server, cluster)
        if isinstance(calls, Failure):
            return calls
        circle = cycle_through(desired.pipeline_id, calls)
        unmet: list[Unmet] = []
        for name, path in needs.endpoint_paths.items():
            message = await self._endpoint(name, server, cluster)
            if isinstance(message, Failure):
                return message
            unmet += [Unmet(path, message)] if message else []
        for name, path in needs.pipeline_paths.items():
            message = await self._pipeline(name, server, cluster)
            if isinstance(message, Failure):
                return message
            unmet += [Unmet(path, message)] if message else []
        return Found(tuple(unmet), circle)

    async def _endpoint(self, name: str, server: Server, cluster: Cluster) -> str | Failure | None:
        """What is wrong with an endpoint, None when nothing is."""
        providers = await self._providers(Identity(ENDPOINTS, name), server)
        if providers:
            return _waiting("inference endpoint", name, "InferenceEndpoint", providers)
        there = await cluster.peek(name)
        if isinstance(there, Absent):
            there = await cluster.look(name)  # a bulk reading may be older than what somebody made since
        if isinstance(there, Absent):
            return await self._model(name, cluster)
        return _unknown(there)

    async def _model(self, name: str, cluster: Cluster) -> str | Failure | None:
        exists = await cluster.pipelines.model_exists(name)
        if exists is False:
            return f"no inference endpoint and no trained model {name} in Elasticsearch, and no InferenceEndpoint provides it"
        return _unknown(exists)

    async def _pipeline(self, name: str, server: Server, cluster: Cluster) -> str | Failure | None:
        providers = await self._providers(Identity(PIPELINES, name), server)
        if providers:
            return _waiting("pipeline", name, "IngestPipeline", providers)
        there = await cluster.pipelines.peek(name)
        if isinstance(there, Absent):
            there = await cluster.pipelines.look(name)
        if isinstance(there, Absent):
            return f"no pipeline {name} in Elasticsearch, and no IngestPipeline provides it"
        return _unknown(there)

    async def _providers(self, identity: Identity, server: Server) -> list[tuple[ObjectKey, ManagedObject]]:
        """The objects that provide it on this cluster."""
        holders = self._store.holders(identity)
        return [h for h in holders if await self._whereabouts.is_on(h[0], h[1].spec.elasticsearch_ref, server)]

    async def _calls(self, desired: DesiredPipeline, server: Server, cluster: Cluster) -> dict[str, frozenset[str]] | Failure:
        """Who calls whom, as far as it can be reached from here: as objects want it, else as Elasticsearch has it."""
        calls = {desired.pipeline_id: calls_of(desired.body)}
        waiting = deque(calls[desired.pipeline_id])
        while waiting:
            name = waiting.popleft()
            if name in calls:
                continue
            called = await self._called_by(name, server, cluster)
            if isinstance(called, Failure):
                return called
            calls[name] = called
            waiting.extend(called)
        return calls

    async def _called_by(self, name: str, server: Server, cluster: Cluster) -> frozenset[str] | Failure:
        for _, provider in await self._providers(Identity(PIPELINES, name), server):
            if isinstance(provider, IngestPipeline):
                return calls_of(desired_of(provider.spec, name).body)
        there = await cluster.pipelines.peek(name)
        if isinstance(there, Failure):
            return frozenset() if _may_not_be_read(there) else there
        return frozenset() if isinstance(there, Absent) else calls_of(there.body)


def _waiting(noun: str, name: str, kind: str, providers: list[tuple[ObjectKey, ManagedObject]]) -> str | None:
    """None when one of them is ready. `Ready` of an earlier generation counts: what is there serves until it is changed."""
    why = []
    for key, provider in providers:
        ready = next((c for c in provider.status.conditions if c.type == "Ready"), None)
        if ready is not None and ready.status == "True":
            return None
        why.append(f"{kind} {key.namespace}/{key.name} is not Ready" + (f" ({ready.reason})" if ready is not None else " yet"))
    return f"{noun} {name} waits: {', '.join(why)}"


def _unknown(there: object) -> Failure | None:
    return there if isinstance(there, Failure) and not _may_not_be_read(there) else None


def _may_not_be_read(failure: Failure) -> bool:
    return isinstance(failure, HttpFailure) and failure.status == HTTPStatus.FORBIDDEN
