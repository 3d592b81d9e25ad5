"""Brings what is known in line with what is there: before the first pass, and for what vanished unheard of.

The informer tells of objects one by one, and not when it has told of all; nor does it tell of objects that vanished while its
watch was broken. So they are listed, by metadata only: what is not there any more is forgotten, and who was not heard of yet, or
not in the version that was listed, is waited for. Where namespaces are chosen, only those in chosen ones, as the store keeps no
others. Sends one listing per kind, and another one only where some are late. A namespace that may not be listed holds up no
other: its objects stay as they are known, until the informer tells of them again. That is believed when it was told twice: an
API server that has just started forbids what it allows once it has read all roles, one after the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import structlog

from inference_operator.core.clock import Clock
from inference_operator.shell.ports import KubernetesFailure, KubernetesPort, Listed, ObjectKey
from inference_operator.shell.store import ObjectStore

log: Any = structlog.get_logger(__name__)

_PATIENCE = 5.0
"""Seconds after which those that are late are listed anew: they may have been deleted before the informer began."""


class RollCall:
    """Tell it with `heard` of everything that was heard of, the end of objects included; `gone` is told of what vanished."""

    def __init__(
        self, kubernetes: KubernetesPort, store: ObjectStore, clock: Clock, gone: Callable[[ObjectKey, str], None]
    ) -> None:
        self._kubernetes = kubernetes
        self._store = store
        self._clock = clock
        self._gone = gone
        self._missing: dict[ObjectKey, Listed] = {}
        self._denied: dict[str, frozenset[str]] = {}  # namespaces by kind
        self._waiter: asyncio.Future[None] | None = None

    def heard(self, key: ObjectKey, *, ended: bool = False) -> None:
        """A version of this object, or its end, was taken note of."""
        listed = self._missing.get(key)
        if listed is not None and (ended or self._is_known(listed)):
            del self._missing[key]
            if not self._missing:
                self._wake()

    async def complete(self, plurals: Iterable[str]) -> None:
        """Return when all objects of these kinds are known that are there. An API server that refuses is asked again."""
        for plural in plurals:
            while not await self._are_known(plural):
                pass

    async def prune(self, plural: str) -> tuple[Listed, ...] | None:
        """List the objects of a kind and forget what is not there any more. None where none can be listed."""
        known = {key: found.metadata.uid for key in self._store if key.plural == plural and (found := self._store.get(key))}
        listed = await self._kubernetes.list_keys(plural)
        if isinstance(listed, KubernetesFailure):
            log.warning("objects can't be listed", operation=listed.operation, message=listed.message)
            return None
        self._tell_of_denied(plural, listed.denied)
        there = {entry.key: entry.uid for entry in listed.found}
        for key, uid in known.items():
            if there.get(key) != uid and key.namespace not in listed.denied:
                self._gone(key, uid)
        return listed.found

    def _tell_of_denied(self, plural: str, denied: Mapping[str, str]) -> None:
        """Once for each namespace, when it begins and when it ends."""
        before = frozenset[str]().union(*self._denied.values())
        self._denied[plural] = frozenset(denied)
        now = frozenset[str]().union(*self._denied.values())
        for namespace in sorted(now - before):
            log.warning("its objects can't be listed, so they are left alone", namespace=namespace, message=denied[namespace])
        for namespace in sorted(before - now):
            log.info("its objects can be listed again", namespace=namespace)

    async def _are_known(self, plural: str) -> bool:
        """Wait for those that are missing. False where the listing is to be repeated, or some are late."""
        denied_before = self._denied.get(plural, frozenset())
        listed = await self.prune(plural)
        if listed is None or self._denied[plural] - denied_before:
            self._missing = {}
            await self._wait()
            return False
        self._missing = {entry.key: entry for entry in listed if self._store.keeps(entry.key) and not self._is_known(entry)}
        if self._missing:
            await self._wait()
        return not self._missing

    def _is_known(self, listed: Listed) -> bool:
        return self._store.is_old(listed.key, {"uid": listed.uid, "resourceVersion": listed.resource_version})

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
