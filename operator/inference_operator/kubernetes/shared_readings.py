"""One reading of a Secret or ConfigMap for all who need the same version of it within a moment.

Decides when what was read for one asker may be given to another: while it is the very version that was last heard of, and is
not two seconds old. A request that was sent before a change may be answered after the watch told of it, and whoever was woken
by the change must not be given the old contents. Knows neither the request nor the watch.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock, Timer
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.values import ConfigMapData, KubernetesFailure, NotFound, SecretData, Unknown

LONGEST = 2.0
"""Seconds from the sending of a request for which its answer stays in memory."""

_T = TypeVar("_T", bound=SecretData | ConfigMapData)

VersionOf: TypeAlias = Callable[[ObjectRef], ObjectVersion | Unknown | None]


@dataclass(frozen=True, slots=True)
class _Kept(Generic[_T]):
    reading: _T = field(repr=False)
    until: float
    removal: Timer


@dataclass(slots=True, eq=False)
class _Request(Generic[_T]):
    """One that is under way. It ends with the last of those who wait for it."""

    task: asyncio.Task[_T | NotFound | KubernetesFailure]
    askers: int = 0


class SharedReadings(Generic[_T]):
    """Readings of one kind. `read` asks the API server and never raises; `version_of` is that of `shell.ports`."""

    def __init__(
        self,
        kind: SourceKind,
        read: Callable[[str, str], Awaitable[_T | NotFound | KubernetesFailure]],
        version_of: VersionOf,
        clock: Clock,
    ) -> None:
        self._kind = kind
        self._read = read
        self._version_of = version_of
        self._clock = clock
        self._kept: dict[ObjectRef, _Kept[_T]] = {}
        self._under_way: dict[ObjectRef, _Request[_T]] = {}

    async def read(self, namespace: str, name: str) -> _T | NotFound | KubernetesFailure:
        """What a reading tells that begins now, or one that is as good as that."""
        ref = ObjectRef(self._kind, namespace, name)
        kept = self._kept.get(ref)
        if kept is not None and self._clock.monotonic() < kept.until and self._is_latest(ref, kept.reading):
            return kept.reading
        older = self._under_way.get(ref)
        if older is not None:
            answer = await self._answer(ref, older)
            if isinstance(answer, KubernetesFailure) or self._is_latest(ref, answer):
                return answer
        # Whatever is under way now was sent after this caller asked, so it may be newer than what was heard of, not older.
        return await self._answer(ref, self._under_way.get(ref) or self._send(ref))

    def _is_latest(self, ref: ObjectRef, answer: _T | NotFound) -> bool:
        return self._version_of(ref) == (None if isinstance(answer, NotFound) else answer.version)

    def _send(self, ref: ObjectRef) -> _Request[_T]:
        request = _Request(asyncio.create_task(self._fetch(ref), name=f"read {ref}"))
        self._under_way[ref] = request
        return request

    async def _answer(self, ref: ObjectRef, request: _Request[_T]) -> _T | NotFound | KubernetesFailure:
        """Who gives up takes nothing from the others; the last one to do so ends the request."""
        request.askers += 1
        try:
            return await asyncio.shield(request.task)
        finally:
            request.askers -= 1
            if not request.askers and not request.task.done():
                request.task.cancel()
                self._ended(ref, request.task)

    async def _fetch(self, ref: ObjectRef) -> _T | NotFound | KubernetesFailure:
        until = self._clock.monotonic() + LONGEST
        try:
            answer = await self._read(ref.namespace, ref.name)
        finally:
            self._ended(ref, asyncio.current_task())
        self._remove(ref)
        left = until - self._clock.monotonic()
        if left > 0 and not isinstance(answer, NotFound | KubernetesFailure):
            self._kept[ref] = _Kept(answer, until, self._clock.call_later(left, lambda: self._remove(ref)))
        return answer

    def _ended(self, ref: ObjectRef, task: "asyncio.Task[object] | None") -> None:
        """A request that was given up may end after the next one was sent."""
        request = self._under_way.get(ref)
        if request is not None and request.task is task:
            del self._under_way[ref]

    def _remove(self, ref: ObjectRef) -> None:
        kept = self._kept.pop(ref, None)
        if kept is not None:
            kept.removal.cancel()
