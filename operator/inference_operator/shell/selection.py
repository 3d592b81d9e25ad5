"""Which namespaces' objects are taken in, where they are chosen by label, and what happens when that changes.

    a namespace is chosen           its objects are listed and taken in, as if they had just been heard of
    a namespace is not any more     its objects are forgotten, and nothing is done to them

That nothing else is taken in is up to the store, which asks for each object. Does no I/O but that listing, which is tried
until it succeeds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from typing import Any, Protocol

import structlog

from inference_operator.core.clock import Clock
from inference_operator.kubernetes.timing import pause
from inference_operator.shell.intake import Intake
from inference_operator.shell.ports import Body, KubernetesFailure
from inference_operator.shell.store import ObjectStore

log: Any = structlog.get_logger(__name__)

RETRY = 5.0
"""Seconds between two attempts to list the objects of a namespace."""


class Lists(Protocol):
    """The part of `kubernetes.objects.Objects` that is needed here."""

    async def bodies(self, plural: str, namespace: str) -> tuple[Body, ...] | KubernetesFailure: ...


class Selection:
    """`changed` takes in that a namespace is chosen, or is not any more. `has` tells which of both."""

    def __init__(
        self,
        has: Callable[[str], bool],
        *,
        plurals: Collection[str],
        intake: Intake,
        store: ObjectStore,
        objects: Lists,
        clock: Clock,
    ) -> None:
        self._has = has
        self._plurals = plurals
        self._intake = intake
        self._store = store
        self._objects = objects
        self._clock = clock
        self._listing: dict[str, asyncio.Task[None]] = {}

    def changed(self, namespace: str) -> None:
        """Neither waits nor raises."""
        if (under_way := self._listing.pop(namespace, None)) is not None:
            under_way.cancel()
        if self._has(namespace):
            self._listing[namespace] = asyncio.create_task(self._take_in(namespace), name=f"list {namespace}")
        else:
            self._forget(namespace)

    def close(self) -> None:
        """End what is under way."""
        for task in self._listing.values():
            task.cancel()

    async def _take_in(self, namespace: str) -> None:
        for plural in self._plurals:
            while isinstance(found := await self._objects.bodies(plural, namespace), KubernetesFailure):
                log.warning(
                    "a namespace is chosen, and its objects can't be listed", operation=found.operation, why=found.message
                )
                await pause(self._clock, RETRY)
            for body in found:
                self._intake.heard(plural, None, body)
        self._listing.pop(namespace, None)
        log.info("a namespace is chosen: its objects are looked after", namespace=namespace)

    def _forget(self, namespace: str) -> None:
        left = [key for key in self._store if key.namespace == namespace]
        for key in left:
            if (known := self._store.get(key)) is not None:
                self._intake.gone(key, known.metadata.uid)
        log.info("a namespace is not chosen any more: its objects are left alone", namespace=namespace, objects=len(left))
