"""One request and what can become of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from inference_operator.kubernetes.client import KubernetesClient, Reply, Request, path_of, refused, route_of
from inference_operator.kubernetes.credentials import load_credentials
from inference_operator.kubernetes.listing import Listing, list_metadata
from inference_operator.kubernetes.values import KubernetesFailure
from inference_operator.shell.clock import SystemClock
from tests.kubernetes.scripted_api import (
    Answer,
    ScriptedApi,
    Silence,
    Watch,
    client_for,
    kubeconfig,
    metadata,
    refusal,
    scripted_api,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PATH = "/api/v1/namespaces/search/secrets/openai"
CANARY = "canary-90ab"


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as api:
        yield api


async def test_an_object_is_answered(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(PATH, Answer(200, metadata("openai", "7")))
    async with client_for(api, tmp_path) as client:
        assert await client.ask("get it", Request(PATH)) == Reply(200, metadata("openai", "7"))
    asked = api.of(PATH)[0]
    assert asked.headers["User-Agent"] == "inference-operator"
    assert asked.headers["Authorization"] == "Bearer a-token"


@pytest.mark.parametrize(
    ("answer", "message", "retryable", "retry_after"),
    [
        (refusal(403, "secrets is forbidden"), "secrets is forbidden", False, None),
        (refusal(422, "spec is invalid"), "spec is invalid", False, None),
        (refusal(400, "bad"), "bad", False, None),
        (refusal(401, "Unauthorized"), "Unauthorized", True, None),
        (refusal(429, "slow down", {"Retry-After": "7"}), "slow down", True, 7.0),
        (refusal(503, "starting", {"Retry-After": "soon"}), "starting", True, None),
        (refusal(500, "failed to create typed patch object (/x): .status.y: not declared"), "typed patch", False, None),
        (Answer(404, "404 page not found\n"), "404 page not found", True, None),
        (Answer(502, "<html>bad gateway</html>"), "<html>bad gateway</html>", True, None),
        (Answer(500, {}), "HTTP 500", True, None),
    ],
)
async def test_a_refusal_says_why_and_whether_to_try_again(
    api: ScriptedApi, tmp_path: Path, answer: Answer, message: str, retryable: bool, retry_after: float | None
) -> None:
    api.plan(PATH, answer)
    async with client_for(api, tmp_path) as client:
        reply = await client.ask("get it", Request(PATH))
    assert isinstance(reply, Reply)
    failure = refused("get it", reply)
    assert message in failure.message
    assert (failure.operation, failure.status) == ("get it", answer.status)
    assert (failure.retryable, failure.retry_after) == (retryable, retry_after)


@pytest.mark.parametrize(("name", "sent"), [("..", "%2E%2E"), (".", "%2E"), ("a/../b", "a/../b"), ("a..b", "a..b")])
async def test_a_name_does_not_climb_the_path(api: ScriptedApi, tmp_path: Path, name: str, sent: str) -> None:
    async with client_for(api, tmp_path) as client:
        await client.ask("get it", Request(path_of("api", "v1", "namespaces", "search", "secrets", name)))
    assert [asked.path for asked in api.asked] == [f"/api/v1/namespaces/search/secrets/{sent}"]


@pytest.mark.parametrize("answer", [Answer(200, "<html>welcome</html>"), Answer(200, [1]), Answer(200, "{"), Answer(200, "")])
async def test_a_success_that_is_no_object_is_a_failure(api: ScriptedApi, tmp_path: Path, answer: Answer) -> None:
    api.plan(PATH, answer)
    async with client_for(api, tmp_path) as client:
        failure = await client.ask("get it", Request(PATH))
    assert failure == KubernetesFailure("get it", "the answer is not JSON")


async def test_an_answer_cut_short_is_lost(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(PATH, Watch(torn='{"metadata": '))
    async with client_for(api, tmp_path) as client:
        failure = await client.ask("get it", Request(PATH))
    assert isinstance(failure, KubernetesFailure)
    assert failure.status is None
    assert failure.retryable


async def test_silence_ends_with_the_time_limit(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(PATH, Silence())
    async with client_for(api, tmp_path, timeout=aiohttp.ClientTimeout(total=0.1)) as client:
        failure = await client.ask("get it", Request(PATH))
    assert failure == KubernetesFailure("get it", "the API server can't be reached: no answer in time")


async def test_a_closed_port_is_a_failure(tmp_path: Path) -> None:
    async with scripted_api() as api:
        config = kubeconfig(tmp_path / "config", api.url, {"token": "t"})
    client = KubernetesClient(await load_credentials(SystemClock(), kubeconfig=config))
    failure = await client.ask("get it", Request(PATH))
    await client.close()
    assert isinstance(failure, KubernetesFailure)
    assert failure.message.startswith("the API server can't be reached: ")


async def test_a_token_that_was_refused_is_read_again(api: ScriptedApi, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")
    api.plan(PATH, Answer(200, {}), refusal(401), Answer(200, {}))
    async with client_for(api, tmp_path, user={"tokenFile": str(token)}) as client:
        await client.ask("get it", Request(PATH))
        token.write_text("new\n")
        await client.ask("get it", Request(PATH))
        await client.ask("get it", Request(PATH))
    assert [each.headers["Authorization"] for each in api.of(PATH)] == ["Bearer old", "Bearer old", "Bearer new"]


def test_names_stay_within_their_segment() -> None:
    assert path_of("api", "v1", "a/../b", "x?y#z") == "/api/v1/a%2F..%2Fb/x%3Fy%23z"


def test_bodies_are_never_shown() -> None:
    assert CANARY not in repr(Reply(200, {"data": CANARY}))
    assert CANARY not in repr(Request("/", body={"data": CANARY}))


async def test_a_listing_that_the_server_forgot_starts_anew(api: ScriptedApi, tmp_path: Path) -> None:
    path = "/apis/x/v1/things"
    first = Answer(200, {"metadata": {"continue": "next"}, "items": [metadata("a", "1")]})
    whole = Answer(200, {"metadata": {"resourceVersion": "9"}, "items": [metadata("b", "2")]})
    api.plan(path, first, refusal(410, "expired"), whole)
    async with client_for(api, tmp_path) as client:
        listing = await list_metadata(client, "list things", path)
    assert isinstance(listing, Listing)
    assert [item["name"] for item in listing.items] == ["b"]


async def test_a_listing_that_breaks_is_a_failure_and_no_part(api: ScriptedApi, tmp_path: Path) -> None:
    path = "/apis/x/v1/things"
    api.plan(path, Answer(200, {"metadata": {"continue": "next"}, "items": [metadata("a", "1")]}), refusal(500, "broken"))
    async with client_for(api, tmp_path) as client:
        listing = await list_metadata(client, "list things", path)
    assert listing == KubernetesFailure("list things", "broken", status=500)


async def test_an_empty_listing_may_have_no_items(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan("/apis/x", Answer(200, {"metadata": {"resourceVersion": "9"}, "items": None}))
    async with client_for(api, tmp_path) as client:
        assert await list_metadata(client, "list", "/apis/x") == Listing((), "9")


@pytest.mark.parametrize(
    ("path", "route"),
    [
        (PATH, "/api/v1/namespaces/{namespace}/secrets/{name}"),
        ("/apis/events.k8s.io/v1/namespaces/search/events", "/apis/events.k8s.io/v1/namespaces/{namespace}/events"),
        ("/apis/a.io/v1/namespaces/n/things/a/status", "/apis/a.io/v1/namespaces/{namespace}/things/{name}/status"),
        ("/api/v1/namespaces/search", "/api/v1/namespaces/{name}"),
        ("/apis/authentication.k8s.io/v1/tokenreviews", "/apis/authentication.k8s.io/v1/tokenreviews"),
        ("/version", "/version"),
    ],
)
def test_a_route_is_the_same_for_all_objects_of_a_kind(path: str, route: str) -> None:
    assert route_of(path) == route
