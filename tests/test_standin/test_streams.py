"""Streams: framing, what breaks them and how that is told, and the pieces they come in."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.standin import Cluster, Fault, Pace, Provider, StandIn, make_app, serve
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, World, ok, world
from tests.test_standin.samples import openai

CHAT: Json = {"messages": [{"role": "user", "content": "hi"}]}


async def streamed(here: World, task: str = "completion") -> httpx.Response:
    body = CHAT if task == "chat_completion" else {"input": "hi"}
    return await here.http.post(f"/_inference/{task}/one/_stream", json=body)


@pytest.mark.parametrize("task", ["completion", "chat_completion"])
async def test_the_exact_framing(task: str) -> None:
    async with world() as here:
        ok(await here.create(openai(), task))
        answer = await streamed(here, task)
        assert answer.headers["Content-Type"] == "text/event-stream"
        blocks = answer.text.split("\n\n")
        assert blocks[-2:] == ["event: message\ndata: [DONE]", ""]
        assert all(block.startswith('event: message\ndata: {"') for block in blocks[:-2])


async def test_a_byte_order_mark_before_each_event_in_some_releases() -> None:
    async with world(cluster=Cluster(event_bom=True)) as here:
        ok(await here.create(openai(), "completion"))
        blocks = (await streamed(here)).text.removesuffix("\n\n").split("\n\n")
        assert len(blocks) > 1
        assert all(block.startswith("\ufeffevent: message\n") for block in blocks)


@pytest.mark.parametrize("task", ["completion", "chat_completion"])
async def test_a_provider_that_breaks_off(task: str) -> None:
    async with world() as here:
        ok(await here.create(openai(), task))
        here.standin.change_provider(breaks_after=2)
        answer = await streamed(here, task)
        assert answer.status_code == 200, "two chunks had left before the error"
        *chunks, last, _ = answer.text.split("\n\n")
        assert len(chunks) == 2
        assert last.startswith('event: error\ndata: {"error":{')
        assert json.loads(last.partition("data: ")[2])["status"] == 500
        here.standin.change_provider(breaks_after=0)
        assert (await streamed(here, task)).status_code == 500, "nothing had been sent"


async def test_each_event_is_a_piece_of_its_own() -> None:
    standin, sent = StandIn(), []
    async with world() as here:
        ok(await here.create(openai(), "completion"))
        standin.restore(here.standin.state)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"input": "hi"}'}

    async def send(message: Any) -> None:
        sent.append(message)

    path = "/_inference/one/_stream"
    headers = [(b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    await make_app(standin)(scope, receive, send)
    start, *events, end = sent
    assert start["status"] == 200
    assert all(event["body"].count(b"event: ") == 1 and event["more_body"] for event in events)
    assert end["body"] == b""


async def test_a_stream_that_is_cut_on_its_way() -> None:
    standin = StandIn()
    async with serve(standin) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        ok(await client.put("/_inference/completion/one", json=openai()))
        plain = await client.post("/_inference/one/_stream", json={"input": "hi"})
        assert "Content-Length" not in plain.headers, "nobody knows before how long it will be"
        standin.faults.add(Fault(path="*/_stream", lose="half"))
        received: list[bytes] = []
        with pytest.raises(httpx.RemoteProtocolError):
            await read_stream(client, received)
        assert received
        assert plain.content.startswith(b"".join(received))
        assert b"[DONE]" not in b"".join(received)


async def read_stream(client: httpx.AsyncClient, received: list[bytes]) -> None:
    async with client.stream("POST", "/_inference/one/_stream", json={"input": "hi"}) as answer:
        async for part in answer.aiter_bytes():
            received.append(part)  # noqa: PERF401  what came before the end must be kept


CHAT_REFUSALS: dict[str, tuple[Json, str]] = {
    "no messages": ({}, "action_request_validation_exception"),
    "messages without a role": ({"messages": [{"content": "a"}]}, "x_content_parse_exception"),
    "an unknown field": (CHAT | {"input": "a"}, "x_content_parse_exception"),
}


@pytest.mark.parametrize(("body", "kind"), CHAT_REFUSALS.values(), ids=CHAT_REFUSALS)
async def test_refusals_of_a_chat_are_events(body: Json, kind: str) -> None:
    async with world() as here:
        ok(await here.create(openai(), "chat_completion"))
        answer = await here.http.post("/_inference/chat_completion/one/_stream", json=body)
        (name, data) = answer.text.removesuffix("\n\n").split("\n")
        error = json.loads(data.removeprefix("data: "))
        assert (answer.status_code, name, error["error"]["type"]) == (400, "event: error", kind)


FIELDS = {"reasoning": {"effort": "low"}, "model": "other", "temperature": 0.5, "tools": [], "stop": ["x"], "top_p": 1}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("version", ["9.2.0", "9.5.0"])
async def test_fields_of_a_chat(version: str, field: str) -> None:
    async with world(version) as here:
        ok(await here.create(openai(), "chat_completion"))
        body = CHAT | {field: FIELDS[field]}
        answer = await here.http.post("/_inference/chat_completion/one/_stream", json=body)
        assert answer.status_code == (400 if (field, version) == ("reasoning", "9.2.0") else 200)
        if field == "model":
            assert '"model":"other"' in answer.text


@pytest.mark.parametrize("version", ["9.5.0", "9.6.0"])
async def test_a_chat_without_stream_from_9_6_on(version: str) -> None:
    async with world(version) as here:
        ok(await here.create(openai(), "chat_completion"))
        answer = await here.http.post("/_inference/chat_completion/one", json=CHAT)
        if version == "9.5.0":
            assert "please use the _inference/chat_completion/one/_stream URL" in Refusal.of(answer).reason
            return
        (choice,) = ok(answer)["choices"]
        assert choice["message"] == {"role": "assistant", "content": "The stand-in read: hi"}
        assert choice["finish_reason"] == "stop"
        here.standin.change_provider(breaks_after=1)
        assert (await here.http.post("/_inference/chat_completion/one", json=CHAT)).status_code == 500


async def test_inference_goes_on_with_the_old_key_until_the_caches_know() -> None:
    async with world(pace=Pace(cache=5), provider=Provider()) as here:
        ok(await here.create(openai(api_key="old"), "completion"))
        here.standin.refuse_key("old")
        ok(await here.update({"service_settings": {"api_key": "new"}}, "completion"))
        assert (await here.http.post("/_inference/one", json={"input": "a"})).status_code == 401
        here.clock.advance(5)
        ok(await here.http.post("/_inference/one", json={"input": "a"}))
