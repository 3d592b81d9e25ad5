"""Kills the operator at its k-th request, whichever side that goes to, or lets only the answer of that request get lost."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import httpx

from inference_operator.shell.ports import KubernetesFailure
from tests.fake_kubernetes import FakeKubernetes, Killed, Moment, Request


class Fate(StrEnum):
    """What happens at the k-th request."""

    KILLED_BEFORE = "killed before it was sent"
    KILLED_AFTER = "killed after it was done"
    ANSWER_LOST = "its answer lost, the operator lives"


class Wireable(Protocol):
    """A process, or a world with one, that sends all its requests by these two."""

    kubernetes: FakeKubernetes
    intercept: Callable[[httpx.AsyncBaseTransport], httpx.AsyncBaseTransport]


class Tripwire:
    """Counts the requests of the operator from `arm` on, and strikes once."""

    def __init__(self, world: Wireable) -> None:
        self._fate: Fate | None = None
        self._at = 0
        self._under_way: dict[int, int] = {}
        self.count = 0
        self.struck: str | None = None
        world.kubernetes.interceptor = self._kubernetes
        world.intercept = lambda transport: _Wired(transport, self)

    def arm(self, at: int | None = None, fate: Fate | None = None) -> None:
        """Count anew; strike at the `at`-th request (the first is 1)."""
        self.count = 0
        self.struck = None
        self._at = at or 0
        self._fate = fate

    def disarm(self) -> None:
        """Let everything pass again, as for a process that was started anew."""
        self._fate = None

    @property
    def has_killed(self) -> bool:
        """True once it ended the process."""
        return self.struck is not None and self._fate in (Fate.KILLED_BEFORE, Fate.KILLED_AFTER)

    def is_whole(self) -> bool:
        """True until it has struck."""
        return self.struck is None

    def begins(self, what: str) -> int:
        """A request begins: return its number, for `ends`. Raises Killed in a process that is dead or dies now."""
        self._check_alive()
        self.count += 1
        if self._fate is Fate.KILLED_BEFORE and self._is_it(self.count):
            self.struck = what
            raise Killed
        return self.count

    def ends(self, number: int, what: str) -> bool:
        """A request was done: tell whether its answer is lost. Others may have begun meanwhile. Raises Killed as `begins`."""
        self._check_alive()
        if not self._is_it(number) or self._fate not in (Fate.KILLED_AFTER, Fate.ANSWER_LOST):
            return False
        self.struck = what
        if self._fate is Fate.KILLED_AFTER:
            raise Killed
        return True

    def _is_it(self, number: int) -> bool:
        return self.struck is None and number == self._at

    def _check_alive(self) -> None:
        if self.has_killed:
            raise Killed

    def _kubernetes(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        what = f"{request.verb} {request.target}"
        if moment is Moment.BEFORE:
            self._under_way[id(request)] = self.begins(what)
            return None
        is_lost = self.ends(self._under_way.pop(id(request)), what)
        return KubernetesFailure(what, "the API server can't be reached: reset") if is_lost else None


class _Wired(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, wire: Tripwire) -> None:
        self._inner = inner
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.raw_path.decode()}"
        number = self._wire.begins(what)
        response = await self._inner.handle_async_request(request)
        if self._wire.ends(number, what):
            raise httpx.ReadError("connection reset", request=request)
        return response
