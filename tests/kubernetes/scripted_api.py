"""An API server whose answers a test writes down: it serves what a real one does rarely, such as broken watches.

Every path has plans, used up one request after the other; `PATH/*` stands for everything below a path. Without a plan
left, a watch is in sync at once and then silent, and everything else is not found.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict, deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from inference_operator.core.tracing import SILENT
from inference_operator.kubernetes.client import REQUEST_TIMEOUT, KubernetesClient
from inference_operator.kubernetes.credentials import load_credentials
from inference_operator.shell.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import aiohttp

    from inference_operator.core.clock import Clock
    from inference_operator.core.tracing import Tracer
    from tests.virtual_clock import VirtualClock

CONTENT = {"Content-Type": "application/json"}


@dataclass(frozen=True, slots=True)
class Answer:
    """One whole answer."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def serve(self, request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return web.Response(status=self.status, text=text, headers={**CONTENT, **self.headers})


@dataclass(frozen=True, slots=True)
class Watch:
    """Lines of a watch, then its end; with `hold` the connection stays open and silent, with `until` till then.

    `torn` ends it mid-line (at once, or after `until`).
    """

    lines: tuple[str, ...] = ()
    hold: bool = False
    torn: str = ""
    until: asyncio.Event | None = None

    async def serve(self, request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
        response = web.StreamResponse(headers=CONTENT)
        await response.prepare(request)
        for line in self.lines:
            await response.write(line.encode() + b"\n")
        if self.until is not None:
            await self.until.wait()
        if self.torn:
            await response.write(self.torn.encode())
            assert request.transport is not None
            request.transport.abort()
        elif self.hold:
            await closing.wait()
        return response


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing at all."""

    async def serve(self, request: web.Request, closing: asyncio.Event) -> web.StreamResponse:
        await closing.wait()
        return web.Response(status=503)


Plan = Answer | Watch | Silence


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as it came in."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class ScriptedApi:
    """Listens on a free port of 127.0.0.1 between `start` and `stop`."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._plans: defaultdict[str, deque[Plan]] = defaultdict(deque)
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    def plan(self, path: str, *plans: Plan) -> None:
        """Answer the next requests for that path so."""
        self._plans[path].extend(plans)

    def of(self, path: str) -> list[Asked]:
        """The requests for that path so far."""
        return [each for each in self.asked if each.path == path]

    async def start(self) -> None:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        self._closing.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(Asked(request.method, request.path, dict(request.query), dict(request.headers)))
        plans = self._plans[request.path] or self._plans[request.path.rpartition("/")[0] + "/*"]
        plan = plans.popleft() if plans else _default(request)
        return await plan.serve(request, self._closing)


def _default(request: web.Request) -> Plan:
    if "watch" in request.query:
        lines = (bookmark("1", complete=True),) if "sendInitialEvents" in request.query else ()
        return Watch(lines, hold=True)
    return Answer(404, {"kind": "Status", "message": "not found", "details": {"name": "it"}})


def metadata(name: str, version: str, namespace: str = "search", **more: Any) -> dict[str, Any]:
    """An object without its contents."""
    return {"metadata": {"namespace": namespace, "name": name, "uid": f"uid-{name}", "resourceVersion": version, **more}}


def event(kind: str, name: str, version: str, **more: Any) -> str:
    """A line of a watch."""
    return json.dumps({"type": kind, "object": metadata(name, version, **more)})


def bookmark(version: str, *, complete: bool = False) -> str:
    annotations = {"k8s.io/initial-events-end": "true"} if complete else {}
    return json.dumps({"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": version, "annotations": annotations}}})


def error(code: int, reason: str = "") -> str:
    return json.dumps({"type": "ERROR", "object": {"kind": "Status", "code": code, "reason": reason}})


def refusal(status: int, message: str = "", headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    return Answer(status, {"kind": "Status", "code": status, "message": message, **more}, headers or {})


@asynccontextmanager
async def scripted_api() -> AsyncIterator[ScriptedApi]:
    api = ScriptedApi()
    await api.start()
    try:
        yield api
    finally:
        await api.stop()


def kubeconfig(path: Path, server: str, user: Mapping[str, Any]) -> Path:
    """Write a kubeconfig with one context, `main`."""
    path.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "main",
                "contexts": [{"name": "main", "context": {"cluster": "here", "user": "me"}}],
                "clusters": [{"name": "here", "cluster": {"server": server}}],
                "users": [{"name": "me", "user": dict(user)}],
            }
        )
    )
    return path


@asynccontextmanager
async def client_for(
    api: ScriptedApi,
    folder: Path,
    *,
    user: Mapping[str, Any] | None = None,
    timeout: aiohttp.ClientTimeout = REQUEST_TIMEOUT,  # noqa: ASYNC109 - that of the client
    clock: Clock | None = None,
    tracer: Tracer = SILENT,
) -> AsyncIterator[KubernetesClient]:
    config = kubeconfig(folder / "kubeconfig", api.url, user or {"token": "a-token"})
    client = KubernetesClient(await load_credentials(clock or SystemClock(), kubeconfig=config), timeout, tracer)
    try:
        yield client
    finally:
        await client.close()


async def passing(clock: VirtualClock, condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it holds, letting time pass whenever something waits for it. `seconds` are real ones."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
            if not condition() and clock.next_call is not None:
                await clock.advance(clock.next_call)


async def holding(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until it holds, without any time passing on a virtual clock. `seconds` are real ones."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - nothing tells when it holds
            await asyncio.sleep(0.005)
