"""The ingest pipelines of one cluster: what is there, who uses them, and what they would do to a document.

Decides which request answers which question and what an answer changes in what is known. One reading of all pipelines a
round serves every object, and the search for users of endpoints as well. Decides nothing about what ought to be. Failures
are returned.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure
from inference_operator.core.pipeline.stamp import stamped
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.values import ABSENT, Absent
from inference_operator.elasticsearch import pipeline_documents, requests
from inference_operator.elasticsearch.shapes import absent_or, acknowledged, parsed
from inference_operator.elasticsearch.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from inference_operator.core.clock import Clock
    from inference_operator.core.pipeline.stamp import Stamp
    from inference_operator.core.pipeline.values import DesiredPipeline
    from inference_operator.core.referrers import Referrers
    from inference_operator.core.values import Json, Usage
    from inference_operator.elasticsearch.answers import Response
    from inference_operator.elasticsearch.limits import Limits
    from inference_operator.elasticsearch.models import Models
    from inference_operator.elasticsearch.referrers import ReferrerSearch
    from inference_operator.elasticsearch.requests import Request
    from inference_operator.elasticsearch.shapes import Listing


def pipeline_snapshot(
    send: Callable[[Request], Awaitable[Response | Failure]], clock: Clock, address: str, limits: Limits
) -> Snapshot[ObservedPipeline]:
    """What is known of the pipelines of a cluster; nothing yet."""

    async def read_all() -> Listing[ObservedPipeline] | Failure:
        return parsed(await send(requests.list_pipelines()), pipeline_documents.pipelines)

    async def read_one(pipeline_id: str) -> ObservedPipeline | Absent | Failure:
        request = requests.get_pipeline(pipeline_id)
        return absent_or(parsed(await send(request), pipeline_documents.pipeline(pipeline_id)))

    return Snapshot(read_all, read_one, clock, address, limits.single_reads)


class Pipelines:
    """The pipelines of one cluster; `Cluster.pipelines`.

    Args:
        send: sends one request. Returns a failure, never raises.
        snapshot: of the pipelines.
        referrers: searches for those who use a pipeline.
        models: the trained models of the cluster.
        at_once: simulations at the same moment.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Response | Failure]],
        snapshot: Snapshot[ObservedPipeline],
        referrers: ReferrerSearch,
        models: Models,
        at_once: int,
    ) -> None:
        self._send = send
        self._snapshot = snapshot
        self._referrers = referrers
        self._models = models
        self._slots = asyncio.Semaphore(at_once)

    async def peek(self, pipeline_id: str) -> ObservedPipeline | Absent | Failure:
        """The pipeline as of the last reading of all, or of our own requests since. May prove equality only."""
        return await self._snapshot.entry(pipeline_id)

    async def look(self, pipeline_id: str) -> ObservedPipeline | Absent | Failure:
        """The pipeline as it is now: one GET."""
        return await self._snapshot.entry_now(pipeline_id)

    async def put(self, desired: DesiredPipeline, stamp: Stamp) -> Failure | None:
        """Create or replace. None: it was acknowledged, which does not say that nobody wrote since; look.

        After a failure the pipeline may be written all the same: look.
        """
        request = requests.put_pipeline(desired.pipeline_id, stamped(desired.body, stamp))
        known: ObservedPipeline | None = None
        try:
            result = parsed(await self._send(request), acknowledged)
            if result is None:
                known = ObservedPipeline(desired.pipeline_id, desired.body, stamp)
        finally:
            self._snapshot.record(desired.pipeline_id, known)
        return result

    async def delete(self, pipeline_id: str) -> Absent | Failure:
        """Delete; `Absent` when it is gone, by this request or before. `usage_of(failure)` tells which indices hold it."""
        known: Absent | None = None
        try:
            result = absent_or(parsed(await self._send(requests.delete_pipeline(pipeline_id)), acknowledged))
            known = None if isinstance(result, Failure) else ABSENT
        finally:
            self._snapshot.record(pipeline_id, known)
        return result if isinstance(result, Failure) else ABSENT

    async def simulate(self, body: Mapping[str, Json], docs: Sequence[Json]) -> tuple[Json, ...] | Failure:
        """What a pipeline of this body, written or not, makes of documents: the entries that `trials.judge` takes.

        Inference processors really call their endpoints. A body that Elasticsearch does not take is a failure.
        """
        if not docs:
            return ()
        async with self._slots:
            request = requests.simulate_pipeline(body, docs)
            return parsed(await self._send(request), pipeline_documents.simulated(len(docs)))

    async def users(self, pipeline_id: str, since: float | None = None) -> Usage | Failure:
        """Who uses the pipeline: callers among the pipelines; indices that hold it, and templates, among the indices.

        `needs_force` is True where an index holds it, which is when Elasticsearch refuses to delete it. That nobody uses
        it is never taken from a reading that began before `since`, a moment on the clock; without it, before now.
        """
        return await self._referrers.search_pipeline(pipeline_id, since)

    async def referrers(self, pipeline_id: str) -> Referrers:
        """Which pipelines call it and which index templates name it, as of this round's readings, for status."""
        return await self._referrers.known_of_pipeline(pipeline_id)

    async def model_exists(self, name: str) -> bool | Failure:
        """Whether an inference processor finds a trained model, an alias of one, or a deployment of that name."""
        return await self._models.exists(name)
