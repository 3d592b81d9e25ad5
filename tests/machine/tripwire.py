"""Kills the operator at its k-th request, whichever side that goes to, or lets only the answer of that request get lost."""

from __future__ import annotations

from enum import StrEnum

import httpx

from inference_operator.shell.ports import KubernetesFailure
from tests.fake_kubernetes import Killed, Moment, Request
from tests.machine.world import World


class Fate(StrEnum):
    """What happens at the k-th request."""

    KILLED_BEFORE = "killed before it was sent"
    KILLED_AFTER = "killed after it was done"
    ANSWER_LOST = "its answer lost, the operator lives"


class Tripwire:
    """Counts the requests of the operator from `arm` on, and strikes once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._fate: Fate | None = None
        self._at = 0
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

    def strikes(self, moment: Moment, what: str) -> bool:
        """Advance, and tell whether the answer of this request is lost. Raises Killed in a process that is dead."""
        if self.struck is not None and self._fate in (Fate.KILLED_BEFORE, Fate.KILLED_AFTER):
            raise Killed
        if moment is Moment.BEFORE:
            self.count += 1
        if self._fate is None or self.struck is not None or self.count != self._at:
            return False
        match self._fate, moment:
            case (Fate.KILLED_BEFORE, Moment.BEFORE) | (Fate.KILLED_AFTER, Moment.AFTER):
                self.struck = what
                raise Killed
            case Fate.ANSWER_LOST, Moment.AFTER:
                self.struck = what
                return True
            case _:
                return False

    def _kubernetes(self, request: Request, moment: Moment) -> KubernetesFailure | None:
        what = f"{request.verb} {request.target}"
        return KubernetesFailure(what, "the API server can't be reached: reset") if self.strikes(moment, what) else None


class _Wired(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport, wire: Tripwire) -> None:
        self._inner = inner
        self._wire = wire

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.raw_path.decode()}"
        self._wire.strikes(Moment.BEFORE, what)
        response = await self._inner.handle_async_request(request)
        if self._wire.strikes(Moment.AFTER, what):
            raise httpx.ReadError("connection reset", request=request)
        return response
