"""One cluster, as the rest of the operator sees it: endpoints and who uses them, pipelines, deployments, the server itself.

Decides which request answers which question and what an answer changes in what is known: a write updates the snapshot from
its own answer, a lost write makes its id unknown. Decides nothing about what ought to be. Failures are returned.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.referrers import joined
from inference_operator.core.values import ABSENT, Absent, ObservedEndpoint, Server, Usage
from inference_operator.elasticsearch import documents, requests
from inference_operator.elasticsearch.bodies import create_body, update_body
from inference_operator.elasticsearch.client import ElasticsearchClient
from inference_operator.elasticsearch.documents import usage_of
from inference_operator.elasticsearch.inferences import Answered, Inferences
from inference_operator.elasticsearch.models import Models
from inference_operator.elasticsearch.pipeline_documents import pipeline_usage_of
from inference_operator.elasticsearch.pipelines import Pipelines, pipeline_snapshot
from inference_operator.elasticsearch.referrers import ReferrerSearch
from inference_operator.elasticsearch.shapes import absent_or, parsed
from inference_operator.elasticsearch.shared_read import SharedRead
from inference_operator.elasticsearch.snapshot import Snapshot

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterable

    import httpx

    from inference_operator.core.clock import Clock
    from inference_operator.core.referrers import Referrers
    from inference_operator.core.values import Deployment, DesiredEndpoint, Path, Version
    from inference_operator.elasticsearch.connection import Connection
    from inference_operator.elasticsearch.limits import Limits
    from inference_operator.elasticsearch.shapes import Listing
    from inference_operator.elasticsearch.traffic import Witnesses

__all__ = ["Cluster", "pipeline_usage_of", "usage_of"]


class Cluster:
    """Reads are shared and bounded, however many objects ask; `invalidate` begins a new round of them."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        limits: Limits,
        transport: httpx.AsyncBaseTransport | None = None,
        may_write: Callable[[], bool] = lambda: True,
        witnesses: Witnesses | None = None,
        extra_ca_file: pathlib.Path | None = None,
    ) -> None:
        self._client = ElasticsearchClient(connection, clock, limits, transport, may_write, witnesses, extra_ca_file)
        address = self._client.address
        self._snapshot: Snapshot[ObservedEndpoint] = Snapshot(self._read_all, self._read_one, clock, address, limits.single_reads)
        self._server: SharedRead[Server] = SharedRead(self._read_server, clock, address)
        self._models = Models(self._client.send, clock, address, limits.unsettled_age)
        self._pipeline_snapshot = pipeline_snapshot(self._client.send, clock, address, limits)
        self._referrers = ReferrerSearch(self._client.send, self._pipeline_snapshot, clock, address, limits)
        self._pipelines = Pipelines(self._client.send, self._pipeline_snapshot, self._referrers, self._models, limits.inferences)
        self._inferences = Inferences(self._client.send, clock, limits.inferences)
        self._last_server: Server | None = None

    @property
    def address(self) -> str:
        """`https://host:9200`, without credentials."""
        return self._client.address

    @property
    def left_alone(self) -> bool:
        """True while its breaker is open: the last requests were lost, and none came through since."""
        return self._client.left_alone

    @property
    def pipelines(self) -> Pipelines:
        """The ingest pipelines."""
        return self._pipelines

    async def server(self, max_age: float | None = None) -> Server | Failure:
        """UUID and version. A user who may not read them (403) learns that they are unknown, which is no failure."""
        return await self._server.get(max_age)

    async def peek(self, inference_id: str) -> ObservedEndpoint | Absent | Failure:
        """The endpoint as of the last reading of all, or of our own requests since. May prove equality only."""
        return await self._snapshot.entry(inference_id)

    async def look(self, inference_id: str) -> ObservedEndpoint | Absent | Failure:
        """The endpoint as it is now: one GET."""
        return await self._snapshot.entry_now(inference_id)

    async def create(self, desired: DesiredEndpoint, timeout: float) -> ObservedEndpoint | Failure:  # noqa: ASYNC109 - the server's
        """PUT. After any failure the endpoint may be there all the same: look."""
        return await self._put(desired, timeout)

    async def validate(self, desired: DesiredEndpoint, timeout: float) -> ObservedEndpoint | Failure:  # noqa: ASYNC109 - the server's
        """PUT to an id that is taken, which has the server check everything and then refuse.

        `resource_already_exists_exception` is the good answer: the settings passed. An `ObservedEndpoint` means that the endpoint
        had gone meanwhile and was created with these settings.
        """
        return await self._put(desired, timeout)

    async def update(
        self,
        desired: DesiredEndpoint,
        paths: Iterable[Path],
        timeout: float,  # noqa: ASYNC109 - the server's
    ) -> ObservedEndpoint | Failure:
        """Update in place: the settings at `paths`, and every secret. What came back must be compared.

        Where nothing can be sent (no secret, and what changed was left out of the spec) the endpoint is read instead.
        """
        body = update_body(desired, paths, self._snapshot.last_seen(desired.inference_id))
        if not body:
            found = await self.look(desired.inference_id)
            return _not_found("inference.get") if isinstance(found, Absent) else found
        request = requests.update_endpoint(desired.task_type, desired.inference_id, body, timeout, await self._version())
        return await self._write(desired.inference_id, request)

    async def dry_run(self, inference_id: str) -> Usage | Absent | Failure:
        """Who refers to the endpoint. Deletes nothing."""
        request = requests.delete_endpoint(inference_id, dry_run=True)
        return absent_or(parsed(await self._client.send(request), documents.usage))

    async def users(self, inference_id: str, *, since: float | None = None) -> Usage | Absent | Failure:
        """Who refers to the endpoint: what a dry run tells, and what our own search finds beyond that.

        That nobody does is never taken from a reading that began before `since`, a moment on the clock; without it, before now.
        """
        told = await self.dry_run(inference_id)
        if not isinstance(told, Usage):
            return told
        found = await self._referrers.search(inference_id, confirm=not told.total, since=since)
        if isinstance(found, Usage):
            return joined(told, found)
        return told if told.total else found

    async def referrers(self, inference_id: str) -> Referrers:
        """Who refers to the endpoint, as of this round's readings of all pipelines and index templates, for status."""
        return await self._referrers.known(inference_id)

    async def delete(self, inference_id: str, force: bool = False) -> Usage | Absent | Failure:
        """Delete. The usage is what was cut loose; `Absent`: it was gone. `usage_of(failure)` tells who refers to it."""
        request = requests.delete_endpoint(inference_id, force=force)
        known: Absent | None = None
        try:
            result = absent_or(parsed(await self._client.send(request), documents.deleted))
            known = ABSENT if isinstance(result, Usage | Absent) else None
        finally:
            self._learn(inference_id, known)
        return result

    async def deployment(self, deployment_id: str, max_age: float | None = None) -> Deployment | Failure | None:
        """The deployment of an in-cluster model, read with all others at once; None when there is none of that id.

        Without `max_age` one that had settled may be as old as the round, and one that had not is a few seconds old at
        most: however many objects wait for their models, they share one reading in that time.
        """
        return await self._models.deployment(deployment_id, max_age)

    async def infer(self, inference_id: str, task_type: str, text: str, timeout: float) -> Answered | Failure:  # noqa: ASYNC109
        """One inference of the right shape for the task, to see that the endpoint answers. Its result is not kept."""
        return await self._inferences.make(inference_id, task_type, text, timeout)

    def invalidate(self) -> None:
        """Begin a new round: the next peek, deployment, referrers and server are read anew, once for all who ask."""
        self._forget()
        self._server.invalidate()

    async def aclose(self) -> None:
        """Give up shared readings, let other requests end, close the connections."""
        for reading in (self._server, self._models, self._snapshot, self._pipeline_snapshot, self._referrers):
            await reading.aclose()
        await self._client.aclose()

    async def _put(self, desired: DesiredEndpoint, seconds: float) -> ObservedEndpoint | Failure:
        body = create_body(desired)
        version = await self._version()
        request = requests.put_endpoint(desired.task_type, desired.inference_id, body, seconds, version)
        return await self._write(desired.inference_id, request)

    async def _write(self, inference_id: str, request: requests.Request) -> ObservedEndpoint | Failure:
        """Send a write. An id whose write was cancelled or failed is unknown from then on."""
        known: ObservedEndpoint | None = None
        try:
            result = parsed(await self._client.send(request), documents.observed)
            known = result if isinstance(result, ObservedEndpoint) else None
        finally:
            self._learn(inference_id, known)
        return result

    def _learn(self, inference_id: str, known: ObservedEndpoint | Absent | None) -> None:
        self._snapshot.record(inference_id, known)
        self._models.invalidate()  # in-cluster models are deployed and stopped along with their endpoints

    async def _version(self) -> Version | None:
        """The version to choose query parameters by; without one, those that every version knows."""
        server = await self._server.get()
        return server.parsed_version if isinstance(server, Server) else None

    async def _read_all(self) -> Listing[ObservedEndpoint] | Failure:
        return parsed(await self._client.send(requests.list_endpoints()), documents.listing)

    async def _read_one(self, inference_id: str) -> ObservedEndpoint | Absent | Failure:
        request = requests.get_endpoint(inference_id)
        return absent_or(parsed(await self._client.send(request), documents.single(inference_id)))

    async def _read_server(self) -> Server | Failure:
        result = parsed(await self._client.send(requests.root()), documents.server(self.address))
        if isinstance(result, HttpFailure) and result.status == HTTPStatus.FORBIDDEN:
            return Server(self.address, uuid=None, version=None)
        if isinstance(result, Server):
            self._notice(result)
        return result

    def _notice(self, server: Server) -> None:
        """Another cluster behind the same address has other endpoints."""
        last, self._last_server = self._last_server, server
        if last is None:
            return
        if last.uuid and server.uuid and last.uuid != server.uuid:
            self._forget()

    def _forget(self) -> None:
        for known in (self._snapshot, self._pipeline_snapshot, self._models, self._referrers):
            known.invalidate()


def _not_found(operation: str) -> HttpFailure:
    return HttpFailure(HTTPStatus.NOT_FOUND, "resource_not_found_exception", "Inference endpoint not found", operation=operation)
