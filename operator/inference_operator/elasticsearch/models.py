"""Trained models and their deployments, read all at once for all who ask.

Decides how old an answer may be: a deployment that is on its way to another state is read again after a moment. A name that
the reading of all does not have may be an alias, which only a question of its own finds. Failures are returned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference_operator.core.failure import Failure
from inference_operator.core.values import Absent
from inference_operator.elasticsearch import documents, requests
from inference_operator.elasticsearch.documents import ModelStats
from inference_operator.elasticsearch.shapes import absent_or, parsed
from inference_operator.elasticsearch.shared_read import SharedRead

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from inference_operator.core.clock import Clock
    from inference_operator.core.values import Deployment
    from inference_operator.elasticsearch.answers import Response
    from inference_operator.elasticsearch.requests import Request


class Models:
    """The models of one cluster.

    Args:
        send: sends one request. Returns a failure, never raises.
        clock: tells the age of what is known.
        address: of the cluster.
        unsettled_age: seconds that the state of a deployment which is not at rest may be old.
    """

    def __init__(
        self, send: Callable[[Request], Awaitable[Response | Failure]], clock: Clock, address: str, unsettled_age: float
    ) -> None:
        self._send = send
        self._unsettled_age = unsettled_age
        self._stats: SharedRead[ModelStats] = SharedRead(self._read, clock, address)
        self._aliases: set[str] = set()

    async def deployment(self, deployment_id: str, max_age: float | None = None) -> Deployment | Failure | None:
        """See `Cluster.deployment`."""
        found = await self._stats.get(max_age)
        if max_age is None and not isinstance(found, Failure) and not _has_settled(found.deployments.get(deployment_id)):
            found = await self._stats.get(self._unsettled_age)
        return found if isinstance(found, Failure) else found.deployments.get(deployment_id)

    async def exists(self, name: str) -> bool | Failure:
        """Whether an inference processor finds a model, an alias or a deployment of that name, as of this round."""
        if not requests.is_single(name):
            return False
        if name in self._aliases:
            return True
        found = await self._stats.get()
        if isinstance(found, Failure):
            return found
        return name in found.names or await self._ask(name)

    def invalidate(self) -> None:
        """Begin a new round."""
        self._stats.invalidate()
        self._aliases.clear()

    async def aclose(self) -> None:
        """Give up what is being read."""
        await self._stats.aclose()

    async def _ask(self, name: str) -> bool | Failure:
        found = absent_or(parsed(await self._send(requests.model_stats(name)), documents.model_stats))
        if isinstance(found, Failure):
            return found
        there = not isinstance(found, Absent) and bool(found.names)
        if there:
            self._aliases.add(name)
        return there

    async def _read(self) -> ModelStats | Failure:
        return parsed(await self._send(requests.model_stats()), documents.model_stats)


def _has_settled(deployment: Deployment | None) -> bool:
    """True when a deployment is not on its way to another state. Serverless does not tell, and is believed."""
    if deployment is None or deployment.state not in (None, "started"):
        return False
    return deployment.allocation_state in (None, "fully_allocated") or deployment.target_allocation_count == 0
