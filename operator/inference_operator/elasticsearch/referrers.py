"""Our own search for who uses an endpoint or a pipeline, in one reading of each kind for all objects of the cluster.

Decides how old a reading may be. That something is used may be believed for a moment. That it is not is read anew before
anything is deleted, by a reading that begins after the deletion was heard of: whoever used it before its deletion is found, and
many deletions that wait for their turn share a reading, for some seconds. A reading that fails is kept like one that succeeds,
so that the number of requests does not grow with the number of objects. What the connection may not read (403) is told in the
log once, and then left to Elasticsearch.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol, TypeAlias

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.pipeline.needs import Needs, needs_of
from inference_operator.core.referrers import COMPONENT_TEMPLATE, INDEX_TEMPLATE, Referrers
from inference_operator.core.values import Usage
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.derived import Derived
from inference_operator.elasticsearch.privileges import Complaint
from inference_operator.elasticsearch.shapes import parsed
from inference_operator.elasticsearch.shared_read import SharedRead
from inference_operator.elasticsearch.users import Users, users_among_indices, users_among_pipelines, users_among_templates

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from inference_operator.core.clock import Clock
    from inference_operator.core.pipeline.values import ObservedPipeline
    from inference_operator.core.values import Json
    from inference_operator.elasticsearch.answers import Response
    from inference_operator.elasticsearch.limits import Limits
    from inference_operator.elasticsearch.requests import Request
    from inference_operator.elasticsearch.snapshot import Snapshot


_Pick: TypeAlias = "Callable[[Users], tuple[str, ...]]"
"""Those that use what is asked about."""


class _Source(Protocol):
    """Users of one kind."""

    async def read(self, max_age: float | None = None) -> Users | Failure:
        """From a reading not older than this."""
        ...

    def kept(self, max_age: float) -> Users | Failure | None:
        """From a reading not older than this, if one is at hand; asks nobody."""
        ...

    async def read_since(self, moment: float) -> Users | Failure:
        """From a reading that began after that moment on the clock."""
        ...


class _Pipelines:
    """Users among the pipelines, from the snapshot that the pipelines' own objects are compared with."""

    def __init__(self, snapshot: Snapshot[ObservedPipeline], address: str) -> None:
        self._snapshot = snapshot
        self._complaint = Complaint("ingest.list", "read_pipeline", address)
        self._needs: Derived[Needs] = Derived(lambda pipeline: needs_of(pipeline.body))
        self._last: tuple[Mapping[str, ObservedPipeline], Users] | None = None

    async def read(self, max_age: float | None = None) -> Users | Failure:
        return self._users(await self._snapshot.all(max_age))

    def kept(self, max_age: float) -> Users | Failure | None:
        kept = self._snapshot.kept_all(max_age)
        return None if kept is None else self._users(kept)

    async def read_since(self, moment: float) -> Users | Failure:
        return self._users(await self._snapshot.all_since(moment))

    def _users(self, pipelines: Mapping[str, ObservedPipeline] | Failure) -> Users | Failure:
        """The same pipelines have the same users, however many objects ask."""
        if isinstance(pipelines, Failure):
            self._complaint.hear(pipelines)
            return pipelines
        if self._last is None or self._last[0] is not pipelines:
            self._last = pipelines, users_among_pipelines(self._needs.of(pipelines))
        return self._last[1]


@dataclass(frozen=True, slots=True)
class _Reading:
    result: Users | Failure


class _Documents:
    """Users in the answer to one request."""

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Response | Failure]],
        request: Request,
        parse: Callable[[Json], Users],
        privilege: str,
        clock: Clock,
        address: str,
    ) -> None:
        self._send = send
        self._request = request
        self._parse = parse
        self._complaint = Complaint(request.operation, privilege, address)
        self.shared: SharedRead[_Reading] = SharedRead(self._read, clock, address)

    async def read(self, max_age: float | None = None) -> Users | Failure:
        return _result(await self.shared.get(max_age))

    def kept(self, max_age: float) -> Users | Failure | None:
        kept = self.shared.kept(max_age)
        return None if kept is None else kept.result

    async def read_since(self, moment: float) -> Users | Failure:
        return _result(await self.shared.get_since(moment))

    async def _read(self) -> _Reading:
        result = parsed(await self._send(self._request), self._parse)
        self._complaint.hear(result)
        return _Reading(result)


class ReferrerSearch:
    """Pipelines, templates and index settings, each read at most once for all who ask.

    Args:
        send: sends a request to the cluster.
        pipelines: the pipelines of the cluster; somebody else invalidates and closes it.
        clock: tells the age of what is known.
        address: of the cluster.
        limits: for how long readings are believed.
    """

    def __init__(
        self,
        send: Callable[[Request], Awaitable[Response | Failure]],
        pipelines: Snapshot[ObservedPipeline],
        clock: Clock,
        address: str,
        limits: Limits,
    ) -> None:
        def documents(request: Request, parse: Callable[[Json], Users], privilege: str) -> _Documents:
            return _Documents(send, request, parse, privilege, clock, address)

        self._clock = clock
        self._limits = limits
        self._pipelines = _Pipelines(pipelines, address)
        index_templates = users_among_templates("index_template", INDEX_TEMPLATE)
        self._index_templates = documents(requests.list_index_templates(), index_templates, "monitor")
        component_templates = users_among_templates("component_template", COMPONENT_TEMPLATE)
        self._component_templates = documents(requests.list_component_templates(), component_templates, "monitor")
        self._indices = documents(requests.list_pipelines_of_indices(), users_among_indices, "monitor on all indices")
        self._documents = (self._index_templates, self._component_templates, self._indices)

    async def known(self, inference_id: str) -> Referrers:
        """Who uses an endpoint, as of the readings of this round, for status. What can't be read is no failure."""
        return await self._known(_endpoint(inference_id))

    async def known_of_pipeline(self, pipeline_id: str) -> Referrers:
        """Who uses a pipeline, as of the readings of this round, for status. What can't be read is no failure."""
        return await self._known(_pipeline(pipeline_id))

    async def search(self, inference_id: str, *, confirm: bool, since: float | None = None) -> Usage | Failure:
        """Who uses an endpoint, templates among the indices.

        With `confirm` nobody does only if a reading says so that began after `since`, at which moment on the clock the endpoint
        was known to go; without it, after now. What the connection may not read uses nothing; any other failure is one of the
        search.
        """
        sources = (self._pipelines, self._index_templates, self._component_templates)
        return _together(await self._search(sources, _endpoint(inference_id), confirm=confirm, since=since))

    async def search_pipeline(self, pipeline_id: str, since: float | None = None) -> Usage | Failure:
        """Who uses a pipeline: callers, indices that hold it, templates. That nobody does is confirmed as by `search`.

        `overlooked` counts callers and templates: the indices alone make Elasticsearch refuse to delete it.
        """
        sources = (self._pipelines, self._index_templates, self._component_templates, self._indices)
        found = await self._search(sources, _pipeline(pipeline_id), confirm=True, since=since)
        usage = _together(found)
        if isinstance(usage, Failure):
            return usage
        holders = found[-1] if isinstance(found[-1], tuple) else ()
        return Usage(usage.pipelines, usage.indices, overlooked=usage.total - len(holders))

    def invalidate(self) -> None:
        """Begin a new round."""
        for source in self._documents:
            source.shared.invalidate()

    async def aclose(self) -> None:
        """Give up what is being read."""
        for source in self._documents:
            await source.shared.aclose()

    async def _known(self, pick: _Pick) -> Referrers:
        pipelines = _picked(await self._pipelines.read(), pick)
        index_templates = _picked(await self._index_templates.read(), pick)
        return Referrers(
            pipelines=None if isinstance(pipelines, Failure) else pipelines,
            index_templates=None if isinstance(index_templates, Failure) else index_templates,
        )

    async def _search(
        self, sources: Sequence[_Source], pick: _Pick, *, confirm: bool, since: float | None
    ) -> list[tuple[str, ...] | Failure]:
        """The answer of each source, in their order."""
        believed_for = self._limits.usage_believed
        if not confirm:
            return [_picked(await source.read(believed_for), pick) for source in sources]
        kept = [source.kept(believed_for) for source in sources]
        if None not in kept:
            recent = [_picked(answer, pick) for answer in kept if answer is not None]
            usage = _together(recent)
            if isinstance(usage, Usage) and usage.total:
                return recent
        now = self._clock.monotonic()
        moment = now if since is None else max(since, now - self._limits.disuse_believed)
        return [_picked(await source.read_since(moment), pick) for source in sources]


def _endpoint(inference_id: str) -> _Pick:
    return lambda users: users.of_endpoints.get(inference_id, ())


def _pipeline(pipeline_id: str) -> _Pick:
    return lambda users: users.of_pipelines.get(pipeline_id, ())


def _picked(users: Users | Failure, pick: _Pick) -> tuple[str, ...] | Failure:
    return users if isinstance(users, Failure) else pick(users)


def _result(reading: _Reading | Failure) -> Users | Failure:
    return reading.result if isinstance(reading, _Reading) else reading


def _is_forbidden(result: object) -> bool:
    return isinstance(result, HttpFailure) and result.status == HTTPStatus.FORBIDDEN


def _together(answers: Sequence[tuple[str, ...] | Failure]) -> Usage | Failure:
    """Pipelines and, after them, templates and indices."""
    found: list[tuple[str, ...]] = []
    for answer in answers:
        if isinstance(answer, Failure) and not _is_forbidden(answer):
            return answer
        found.append(() if isinstance(answer, Failure) else answer)
    return Usage(found[0] if found else (), tuple(sorted(name for names in found[1:] for name in names)))
