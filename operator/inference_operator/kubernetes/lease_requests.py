"""The requests about one Lease object, and what their answers mean.

Decides how a Lease is written: merge patches with the version that was read, so that a lost race is a conflict and other
people's fields and annotations stay. Says nothing about who should lead.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeAlias

from inference_operator.core.clock import Clock
from inference_operator.core.values import Json
from inference_operator.kubernetes.client import MERGE_PATCH, Reply, Request, path_of, refused
from inference_operator.kubernetes.lease_record import LeaseRecord, parse_lease
from inference_operator.kubernetes.timing import pause
from inference_operator.kubernetes.values import Conflict, KubernetesFailure

RIGHTS = ("get", "create", "patch")
"""The verbs on `leases` of `coordination.k8s.io` that the operator needs, in the namespace of its Lease."""

Answer: TypeAlias = LeaseRecord | Conflict | KubernetesFailure | None
"""The Lease as it is now; a lost race; a failure; None for no such Lease."""


class Asks(Protocol):
    """The part of `KubernetesClient` that is needed here."""

    async def ask(self, operation: str, request: Request) -> Reply | KubernetesFailure: ...


@dataclass(frozen=True, slots=True)
class LeaseName:
    """Where the Lease is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class LeaseRequests:
    """One Lease. Every request ends within `seconds`, on the clock that is handed in, whatever the client does."""

    def __init__(self, client: Asks, name: LeaseName, clock: Clock, seconds: float) -> None:
        self._client = client
        self._name = name
        self._clock = clock
        self._seconds = seconds
        self._all = path_of("apis", "coordination.k8s.io", "v1", "namespaces", name.namespace, "leases")
        self._one = f"{self._all}/{path_of(name.name)[1:]}"

    async def read(self) -> Answer:
        return await self._ask("get", Request(self._one))

    async def create(self, spec: dict[str, Json]) -> Answer:
        """Never answers None: without its namespace a Lease can't be made, and that is a failure."""
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name.name, "namespace": self._name.namespace},
            "spec": spec,
        }
        answer = await self._ask("create", Request(self._all, method="POST", body=body))
        if answer is None:
            message = f"namespace {self._name.namespace} does not exist; create it, or set --lease-namespace to another one"
            return KubernetesFailure(f"create Lease {self._name}", message, status=404)
        return answer

    async def patch(self, record: LeaseRecord, spec: dict[str, Json]) -> Answer:
        """Change `spec` of the very Lease that was read. `Conflict` if it has changed since, or is another one."""
        metadata = {"uid": record.uid, "resourceVersion": record.resource_version}
        body: dict[str, Json] = {"metadata": metadata, "spec": spec}
        return await self._ask("patch", Request(self._one, method="PATCH", body=body, content_type=MERGE_PATCH))

    async def _ask(self, verb: str, request: Request) -> Answer:
        operation = f"{verb} Lease {self._name}"
        reply = await self._in_time(operation, self._client.ask(operation, request))
        if isinstance(reply, KubernetesFailure):
            return reply
        if reply.status == HTTPStatus.CONFLICT:
            return Conflict(reply.message)
        if reply.status == HTTPStatus.NOT_FOUND:
            return None
        if reply.status == HTTPStatus.FORBIDDEN:
            return KubernetesFailure(operation, self._missing_right(reply), status=reply.status, retryable=False)
        if not reply.ok:
            return refused(operation, reply)
        try:
            return parse_lease(reply.body)
        except ValueError:
            return KubernetesFailure(operation, "the answer is no Lease")

    def _missing_right(self, reply: Reply) -> str:
        return (
            f"the operator's account needs the verbs {', '.join(RIGHTS)} on leases (coordination.k8s.io)"
            f" in namespace {self._name.namespace}: {reply.message}"
        )

    async def _in_time(self, operation: str, asking: Awaitable[Reply | KubernetesFailure]) -> Reply | KubernetesFailure:
        request = asyncio.ensure_future(asking)
        alarm = asyncio.ensure_future(pause(self._clock, self._seconds))
        try:
            await asyncio.wait({request, alarm}, return_when=asyncio.FIRST_COMPLETED)
            if request.done():
                return request.result()
            return KubernetesFailure(operation, f"no answer within {self._seconds:g} s")
        finally:
            # Not waited for: a client that does not let go must not hold the lease's own clock up.
            request.cancel()
            alarm.cancel()
