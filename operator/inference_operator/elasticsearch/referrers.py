"""Our own search for who uses an endpoint, in one reading of each kind for all endpoints of the cluster.

Decides how old a reading may be: that an endpoint is used may be believed for a moment, that it is not is read anew before
anything is deleted. A reading that fails is kept like one that succeeds, so that the number of requests does not grow with
the number of endpoints. What the connection may not read (403) is told in the log once, and then left to Elasticsearch.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from inference_operator.core.failure import Failure, HttpFailure
from inference_operator.core.referrers import COMPONENT_TEMPLATE, INDEX_TEMPLATE, Referrers
from inference_operator.core.values import Usage
from inference_operator.elasticsearch import documents, requests
from inference_operator.elasticsearch.documents import parsed
from inference_operator.elasticsearch.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from inference_operator.core.clock import Clock
    from inference_operator.core.values import Json
    from inference_operator.elasticsearch.answers import Response
    from inference_operator.elasticsearch.requests import Request

log: Any = structlog.get_logger(__name__)

Users: TypeAlias = "Mapping[str, tuple[str, ...]]"
"""By endpoint: the sorted names of those that use it."""


@dataclass(frozen=True, slots=True)
class _Reading:
    result: Users | Failure


class _Kind:
    """One kind of referrer."""

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
        self._privilege = privilege
        self._address = address
        self._told = False
        self.shared: SharedRead[_Reading] = SharedRead(self._read, clock, address)

    async def users(self, inference_id: str, max_age: float | None = None) -> tuple[str, ...] | Failure:
        """Who uses the endpoint, from a reading not older than this."""
        return _of(await self.shared.get(max_age), inference_id)

    def kept_users(self, inference_id: str, max_age: float) -> tuple[str, ...] | Failure | None:
        """Who uses the endpoint, if a reading not older than this is at hand; asks nobody."""
        kept = self.shared.kept(max_age)
        return None if kept is None else _of(kept, inference_id)

    async def users_now(self, inference_id: str) -> tuple[str, ...] | Failure:
        """Who uses the endpoint, from a reading that begins after now."""
        return _of(await self.shared.get_new(), inference_id)

    async def _read(self) -> _Reading:
        result = parsed(await self._send(self._request), self._parse)
        if _is_forbidden(result):
            self._tell()
        return _Reading(result)

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            log.warning(
                "not everything that uses an endpoint can be found: the connection lacks a privilege",
                operation=self._request.operation,
                privilege=self._privilege,
                address=self._address,
            )


class ReferrerSearch:
    """Pipelines, index templates and component templates, each read at most once for all who ask.

    Args:
        send: sends a request to the cluster.
        clock: tells the age of what is known.
        address: of the cluster.
        believed_for: seconds for which a reading is believed that says that an endpoint is used.
    """

    def __init__(
        self, send: Callable[[Request], Awaitable[Response | Failure]], clock: Clock, address: str, believed_for: float
    ) -> None:
        def kind(request: Request, parse: Callable[[Json], Users], privilege: str) -> _Kind:
            return _Kind(send, request, parse, privilege, clock, address)

        self._believed_for = believed_for
        self._pipelines = kind(requests.list_pipelines(), documents.users_among_pipelines, "read_pipeline")
        self._index_templates = kind(
            requests.list_index_templates(), documents.users_among_templates("index_template", INDEX_TEMPLATE), "monitor"
        )
        self._component_templates = kind(
            requests.list_component_templates(),
            documents.users_among_templates("component_template", COMPONENT_TEMPLATE),
            "monitor",
        )
        self._kinds = (self._pipelines, self._index_templates, self._component_templates)

    async def known(self, inference_id: str) -> Referrers:
        """What the readings of this round say, for status. Decides nothing, so what can't be read is no failure."""
        pipelines = await self._pipelines.users(inference_id)
        index_templates = await self._index_templates.users(inference_id)
        return Referrers(
            pipelines=None if isinstance(pipelines, Failure) else pipelines,
            index_templates=None if isinstance(index_templates, Failure) else index_templates,
        )

    async def search(self, inference_id: str, *, confirm: bool) -> Usage | Failure:
        """Who uses the endpoint, templates among the indices. With `confirm` nobody does only if a reading of right now says so.

        What the connection may not read uses nothing; any other failure is one of the search.
        """
        if not confirm:
            return _together([await kind.users(inference_id, self._believed_for) for kind in self._kinds])
        kept = [kind.kept_users(inference_id, self._believed_for) for kind in self._kinds]
        recent = _together([answer for answer in kept if answer is not None])
        if None not in kept and isinstance(recent, Usage) and recent.total:
            return recent
        return _together([await kind.users_now(inference_id) for kind in self._kinds])

    def invalidate(self) -> None:
        """Begin a new round."""
        for kind in self._kinds:
            kind.shared.invalidate()

    async def aclose(self) -> None:
        """Give up what is being read."""
        for kind in self._kinds:
            await kind.shared.aclose()


def _of(reading: _Reading | Failure, inference_id: str) -> tuple[str, ...] | Failure:
    result = reading.result if isinstance(reading, _Reading) else reading
    return result if isinstance(result, Failure) else result.get(inference_id, ())


def _is_forbidden(result: object) -> bool:
    return isinstance(result, HttpFailure) and result.status == HTTPStatus.FORBIDDEN


def _together(answers: Sequence[tuple[str, ...] | Failure]) -> Usage | Failure:
    """Pipelines and, after them, every kind of template."""
    found: list[tuple[str, ...]] = []
    for answer in answers:
        if isinstance(answer, Failure) and not _is_forbidden(answer):
            return answer
        found.append(() if isinstance(answer, Failure) else answer)
    return Usage(found[0] if found else (), tuple(sorted(name for names in found[1:] for name in names)))
