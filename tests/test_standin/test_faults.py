"""Faults as data, the request log and the control path; each fault in-process and on a socket alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from tests.standin import Answer, Fault, ManualClock, Provider, StandIn, StandInTransport, serve
from tests.standin.faults import HTML_503, too_many_requests, unavailable
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, answer_after, ok, status, world
from tests.test_standin.samples import SECRET, elser, openai

ONE = "/_inference/completion/one"
WIRES = ["in-process", "socket"]


@asynccontextmanager
async def reached(standin: StandIn, wire: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the stand-in, with or without a socket between them."""
    if wire == "in-process":
        async with httpx.AsyncClient(transport=StandInTransport(standin), base_url="http://standin") as client:
            yield client
        return
    async with serve(standin) as url, httpx.AsyncClient(base_url=url, timeout=20) as client:
        yield client


async def create(client: httpx.AsyncClient) -> httpx.Response:
    return await client.put(ONE, json=openai())


LOSSES: dict[str, tuple[Fault, type[Exception], bool]] = {
    "reset before the write": (Fault(lose="before"), httpx.TransportError, False),
    "answer lost after the write": (Fault(lose="after"), httpx.TransportError, True),
    "half an answer": (Fault(lose="half"), httpx.RemoteProtocolError, True),
    "half of a proxy's page": (Fault(lose="half", answer=Answer(502, HTML_503)), httpx.RemoteProtocolError, False),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "error", "done"), LOSSES.values(), ids=LOSSES)
async def test_lost_answers(wire: str, fault: Fault, error: type[Exception], done: bool) -> None:
    standin = StandIn()
    async with reached(standin, wire) as client:
        standin.faults.add(fault)
        with pytest.raises(error):
            await create(client)
        standin.faults.clear()
        assert ("one" in standin.endpoints) == done
        assert [(one.method, one.status) for one in standin.log] == [("PUT", None)]
        assert (await create(client)).status_code == (400 if done else 200)


ANSWERS: dict[str, tuple[Fault, int, str | None, bool]] = {
    "503 in HTML": (unavailable(), 503, None, False),
    "429 with Retry-After": (too_many_requests(7), 429, "7", False),
    "429 without": (too_many_requests(), 429, None, False),
    "502 although it was done": (Fault(answer=Answer(502, "<html>"), done=True), 502, None, True),
}


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize(("fault", "code", "retry_after", "done"), ANSWERS.values(), ids=ANSWERS)
async def test_other_answers(wire: str, fault: Fault, code: int, retry_after: str | None, done: bool) -> None:
    standin = StandIn()
    async with reached(standin, wire) as client:
        standin.faults.add(fault)
        answer = await create(client)
        assert (answer.status_code, answer.headers.get("Retry-After")) == (code, retry_after)
        assert "X-elastic-product" not in answer.headers
        assert ("one" in standin.endpoints) == done


@pytest.mark.parametrize("wire", WIRES)
async def test_a_server_that_is_down(wire: str) -> None:
    standin = StandIn()
    async with reached(standin, wire) as client:
        standin.reachable = False
        with pytest.raises(httpx.TransportError):
            await client.get("/")
        assert not len(standin.log)
        standin.reachable = True
        ok(await client.get("/"))


async def test_which_requests_are_hit(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.faults.add(unavailable(method="GET", path="/_inference/*", query="*pretty*", skip=1, times=2))
    hit = [(await http.get("/_inference/_all?pretty")).status_code for _ in range(5)]
    assert hit == [200, 503, 503, 200, 200]
    assert not standin.faults.active()
    standin.faults.add(unavailable(path="/_inference/x"))
    assert (await http.get("/_inference/_all")).status_code == 200


async def test_the_first_rule_wins(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.faults.add(too_many_requests(times=1))
    standin.faults.add(unavailable())
    assert [(await http.get("/")).status_code for _ in range(2)] == [429, 503]


async def test_delay_runs_on_the_clock() -> None:
    async with world() as here:
        here.standin.faults.add(Fault(delay=20))
        ok(await answer_after(here, 20, here.http.get("/")))


async def test_a_client_that_gives_up_does_not_stop_the_write(clock: ManualClock) -> None:
    standin = StandIn(clock=clock)
    standin.faults.add(Fault(delay=60, times=1))
    transport = StandInTransport(standin)
    async with httpx.AsyncClient(transport=transport, base_url="http://standin", timeout=10) as client:
        with pytest.raises(httpx.ReadTimeout):
            await _advancing(clock, 10, create(client))
        assert "one" not in standin.endpoints
        clock.advance(50)
        assert Refusal.of(await _advancing(clock, 0, create(client))).type == "resource_already_exists_exception"


async def _advancing(clock: ManualClock, seconds: float, call: Any) -> httpx.Response:
    """The answer of a call, with time passing as soon as it waits."""
    task = asyncio.ensure_future(call)
    await asyncio.wait_for(clock.until_sleeping(1), 10)
    clock.advance(seconds)
    answer: httpx.Response = await asyncio.wait_for(task, 10)
    return answer


async def test_log_tells_reads_from_writes(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await create(http))
    await http.get("/_inference/one")
    await http.delete("/_inference/one", params={"dry_run": "true"})
    await http.post("/_inference/one", json={"input": "a"})
    await http.put(f"{ONE}/_update", json={"task_settings": {"user": "u"}})
    await http.post("/_ml/trained_models/.elser_model_2/deployment/_start")
    await http.delete("/_inference/one")
    assert [(one.method, one.status) for one in standin.log.writes] == [
        ("PUT", 200),
        ("PUT", 200),
        ("POST", 200),
        ("DELETE", 200),
    ]
    assert len(standin.log.reads) == 3
    assert len(standin.log.matching("DELETE", "/_inference/*")) == 2
    standin.log.clear()
    assert not len(standin.log)


async def test_log_keeps_bodies_only_on_request(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await create(http))
    standin.log.keep_bodies = True
    await create(http)
    first, second = standin.log
    assert first.body is None
    assert second.body is not None
    assert SECRET.encode() in second.body
    assert SECRET not in repr(list(standin.log))


class TestControl:
    """The path `/_standin`, for tests in another process."""

    @staticmethod
    async def call(http: httpx.AsyncClient, method: str, path: str, body: Any = None) -> Any:
        answer = await http.request(method, f"/_standin{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_only_when_switched_on(self) -> None:
        async with world(control=False) as here:
            assert Refusal.of(await here.http.get("/_standin")).type == "invalid_index_name_exception"

    async def test_summary_and_log(self, http: httpx.AsyncClient) -> None:
        await create(http)
        await http.get("/_inference/one?pretty")
        summary = await self.call(http, "GET", "")
        assert (summary["reads"], summary["writes"], summary["endpoints"]) == (1, 1, ["one"])
        first, second = await self.call(http, "GET", "/log")
        assert first.pop("at") <= time.monotonic()
        assert first == {"method": "PUT", "path": ONE, "params": {}, "status": 200, "write": True}
        assert second["params"] == {"pretty": ""}
        await self.call(http, "PUT", "/log", {"keep_bodies": True})
        await create(http)
        assert "body" not in (await self.call(http, "GET", "/log"))[-1]
        assert SECRET in (await self.call(http, "GET", "/log?bodies"))[-1]["body"]
        await self.call(http, "DELETE", "/log")
        assert await self.call(http, "GET", "/log") == []

    async def test_faults(self, http: httpx.AsyncClient) -> None:
        answer = {"status": 503, "body": "no", "headers": {"Retry-After": "1"}}
        await self.call(http, "POST", "/faults", {"path": "/_inference*", "times": 1, "answer": answer})
        assert len(await self.call(http, "GET", "/faults")) == 1
        hit = await http.get("/_inference")
        assert (hit.status_code, hit.text, hit.headers["Retry-After"]) == (503, "no", "1")
        await self.call(http, "POST", "/faults", {"lose": "before"})
        await self.call(http, "DELETE", "/faults")
        ok(await http.get("/"))

    async def test_provider(self, http: httpx.AsyncClient, standin: StandIn) -> None:
        shown = await self.call(http, "PUT", "/provider", {"refused": [SECRET], "unreachable": ["cohere"], "latency": 0})
        assert SECRET not in str(shown)
        assert shown["unreachable"] == ["cohere"]
        assert standin.state.provider == Provider(refused=frozenset({SECRET}), unreachable=frozenset({"cohere"}), latency=0)
        assert (await create(http)).status_code == 400

    async def test_cluster_pace_version_clock(self, http: httpx.AsyncClient, clock: ManualClock) -> None:
        await create(http)
        await self.call(http, "PUT", "/cluster", {"license_type": "basic"})
        assert ok(await http.get("/_license"))["license"]["type"] == "basic"
        await self.call(http, "PUT", "/pace", {"deployment": 9})
        assert (await self.call(http, "GET", "/pace"))["deployment"] == 9
        await self.call(http, "PUT", "/version", {"version": "8.19.2"})
        before = clock.now()
        await self.call(http, "POST", "/clock", {"advance": 5})
        assert clock.now() == before + 5
        await self.call(http, "POST", "/cluster", {"uuid": "new"})
        root = ok(await http.get("/"))
        assert (root["cluster_uuid"], root["version"]["number"]) == ("new", "8.19.2")
        assert (await http.get("/_inference/one")).status_code == 404

    async def test_deployments_and_models(self, http: httpx.AsyncClient) -> None:
        await self.call(http, "POST", "/models", {"model_id": "mine", "task_type": "sparse_embedding"})
        ok(await http.put("/_inference/sparse_embedding/one", json=elser(model_id="mine", num_allocations=1)))
        await self.call(http, "POST", "/deployments/one", {"fail": "no memory"})
        (row,) = ok(await http.get("/_ml/trained_models/mine/_stats"))["trained_model_stats"]
        assert (row["deployment_stats"]["state"], row["deployment_stats"]["reason"]) == ("failed", "no memory")

    NONSENSE: tuple[tuple[str, str, Json], ...] = (
        ("POST", "/faults", {"lose": "maybe"}),
        ("POST", "/faults", {"colour": "red"}),
        ("PUT", "/cluster", {"colour": "red"}),
        ("PUT", "/version", {"version": "new"}),
        ("POST", "/deployments/none", {"fail": "x"}),
        ("POST", "/models", {}),
    )

    @pytest.mark.parametrize(("method", "path", "body"), NONSENSE)
    async def test_nonsense(self, http: httpx.AsyncClient, method: str, path: str, body: Json) -> None:
        assert (await http.request(method, f"/_standin{path}", json=body)).status_code == 400

    async def test_unknown_path_lists_the_known_ones(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/_standin/nothing")
        assert answer.status_code == 404
        assert "GET /_standin/log" in answer.json()["known"]


async def test_restore_puts_the_whole_cluster_back(http: httpx.AsyncClient, standin: StandIn) -> None:
    before = standin.state
    ok(await create(http))
    standin.restore(before)
    assert Refusal.of(await http.put(f"{ONE}/_update", json={"task_settings": {}})) == status(
        404, "The inference endpoint [one] does not exist and cannot be updated"
    )
