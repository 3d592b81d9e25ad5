"""Who may scrape: whoever sends a token that Kubernetes knows, of a user whom Kubernetes lets `get` the path `/metrics`.

Decides what is asked and for how long an answer is believed. A token is never kept, only a digest of no use elsewhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Protocol

import structlog

from inference_operator.core.clock import Clock
from inference_operator.core.values import Json
from inference_operator.kubernetes.client import Reply, Request, path_of, refused
from inference_operator.kubernetes.values import KubernetesFailure

log: Any = structlog.get_logger(__name__)

RIGHTS = (("authentication.k8s.io", "tokenreviews", "create"), ("authorization.k8s.io", "subjectaccessreviews", "create"))
"""Group, resource and verb of what the operator itself must be allowed, in the whole cluster."""

ALLOWED_SECONDS = 60.0
REFUSED_SECONDS = 10.0
_MOST_KEPT = 256
_MOST_AT_ONCE = 4
_REVIEWED_PATH = "/metrics"


class Admission(Enum):
    """What became of a token."""

    ALLOWED = auto()
    UNKNOWN = auto()  # no token, or one that Kubernetes does not know
    DENIED = auto()  # the user may not read metrics
    UNTOLD = auto()  # Kubernetes could not be asked


class Asks(Protocol):
    """The part of `KubernetesClient` that is needed here."""

    async def ask(self, operation: str, request: Request) -> Reply | KubernetesFailure: ...


class Guard:
    """Asks Kubernetes about each token, a few at a time, and believes the answer for a while. A failure is not kept."""

    def __init__(self, client: Asks, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._digest_key = secrets.token_bytes(32)
        self._kept: dict[bytes, tuple[float, Admission]] = {}
        self._slots = asyncio.Semaphore(_MOST_AT_ONCE)
        self._told: dict[str, str] = {}

    async def admit(self, authorization: str) -> Admission:
        """`authorization`: the header of that name, empty without one."""
        scheme, _, token = authorization.strip().partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return Admission.UNKNOWN
        digest = hashlib.blake2b(token.encode("utf-8", "surrogateescape"), key=self._digest_key).digest()
        # Before the slot, so that who is known waits for nobody; and within, so that many scrapes with one token ask little.
        if (known := self._remembered(digest)) is not None:
            return known
        async with self._slots:
            known = self._remembered(digest)
            return known if known is not None else await self._find_out(digest, token)

    def _remembered(self, digest: bytes) -> Admission | None:
        until, admission = self._kept.get(digest, (0.0, Admission.UNTOLD))
        return admission if self._clock.monotonic() < until else None

    async def _find_out(self, digest: bytes, token: str) -> Admission:
        admission = await self._review(token)
        if admission is not Admission.UNTOLD:
            self._keep(digest, admission)
        return admission

    def _keep(self, digest: bytes, admission: Admission) -> None:
        now = self._clock.monotonic()
        self._kept.pop(digest, None)
        self._kept = {name: kept for name, kept in self._kept.items() if kept[0] > now}
        if len(self._kept) >= _MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[digest] = (now + (ALLOWED_SECONDS if admission is Admission.ALLOWED else REFUSED_SECONDS), admission)

    async def _review(self, token: str) -> Admission:
        found = await self._ask("review a token", "authentication.k8s.io", "TokenReview", {"token": token})
        if found is None:
            return Admission.UNTOLD
        user = found.get("user")
        if found.get("authenticated") is not True or not isinstance(user, Mapping):
            return Admission.UNKNOWN
        # What the token's user is, as Kubernetes told: both reviews have the same fields, but for a name.
        spec = {name: user[name] for name in ("uid", "groups", "extra") if user.get(name)}
        spec |= {"user": user.get("username", ""), "nonResourceAttributes": {"path": _REVIEWED_PATH, "verb": "get"}}
        allowed = await self._ask("review an access", "authorization.k8s.io", "SubjectAccessReview", spec)
        if allowed is None:
            return Admission.UNTOLD
        return Admission.ALLOWED if allowed.get("allowed") is True else Admission.DENIED

    async def _ask(self, operation: str, group: str, kind: str, spec: Mapping[str, Json]) -> Mapping[str, Json] | None:
        """The status of a review; None where there was none, whose cause is logged once until a review succeeds."""
        body = {"apiVersion": f"{group}/v1", "kind": kind, "spec": dict(spec)}
        path = path_of("apis", group, "v1", f"{kind.lower()}s")
        reply = await self._client.ask(operation, Request(path, "POST", body=body))
        failure = refused(operation, reply) if isinstance(reply, Reply) and not reply.ok else reply
        if isinstance(failure, KubernetesFailure):
            if self._told.get(operation) != failure.message:
                log.warning("nobody can be let in to metrics", operation=operation, message=failure.message)
            self._told[operation] = failure.message
            return None
        self._told.pop(operation, None)
        status = failure.body.get("status")
        return status if isinstance(status, Mapping) else {}
