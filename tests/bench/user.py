"""The user of the measured operator: applies, edits and deletes objects at a bounded rate, and sees when each is ready.

It runs beside the operator, not in it, and does the same for the floor, so that what it costs is in both.
"""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from inference_operator.kubernetes.client import LOST, MERGE_PATCH, KubernetesClient, Reply, Request, path_of
from tests.cluster.operating import endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

NAMESPACE = "bench"
SECRET = "openai"
_GROUP = ("apis", "inference-operator.io", "v1alpha1", "namespaces", NAMESPACE, "inferenceendpoints")
_SECRETS = ("api", "v1", "namespaces", NAMESPACE, "secrets")
_IN_FLIGHT = 16
_QUIET = 600.0
_WAIT_SECONDS = 1800.0
_AGAIN = 0.2

Done: TypeAlias = Callable[[dict[str, Any] | None], bool]
"""Asked about an object as it is, None where it is gone."""


class BenchError(Exception):
    """The API server refused what the user wants, or an object did not get where it should."""


@dataclass(slots=True)
class Span:
    """From sending a change to seeing it done, for each object; times of the monotonic clock in seconds."""

    sent: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """From the first change sent to the last one done."""
        return max(self.done.values()) - min(self.sent.values())

    @property
    def latencies(self) -> list[float]:
        """Seconds, the shortest first."""
        return sorted(self.done[name] - self.sent[name] for name in self.sent)


@dataclass(slots=True)
class _Awaited:
    """What `User` is waiting for: `done` for each of `missing`."""

    span: Span
    missing: set[str]
    done: Done
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def look(self, name: str, body: dict[str, Any] | None) -> None:
        if name in self.missing and name in self.span.sent and self.done(body):
            self.span.done[name] = time.monotonic()
            self.missing.discard(name)
            if not self.missing:
                self.over.set()


class User:
    """Does one thing to many objects at a time."""

    def __init__(self, client: KubernetesClient) -> None:
        self._client = client
        self._turns = asyncio.Semaphore(_IN_FLIGHT)
        self._awaited: _Awaited | None = None
        self._task: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.objects: dict[str, dict[str, Any]] = {}

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[User]:
        """Follow all objects while the block runs."""
        self._task = asyncio.create_task(self._watch(), name="watch")
        try:
            yield self
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # --- changes ------------------------------------------------------------------------------------------------------

    async def store_secret(self, value: str) -> None:
        """Make it, or rotate it."""
        data = {"data": {"api-key": base64.b64encode(value.encode()).decode()}}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": SECRET}}
        reply = await self._client.ask("create", Request(path_of(*_SECRETS), method="POST", body=body | data))
        if isinstance(reply, Reply) and reply.status == HTTPStatus.CONFLICT:
            await self._must(Request(path_of(*_SECRETS, SECRET), method="PATCH", body=data, content_type=MERGE_PATCH))

    async def put(self, name: str) -> None:
        await self._must(Request(path_of(*_GROUP), method="POST", body=endpoint(name)))

    async def change(self, name: str, limit: int) -> None:
        """Give it another rate limit."""
        patch = {"spec": {"serviceSettings": {"rate_limit": {"requests_per_minute": limit}}}}
        await self._must(Request(path_of(*_GROUP, name), method="PATCH", body=patch, content_type=MERGE_PATCH))

    async def remove(self, name: str) -> None:
        await self._must(Request(path_of(*_GROUP, name), method="DELETE"))

    async def create(self, names: Iterable[str]) -> Span:
        return await self._all(names, self.put, is_ready)

    async def edit(self, names: Iterable[str], limit: int) -> Span:
        """Change all, and wait until each is ready with it."""

        def done(body: dict[str, Any] | None) -> bool:
            limits = body["spec"]["serviceSettings"].get("rate_limit") if body is not None else None
            return limits == {"requests_per_minute": limit} and is_ready(body)

        return await self._all(names, lambda name: self.change(name, limit), done)

    async def delete(self, names: Iterable[str]) -> Span:
        return await self._all(names, self.remove, lambda body: body is None)

    async def rotate(self, names: Iterable[str], value: str) -> Span:
        """Change the Secret that all use; done where the status tells of the new version."""
        span, names = Span(), list(names)
        before = {name: _secret_versions(self.objects[name]) for name in names}
        span.sent = dict.fromkeys(names, time.monotonic())

        def done(body: dict[str, Any] | None) -> bool:
            return body is not None and _secret_versions(body) != before[body["metadata"]["name"]] and is_ready(body)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._await(span, names, done))
            tasks.create_task(self.store_secret(value))
        return span

    # --- waiting ------------------------------------------------------------------------------------------------------

    async def _all(self, names: Iterable[str], change: Callable[[str], Awaitable[None]], done: Done) -> Span:
        span, names = Span(), list(names)

        async def one(name: str) -> None:
            async with self._turns:
                span.sent[name] = time.monotonic()
                await change(name)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._await(span, names, done))
            for name in names:
                tasks.create_task(one(name))
        return span

    async def _await(self, span: Span, names: list[str], done: Done) -> None:
        self._awaited = awaited = _Awaited(span, set(names), done)
        over: asyncio.Future[Any] = asyncio.ensure_future(awaited.over.wait())
        await asyncio.wait({over, self._task}, timeout=_WAIT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if self._task.done():
            self._task.result()
        if awaited.missing:
            one = min(awaited.missing)
            raise BenchError(f"{len(awaited.missing)} objects are late; {one}: {json.dumps(self.objects.get(one))[:3000]}")

    async def _must(self, request: Request) -> None:
        reply = await self._client.ask(f"{request.method} {request.path}", request)
        if not isinstance(reply, Reply) or not reply.ok:
            raise BenchError(f"{request.method} {request.path}: {reply.message}")

    async def _watch(self) -> None:
        """For ever; a watch that ends is opened anew where it was."""
        version = "0"
        while True:
            try:
                version = await self._follow(version)
            except LOST:
                continue

    async def _follow(self, version: str) -> str:
        query = [("watch", "true"), ("resourceVersion", version), ("allowWatchBookmarks", "true")]
        async with self._client.stream(Request(path_of(*_GROUP), query=query), quiet=_QUIET) as response:
            if response.status != HTTPStatus.OK:
                await asyncio.sleep(_AGAIN)  # right after the CRD, the server has no cache yet
                return version
            async for line in response.content:
                event = json.loads(line)
                body = event["object"]
                if event["type"] == "ERROR":
                    raise BenchError(f"the watch was refused: {body.get('message')}")
                version = body["metadata"]["resourceVersion"]
                if event["type"] != "BOOKMARK":
                    self._take(event["type"], body)
        return version

    def _take(self, kind: str, body: dict[str, Any]) -> None:
        name = body["metadata"]["name"]
        if kind == "DELETED":
            self.objects.pop(name, None)
        else:
            self.objects[name] = body
        if self._awaited is not None:
            self._awaited.look(name, self.objects.get(name))


def is_ready(body: dict[str, Any] | None) -> bool:
    """True once it is ready as of its latest generation."""
    status = (body or {}).get("status") or {}
    if body is None or status.get("observedGeneration") != body["metadata"]["generation"]:
        return False
    return any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions", ()))


def _secret_versions(body: dict[str, Any] | None) -> Any:
    return ((body or {}).get("status") or {}).get("secretVersions")
