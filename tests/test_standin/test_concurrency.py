"""What two clients at once, caches and hash sets do to an answer."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.standin import Provider
from tests.standin.java_order import hash_order
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, answer_after, ok, status, until_sleeping, world
from tests.test_standin.samples import elser, openai


@pytest.mark.parametrize("count", [1, 3, 40])
async def test_references_come_in_no_order(http: httpx.AsyncClient, count: int) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    names = [f"p{number}" for number in range(count)]
    indices = [f"i{number}" for number in range(count)]
    field: Json = {"type": "semantic_text", "inference_id": "one"}
    for pipeline, index in zip(names, indices, strict=True):
        ok(await http.put(f"/_ingest/pipeline/{pipeline}", json={"processors": [{"inference": {"model_id": "one"}}]}))
        ok(await http.put(f"/{index}", json={"mappings": {"properties": {"t": field}}}))
    found = ok(await http.delete("/_inference/one", params={"dry_run": "true"}))
    for shown, wanted in ((found["pipelines"], names), (found["indexes"], indices)):
        assert sorted(shown) == sorted(wanted)
        assert shown == hash_order(wanted)
        assert f"[{', '.join(shown)}]" in found["error_message"]
    if count == 40:
        assert found["pipelines"] != sorted(names)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["b", "a", "b"], ["a", "b"]),
        (["p1", "i1", "zz", "index-10"], ["zz", "p1", "i1", "index-10"]),
        ([], []),
    ],
)
def test_the_order_of_a_java_hash_set(names: list[str], expected: list[str]) -> None:
    assert hash_order(names) == expected
    assert hash_order(reversed(names)) == expected


async def test_services_come_in_no_order(http: httpx.AsyncClient) -> None:
    names = [one["service"] for one in (await http.get("/_inference/_services")).json()]
    assert names == hash_order(names)
    assert names != sorted(names)


async def test_two_creates_at_once_ask_the_provider_twice_and_one_wins() -> None:
    async with world(provider=Provider(latency=5)) as here:
        both = [asyncio.ensure_future(here.create(openai(), "completion")) for _ in range(2)]
        await until_sleeping(here, 4)
        here.clock.advance(5)
        answers = sorted((await asyncio.wait_for(asyncio.gather(*both), 10)), key=lambda answer: answer.status_code)
        assert [answer.status_code for answer in answers] == [200, 400]
        assert Refusal.of(answers[1]).type == "resource_already_exists_exception"


async def test_a_read_during_an_update_shows_the_old_settings() -> None:
    async with world() as here:
        ok(await here.create(openai()))
        here.standin.change_provider(latency=5)
        change = {"service_settings": {"rate_limit": {"requests_per_minute": 7}}}

        async def meanwhile() -> None:
            assert (await here.settings())["rate_limit"] == {"requests_per_minute": 3000}

        ok(await answer_after(here, 5, here.update(change), meanwhile))
        assert (await here.settings())["rate_limit"] == {"requests_per_minute": 7}


async def test_a_forced_delete_during_an_update() -> None:
    async with world() as here:
        ok(await here.create(openai()))
        here.standin.change_provider(latency=5)

        async def meanwhile() -> None:
            refused = Refusal.of(await here.http.delete("/_inference/one", params={"force": "true"}))
            assert refused.status == 409

        ok(await answer_after(here, 5, here.update({"service_settings": {"api_key": "new"}}), meanwhile))


async def test_an_update_whose_provider_refuses_frees_the_endpoint() -> None:
    async with world() as here:
        ok(await here.create(openai()))
        here.standin.refuse_key("new")
        for _ in range(2):
            assert Refusal.of(await here.update({"service_settings": {"api_key": "new"}})).status == 400
        ok(await here.http.delete("/_inference/one"))


async def test_a_deployment_is_there_before_the_create_is_answered() -> None:
    async with world() as here:
        here.standin.change_pace(deployment=20)

        async def meanwhile() -> None:
            (shown,) = ok(await here.http.get("/_inference/one"))["endpoints"]
            assert shown["service_settings"]["num_allocations"] == 1
            unready = await here.http.post("/_inference/one", json={"input": "a"})
            assert Refusal.of(unready) == status(409, "Trained model deployment [one] is not allocated to any nodes")

        ok(await answer_after(here, 20, here.create(elser(), "sparse_embedding"), meanwhile))
