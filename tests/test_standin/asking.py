"""Short ways to ask a stand-in of some version and to compare its refusals with a table row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.standin import ManualClock, StandIn, StandInTransport
from tests.standin.messages import Json

ALL_VERSIONS = ("8.17.0", "8.19.0", "9.2.0", "9.5.0")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an error answer says at its outside."""

    status: int
    type: str
    reason: str

    @classmethod
    def of(cls, response: httpx.Response) -> Refusal:
        body = response.json()
        assert body["status"] == response.status_code
        return cls(response.status_code, body["error"]["type"], body["error"]["reason"])


def status(code: int, reason: str) -> Refusal:
    return Refusal(code, "status_exception", reason)


def invalid(*reasons: str) -> Refusal:
    """A validation_exception with its numbered reasons."""
    numbered = "".join(f"{number}: {reason};" for number, reason in enumerate(reasons, 1))
    return Refusal(400, "validation_exception", f"Validation Failed: {numbered}")


def request_invalid(*reasons: str) -> Refusal:
    return Refusal(400, "action_request_validation_exception", invalid(*reasons).reason)


@dataclass(frozen=True, slots=True)
class World:
    """A stand-in with its clock and a client."""

    standin: StandIn
    clock: ManualClock
    http: httpx.AsyncClient

    async def create(self, body: Json, task: str = "text_embedding", name: str = "one", **query: Any) -> httpx.Response:
        return await self.http.put(f"/_inference/{task}/{name}", json=body, params=query)

    async def update(self, body: Any, task: str = "text_embedding", name: str = "one", **query: Any) -> httpx.Response:
        return await self.http.put(f"/_inference/{task}/{name}/_update", json=body, params=query)

    async def settings(self, name: str = "one") -> Json:
        """Service settings as GET shows them."""
        (endpoint,) = (await self.http.get(f"/_inference/{name}")).json()["endpoints"]
        found: Json = endpoint["service_settings"]
        return found


@asynccontextmanager
async def world(version: str = "9.5.0", **options: Any) -> AsyncIterator[World]:
    """A stand-in of this version, asked in-process, whose time stands still."""
    clock = ManualClock()
    standin = StandIn(version=version, clock=clock, **options)
    transport = StandInTransport(standin)
    async with httpx.AsyncClient(transport=transport, base_url="http://standin", timeout=1e6) as http:
        yield World(standin, clock, http)


def ok(response: httpx.Response) -> Json:
    """The body of an answer that must be a success."""
    assert response.status_code == 200, response.text
    body: Json = response.json()
    return body


async def answer_after(
    here: World,
    seconds: float,
    call: Coroutine[Any, Any, httpx.Response],
    meanwhile: Callable[[], Awaitable[None]] | None = None,
) -> httpx.Response:
    """The answer of a call that the server lets wait, with that much time passing, after what happens meanwhile."""
    task = asyncio.ensure_future(call)
    await until_sleeping(here)
    assert not task.done(), "the call was answered at once"
    if meanwhile is not None:
        await meanwhile()
    here.clock.advance(seconds)
    return await asyncio.wait_for(task, 10)


async def until_sleeping(here: World, count: int = 2) -> None:
    """Wait until requests wait for the clock (each also has its time-out there)."""
    await asyncio.wait_for(here.clock.until_sleeping(count), 10)
