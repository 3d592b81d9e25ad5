"""Section "GET /_inference/_services" of the facts."""

from __future__ import annotations

import httpx
import pytest

from tests.standin import Cluster
from tests.standin.catalogue import services
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, status, world

UNLISTED = {"custom", "elser", "elastic", "tencent_cloud_ai_search"}


async def listed(http: httpx.AsyncClient, path: str = "/_inference/_services") -> dict[str, Json]:
    answer = await http.get(path)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert isinstance(found, list), "a bare array"
    return {one["service"]: one for one in found}


async def test_what_is_listed(http: httpx.AsyncClient) -> None:
    assert set(await listed(http)) == set(services()) - UNLISTED


async def test_elastic_only_with_its_service_set_up() -> None:
    async with world(cluster=Cluster(eis=True)) as here:
        assert "elastic" in await listed(here.http)


async def test_by_task_type(http: httpx.AsyncClient) -> None:
    found = await listed(http, "/_inference/_services/rerank")
    assert "cohere" in found
    assert "openai" not in found
    assert Refusal.of(await http.get("/_inference/_services/bad")) == status(400, "Unknown task_type [bad]")


async def test_shape(http: httpx.AsyncClient) -> None:
    found = await listed(http)
    openai = found["openai"]
    assert (openai["name"], openai["task_types"]) == ("OpenAI", ["text_embedding", "embedding", "completion", "chat_completion"])
    key = openai["configurations"]["api_key"]
    assert (key["label"], key["sensitive"], key["updatable"], key["type"]) == ("API Key", True, True, "str")
    limit = openai["configurations"]["rate_limit.requests_per_minute"]
    assert (limit["type"], limit["required"], limit["sensitive"], limit["updatable"]) == ("int", False, False, False)
    assert "default_value" not in key
    assert found["elasticsearch"]["configurations"]["num_allocations"]["updatable"] is True
    for service in found.values():
        for configuration in service["configurations"].values():
            assert configuration["type"] in {"str", "int", "bool", "list", "map"}
            assert configuration["supported_task_types"], "a setting of no task is of no use"


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_by_version(version: str) -> None:
    async with world(version) as here:
        found = await listed(here.http)
        assert ("fireworksai" in found) == (version == "9.5.0")
        assert ("deepseek" in found) == (version != "8.17.0")
        assert ("chat_completion" in found["openai"]["task_types"]) == (version != "8.17.0")
        assert "embedding" not in found["openai"]["task_types"] or version == "9.5.0"
