"""What objects refer to and no watch covers, looked at one by one and again and again.

Decides when each is due, and holds its version. That is the case where Secrets may be read but not watched, and for objects
in namespaces that are not watched. Reads metadata only.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from http import HTTPStatus

from inference_operator.core.clock import Clock
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.client import METADATA, KubernetesClient, Reply, Request, path_of
from inference_operator.kubernetes.metadata_scope import PLURALS, OnChange
from inference_operator.kubernetes.timing import pause
from inference_operator.kubernetes.values import UNKNOWN, KubernetesFailure, ObjectKey, Unknown

_log = logging.getLogger(__name__)

INTERVAL = 25.0
"""Seconds between two looks at one object; a change is to be noticed within 30."""
_AT_ONCE = 8


class ReferencePoll:
    """Follows what is referred to until cancelled. `covered` tells what a watch takes care of."""

    def __init__(
        self, client: KubernetesClient, clock: Clock, *, covered: Callable[[ObjectRef], bool], on_change: OnChange
    ) -> None:
        self._client = client
        self._clock = clock
        self._covered = covered
        self._on_change = on_change
        self._owners: dict[ObjectKey, frozenset[ObjectRef]] = {}
        self._known: dict[ObjectRef, ObjectVersion | None] = {}
        self._looked: dict[ObjectRef, float] = {}
        self._wake = asyncio.Event()
        self._turns = asyncio.Semaphore(_AT_ONCE)

    @property
    def referred(self) -> frozenset[ObjectRef]:
        return frozenset().union(*self._owners.values())

    def refer(self, owner: ObjectKey, refs: Collection[ObjectRef]) -> None:
        """See `shell.ports`."""
        before = self._owners.pop(owner, frozenset())
        if refs:
            self._owners[owner] = frozenset(refs)
        if any(not self._covered(ref) for ref in frozenset(refs) - before):
            self._wake.set()

    def version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        """As it was at the last look."""
        return self._known.get(ref, UNKNOWN)

    def look_soon(self) -> None:
        """What is covered has changed."""
        self._wake.set()

    async def run(self) -> None:
        """Look for ever; idle where all is covered."""
        while True:
            self._wake.clear()
            due_in = await self._look_at_due()
            await (self._wake.wait() if due_in is None else pause(self._clock, due_in, self._wake))

    async def _look_at_due(self) -> float | None:
        """Look at all that is due. Answers the seconds until the next is, None where nothing will be."""
        wanted = {ref for ref in self.referred if not self._covered(ref)}
        for forgotten in self._looked.keys() - wanted:
            del self._looked[forgotten]
            self._known.pop(forgotten, None)
        now = self._clock.monotonic()
        due = [ref for ref in sorted(wanted) if now - self._looked.get(ref, -INTERVAL) >= INTERVAL]
        async with asyncio.TaskGroup() as looks:
            for ref in due:
                looks.create_task(self._look(ref))
        if not self._looked:
            return None
        return max(0.0, min(self._looked.values()) + INTERVAL - self._clock.monotonic())

    async def _look(self, ref: ObjectRef) -> None:
        async with self._turns:
            self._looked[ref] = self._clock.monotonic()
            path = path_of("api", "v1", "namespaces", ref.namespace, PLURALS[ref.kind], ref.name)
            reply = await self._client.ask(f"look at {ref}", Request(path, accept=METADATA))
        found = _found(reply)
        if isinstance(found, Unknown):
            why = "the answer is no object" if isinstance(reply, Reply) and reply.ok else reply.message
            _log.debug("%s can't be looked at: %s", ref, why)
            return
        # The first look tells as well: the object may have changed between the reader's look and this one.
        if self._known.get(ref, UNKNOWN) != found:
            self._known[ref] = found
            self._on_change(ref)


def _found(reply: Reply | KubernetesFailure) -> ObjectVersion | Unknown | None:
    """The version of an object; None where there is no such object, unknown where the answer does not tell."""
    if isinstance(reply, KubernetesFailure):
        return UNKNOWN
    if not reply.ok:
        return None if reply.status == HTTPStatus.NOT_FOUND else UNKNOWN
    match reply.body.get("metadata"):
        case {"uid": str(uid), "resourceVersion": str(version)}:
            return ObjectVersion(uid, version)
        case _:
            return UNKNOWN
