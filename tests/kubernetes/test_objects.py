"""Listings of our own objects before an API server whose answers a test scripts: whole, or a failure that is tried again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.kubernetes.objects import Objects
from inference_operator.kubernetes.values import KubernetesFailure, Listed, ListedKeys, ObjectKey
from inference_operator.shell.selection import Selection
from tests.kubernetes.scripted_api import Answer, client_for, passing, refusal, scripted_api
from tests.shell.bodies import body
from tests.shell.house import House

if TYPE_CHECKING:
    from pathlib import Path

PLURAL = "inferenceendpoints"
EVERYWHERE = f"/apis/inference-operator.io/v1alpha1/{PLURAL}"
SEARCH = f"/apis/inference-operator.io/v1alpha1/namespaces/search/{PLURAL}"
NAMED = {"name": "a", "namespace": "search", "uid": "u", "resourceVersion": "7"}
NO_LISTS: tuple[Any, ...] = (
    pytest.param({"items": [{}]}, id="an object without metadata"),
    pytest.param({"items": ["x"]}, id="an object that is none"),
    pytest.param({"items": "x"}, id="items that are no list"),
    pytest.param({"items": [], "metadata": "x"}, id="metadata that is none"),
    pytest.param({"items": [{"metadata": NAMED | {"uid": 7}}]}, id="an object without a uid"),
    pytest.param({"items": [{"metadata": NAMED | {"namespace": None}}]}, id="an object outside of namespaces"),
)


@pytest.mark.parametrize("answer", NO_LISTS)
async def test_what_is_no_list_of_objects_is_a_failure(answer: dict[str, Any], tmp_path: Path) -> None:
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        objects = Objects(client)
        api.plan(SEARCH, Answer(200, answer))
        api.plan(EVERYWHERE, Answer(200, answer))
        for found in (await objects.bodies(PLURAL, "search"), await objects.list_keys(PLURAL)):
            assert isinstance(found, KubernetesFailure)
            assert found.message == "the answer is no list"


async def test_a_listing_in_pages_is_read_to_its_end(tmp_path: Path) -> None:
    pages = [Answer(200, {"metadata": {"continue": "next"}, "items": [{"metadata": NAMED}]}), Answer(200, {"items": []})]
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        api.plan(SEARCH, *pages)
        api.plan(EVERYWHERE, *pages)
        assert await Objects(client).bodies(PLURAL, "search") == ({"metadata": NAMED},)
        found = (Listed(ObjectKey(PLURAL, "search", "a"), "u", "7"),)
        assert await Objects(client).list_keys(PLURAL) == ListedKeys(found)
        assert [asked.query.get("continue") for asked in api.of(SEARCH)] == [None, "next"]


async def test_only_a_refusal_leaves_a_namespace_out(tmp_path: Path) -> None:
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        objects = Objects(client, ("search", "team"))
        listing = Answer(200, {"items": [{"metadata": NAMED}]})
        for answer in (refusal(403, "forbidden"), refusal(404, "no such kind"), refusal(503, "starting")):
            api.plan(SEARCH, listing)
            api.plan(SEARCH.replace("search", "team"), answer)
        found = (Listed(ObjectKey(PLURAL, "search", "a"), "u", "7"),)
        assert await objects.list_keys(PLURAL) == ListedKeys(found, {"team": "forbidden"})
        for status in (404, 503):
            failure = await objects.list_keys(PLURAL)
            assert isinstance(failure, KubernetesFailure)
            assert failure.status == status


@pytest.mark.parametrize("namespaces", [(), ("search",), ("search", "team")])
async def test_a_refusal_for_all_namespaces_leaves_none_out(tmp_path: Path, namespaces: tuple[str, ...]) -> None:
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        for path in (EVERYWHERE, SEARCH, SEARCH.replace("search", "team")):
            api.plan(path, refusal(403, "forbidden"))
        failure = await Objects(client, namespaces).list_keys(PLURAL)
    assert isinstance(failure, KubernetesFailure)
    assert failure.status == 403


@pytest.mark.parametrize("answer", NO_LISTS)
async def test_a_namespace_is_taken_in_once_its_objects_are_listed(answer: dict[str, Any], tmp_path: Path) -> None:
    house = House()
    async with scripted_api() as api, client_for(api, tmp_path) as client:
        api.plan(SEARCH, Answer(200, answer), Answer(200, {"items": [body("a", {})]}))
        selection = Selection(
            lambda _: True,
            plurals=[PLURAL],
            intake=house.intake,
            store=house.store,
            objects=Objects(client),
            clock=house.clock,
        )
        selection.changed("search")
        try:
            async with asyncio.timeout(60):
                await passing(house.clock, lambda: ObjectKey(PLURAL, "search", "a") in list(house.store))
        finally:
            selection.close()
