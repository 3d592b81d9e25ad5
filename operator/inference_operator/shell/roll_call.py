"""Waits until every object that is there was heard of, so that whose an id is gets decided with all of them known.

The informer tells of objects one by one, and not when it has told of all. So they are listed, by name only, and those that were
not heard of yet are waited for; where namespaces are chosen, only those in chosen ones, as the store keeps no others. Decides
nothing else; sends one listing per kind, and another one only where some are late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

from inference_operator.core.clock import Clock
from inference_operator.shell.ports import KubernetesFailure, KubernetesPort, ObjectKey
from inference_operator.shell.store import ObjectStore

log: Any = structlog.get_logger(__name__)

_PATIENCE = 5.0
"""Seconds after which those that are late are listed anew: they may have been deleted before the informer began."""


class RollCall:
    """Tell it with `heard` of everything that was heard of, the end of objects included."""

    def __init__(self, kubernetes: KubernetesPort, store: ObjectStore, clock: Clock) -> None:
        self._kubernetes = kubernetes
        self._store = store
        self._clock = clock
        self._missing: set[ObjectKey] = set()
        self._waiter: asyncio.Future[None] | None = None

    def heard(self, key: ObjectKey) -> None:
        """This object, or its end, is known by now."""
        if key in self._missing:
            self._missing.discard(key)
            if not self._missing:
                self._wake()

    async def complete(self, plurals: Iterable[str]) -> None:
        """Return when all objects of these kinds are known that are there. An API server that refuses is asked again."""
        for plural in plurals:
            while not await self._are_known(plural):
                pass

    async def _are_known(self, plural: str) -> bool:
        """List them, and wait for those that are missing. False where the listing failed, or some are late."""
        listed = await self._kubernetes.list_keys(plural)
        if isinstance(listed, KubernetesFailure):
            log.warning("objects can't be listed", operation=listed.operation, message=listed.message)
            await self._wait()
            return False
        self._missing = {entry.key for entry in listed if self._store.keeps(entry.key) and not self._store.has(entry.uid)}
        if self._missing:
            await self._wait()
        return not self._missing

    async def _wait(self) -> None:
        self._waiter = waiter = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(_PATIENCE, self._wake)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
