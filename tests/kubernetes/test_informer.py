"""kopf as the informer, as the operator sets it up, before an API server that misbehaves: it goes on or ends, and never hangs."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import kopf
import pytest

from inference_operator.api.meta import GROUP, VERSION
from inference_operator.kubernetes.credentials import ConnectionInfo
from inference_operator.kubernetes.stream_ages import StreamAges
from inference_operator.shell import handlers
from tests.kubernetes.scripted_api import (
    Answer,
    Plan,
    ScriptedApi,
    Silence,
    Watch,
    bookmark,
    error,
    holding,
    refusal,
    scripted_api,
)
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PLURAL = "inferenceendpoints"
API_VERSION = f"{GROUP}/{VERSION}"
PATH = f"/apis/{API_VERSION}/{PLURAL}"
Heard = tuple[str | None, str]


class Informer:
    """What was heard, as `(type, name)`, and the task that listens."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.bodies: list[dict[str, Any]] = []
        self.clock = VirtualClock()
        self.ages = StreamAges(self.clock)

    @property
    def silence(self) -> float:
        """Seconds since the watch was last heard of."""
        return self.clock.monotonic() - self.ages.last_heard

    def take(self, event: str | None, body: dict[str, Any]) -> None:
        self.heard.append((event, body["metadata"]["name"]))
        self.bodies.append(body)


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as api:
        _describe_the_group(api)
        yield api


def _describe_the_group(api: ScriptedApi) -> None:
    """What kopf asks before it watches: our kind, and three of Kubernetes that it wants to know of."""
    groups = {GROUP: (VERSION, PLURAL), "apiextensions.k8s.io": ("v1", "customresourcedefinitions")}
    api.plan("/api", Answer(200, {"versions": ["v1"]}))
    api.plan("/api/v1", Answer(200, {"resources": [resource("namespaces"), resource("events")]}))
    api.plan("/apis", Answer(200, {"groups": [group(name, version) for name, (version, _) in groups.items()]}))
    for name, (version, plural) in groups.items():
        api.plan(f"/apis/{name}/{version}", Answer(200, {"resources": [resource(plural)]}))


def group(name: str, version: str) -> dict[str, Any]:
    served = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "preferredVersion": served, "versions": [served]}


def resource(plural: str) -> dict[str, Any]:
    kind = plural.removesuffix("s")
    verbs = ["get", "list", "watch", "patch"]
    return {"name": plural, "singularName": kind, "namespaced": True, "kind": kind.capitalize(), "verbs": verbs}


def thing(name: str, version: str) -> dict[str, Any]:
    metadata = {"namespace": "search", "name": name, "uid": f"uid-{name}", "resourceVersion": version, "managedFields": [{}]}
    return {"apiVersion": API_VERSION, "kind": "InferenceEndpoint", "metadata": metadata, "spec": {}}


def listing(version: str, *things: dict[str, Any]) -> Answer:
    head = {"apiVersion": API_VERSION, "kind": "InferenceEndpointList", "metadata": {"resourceVersion": version}}
    return Answer(200, head | {"items": list(things)})


def told(kind: str, name: str, version: str) -> str:
    return json.dumps({"type": kind, "object": thing(name, version)})


@asynccontextmanager
async def informing(api: ScriptedApi, namespaces: tuple[str, ...] = ()) -> AsyncIterator[tuple[Informer, asyncio.Task[None]]]:
    """`namespaces` empty: all at once."""
    informer, stop = Informer(), asyncio.Event()
    registry = kopf.OperatorRegistry()
    handlers.register(registry, PLURAL, informer.take)

    async def login() -> ConnectionInfo:
        return ConnectionInfo(
            server=api.url,
            ca_path=None,
            insecure=False,
            scheme="Bearer",
            token="a-token",
            certificate_path=None,
            private_key_path=None,
            proxy_url=None,
            expiration=None,
        )

    handlers.register_login(registry, login, informer.ages)
    task = asyncio.create_task(
        kopf.operator(
            registry=registry,
            settings=handlers.settings(),
            standalone=True,
            clusterwide=not namespaces,
            namespaces=namespaces,
            stop_flag=stop,
        )
    )
    try:
        yield informer, task
    finally:
        stop.set()
        await api.stop()  # kopf waits for every task that began after it, also those of this server
        await asyncio.wait({task}, timeout=30)
        assert task.done()


async def test_what_is_there_and_what_comes_is_heard_and_nothing_is_written_nor_given_to_a_thread(api: ScriptedApi) -> None:
    api.plan(
        PATH,
        listing("5", thing("a", "3"), thing("b", "4")),
        Watch((told("ADDED", "c", "6"), told("MODIFIED", "a", "7"), told("DELETED", "b", "8")), hold=True),
    )
    before = threading.active_count()
    async with informing(api) as (informer, _):
        await holding(lambda: len(informer.heard) == 5, 4)
        assert threading.active_count() == before
    assert sorted(informer.heard, key=str) == sorted(
        [(None, "a"), (None, "b"), ("ADDED", "c"), ("MODIFIED", "a"), ("DELETED", "b")], key=str
    )
    assert {asked.method for asked in api.asked} == {"GET"}
    assert not any("managedFields" in body["metadata"] for body in informer.bodies)


@pytest.mark.parametrize(
    "fault",
    [
        (Watch(()),),
        (Watch((told("MODIFIED", "a", "6"),), torn='{"type": "MODI'),),
        (refusal(429, "slow down", {"Retry-After": "0"}),),
        (refusal(500, "etcd is away"),),
        (refusal(503, "starting"),),
        (Answer(502, "<html>bad gateway</html>"),),
        (refusal(403, "forbidden: the right was withdrawn"),),
        (Watch((error(410, "Expired"),)), listing("9", thing("a", "3"))),
    ],
    ids=["closed", "torn", "429", "500", "503", "no-api-server", "403", "410"],
)
async def test_a_watch_that_breaks_goes_on(api: ScriptedApi, fault: tuple[Plan, ...]) -> None:
    api.plan(PATH, listing("5", thing("a", "3")), *fault, Watch((told("ADDED", "late", "10"),), hold=True))
    async with informing(api) as (informer, task):
        await holding(lambda: ("ADDED", "late") in informer.heard or task.done())
        assert not task.done()


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("this is no JSON", id="garbage"),
        pytest.param(error(500, "InternalError"), id="500", marks=pytest.mark.full),
        pytest.param('{"type": "MODIFIED", "object": []}', id="shape", marks=pytest.mark.full),
    ],
)
async def test_what_can_not_be_understood_ends_it_at_once(api: ScriptedApi, line: str) -> None:
    """The process ends with it, and is started again: better than an operator that has missed something."""
    api.plan(PATH, listing("5"), Watch((line,), hold=True))
    async with informing(api) as (_, task):
        await holding(task.done)
    assert task.exception() is not None


@pytest.mark.full
@pytest.mark.parametrize("refused", [refusal(404, "could not find the requested resource"), refusal(401, "Unauthorized")])
async def test_a_kind_or_a_token_that_is_gone_ends_it(api: ScriptedApi, refused: Plan) -> None:
    api.plan(PATH, listing("5"), refused)
    async with informing(api) as (_, task):
        await holding(task.done)
    assert task.exception() is not None


async def test_a_bookmark_is_a_word_although_nobody_is_told_of_it(api: ScriptedApi) -> None:
    again = asyncio.Event()
    api.plan(PATH, listing("5"), Watch((told("ADDED", "a", "6"),), until=again), Watch((bookmark("7"),), hold=True))
    async with informing(api) as (informer, _):
        await holding(lambda: ("ADDED", "a") in informer.heard)
        await informer.clock.advance(400)
        assert informer.silence == 400
        again.set()
        await holding(lambda: informer.silence == 0)
    assert informer.heard == [("ADDED", "a")]


@pytest.mark.parametrize("mute", [Silence(), Watch((), hold=True)], ids=["nothing at all", "headers alone"])
async def test_a_watch_that_is_opened_anew_and_tells_nothing_stays_silent(api: ScriptedApi, mute: Plan) -> None:
    again = asyncio.Event()
    api.plan(PATH, listing("5"), Watch((told("ADDED", "a", "6"),), until=again), mute)
    async with informing(api) as (informer, _):
        await holding(lambda: ("ADDED", "a") in informer.heard)
        await informer.clock.advance(400)
        again.set()
        await holding(lambda: len(api.of(PATH)) == 3)
        await informer.clock.advance(100)
        assert informer.silence == 500


def path_in(namespace: str) -> str:
    return f"/apis/{API_VERSION}/namespaces/{namespace}/{PLURAL}"


FORBIDDEN = refusal(403, "forbidden: the right was withdrawn")


async def test_a_namespace_that_is_refused_is_not_silent_while_another_one_is_heard(api: ScriptedApi) -> None:
    search, team = path_in("search"), path_in("team")
    withdrawn, word = asyncio.Event(), asyncio.Event()
    api.plan(search, listing("5"), Watch((told("ADDED", "a", "6"),), until=word), Watch((bookmark("7"),), hold=True))
    api.plan(team, listing("5"), Watch((told("ADDED", "b", "6"),), until=withdrawn), *[FORBIDDEN] * 20)
    async with informing(api, ("search", "team")) as (informer, task):
        await holding(lambda: {("ADDED", "a"), ("ADDED", "b")} <= set(informer.heard))
        withdrawn.set()
        await holding(lambda: len(api.of(team)) == 4)
        await informer.clock.advance(400)
        assert informer.silence == 400, "the other one counts"
        word.set()
        await holding(lambda: informer.silence == 0)
        assert not task.done()


async def test_objects_of_a_namespace_that_was_refused_from_the_start_are_taken_up_later(api: ScriptedApi) -> None:
    api.plan(path_in("search"), listing("5", thing("a", "3")))
    api.plan(path_in("team"), FORBIDDEN, FORBIDDEN, listing("5", thing("b", "4")))
    async with informing(api, ("search", "team")) as (informer, _):
        await holding(lambda: set(informer.heard) == {(None, "a"), (None, "b")})


@pytest.mark.parametrize("namespaces", [(), ("team",)], ids=["all at once", "the only one"])
async def test_who_is_refused_everywhere_is_silent(api: ScriptedApi, namespaces: tuple[str, ...]) -> None:
    path = path_in("team") if namespaces else PATH
    withdrawn = asyncio.Event()
    api.plan(path, listing("5"), Watch((told("ADDED", "a", "6"),), until=withdrawn), FORBIDDEN, FORBIDDEN)
    async with informing(api, namespaces) as (informer, _):
        await holding(lambda: ("ADDED", "a") in informer.heard)
        withdrawn.set()
        await holding(lambda: len(api.of(path)) == 4)
        await informer.clock.advance(400)
        assert informer.silence == 400
