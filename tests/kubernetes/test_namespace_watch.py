"""Namespaces chosen by label, before an API server that a test scripts: what is told, and what holds while it is not known."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from inference_operator.kubernetes.metadata_scope import REFUSED_FOR
from inference_operator.kubernetes.namespace_watch import NamespaceWatch
from tests.kubernetes.scripted_api import Answer, Watch, bookmark, client_for, event, holding, passing, refusal, scripted_api
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.kubernetes.scripted_api import ScriptedApi

NAMESPACES = "/api/v1/namespaces"
DONE = bookmark("10", complete=True)


def of(kind: str, name: str, version: str) -> str:
    return event(kind, name, version).replace('"namespace": "search", ', "")


@asynccontextmanager
async def watching(api: ScriptedApi, folder: Path) -> AsyncIterator[tuple[NamespaceWatch, VirtualClock, list[tuple[str, bool]]]]:
    clock, told = VirtualClock(), list[tuple[str, bool]]()
    async with client_for(api, folder, clock=clock) as client:
        watch = NamespaceWatch(client, clock, "a in (b,c)", on_change=lambda name: told.append((name, watch.has(name))))
        task = asyncio.create_task(watch.run())
        try:
            yield watch, clock, told
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_the_api_server_matches_the_labels_and_every_change_is_told_once(tmp_path: Path) -> None:
    later = (of("MODIFIED", "one", "11"), of("ADDED", "two", "12"), of("DELETED", "one", "13"), of("MODIFIED", "two", "14"))
    async with scripted_api() as api:
        api.plan(NAMESPACES, Watch((of("ADDED", "one", "7"), DONE, *later), hold=True))
        async with watching(api, tmp_path) as (watch, clock, told):
            await passing(clock, lambda: len(told) == 2)
            assert told == [("two", True), ("one", False)]
            assert [watch.has(name) for name in ("one", "two", "three")] == [False, True, False]
            assert not watch.is_denied
        assert {request.query["labelSelector"] for request in api.of(NAMESPACES)} == {"a in (b,c)"}


async def test_what_may_not_be_known_is_not_chosen_until_it_may(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, refusal(403, "namespaces is forbidden"), Watch((of("ADDED", "one", "7"), DONE), hold=True))
        async with watching(api, tmp_path) as (watch, clock, told):
            await asyncio.wait_for(watch.settled.wait(), 30)
            assert (watch.is_denied, watch.has("one"), told) == (True, False, [])
            assert "grant `list` and `watch` on namespaces" in str(watch.missing)
            await passing(clock, lambda: told != [])
            assert (watch.is_denied, told) == (False, [("one", True)])


async def test_a_selector_that_the_api_server_cannot_read_is_named_with_its_setting(tmp_path: Path) -> None:
    unreadable = refusal(400, "unable to parse requirement: found '', expected: ',' or ')'")
    async with scripted_api() as api:
        api.plan(NAMESPACES, unreadable, unreadable, unreadable, Answer(200, {"metadata": {"resourceVersion": "9"}, "items": []}))
        async with watching(api, tmp_path) as (watch, clock, _):
            assert watch.missing is None
            await holding(lambda: watch.missing is not None)
            named = "namespaces with the labels `a in (b,c)` (--namespace-selector) can't be listed: unable to parse requirement:"
            assert str(watch.missing).startswith(named)
            assert not watch.settled.is_set()
            await passing(clock, watch.settled.is_set)
            assert watch.missing is None


async def test_what_is_known_is_not_missing_while_the_api_server_is_away(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, Watch((of("ADDED", "one", "7"), DONE)), *[refusal(503)] * 3)
        async with watching(api, tmp_path) as (watch, clock, _):
            await passing(clock, lambda: len(api.of(NAMESPACES)) == 4)
            assert (watch.missing, watch.has("one")) == (None, True)


async def test_a_watch_that_is_forbidden_is_no_sign_of_death(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, *[refusal(403, "namespaces is forbidden")] * 100)
        async with watching(api, tmp_path) as (watch, clock, _):
            await asyncio.wait_for(watch.settled.wait(), 30)
            for _ in range(20):
                await clock.advance(20)
                assert clock.monotonic() - watch.last_heard < 60


async def test_a_watch_that_is_allowed_again_is_listened_to_from_then_on(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, refusal(403, "namespaces is forbidden"), Watch((of("ADDED", "one", "7"), DONE), hold=True))
        async with watching(api, tmp_path) as (watch, clock, _):
            await passing(clock, lambda: watch.has("one"))
            allowed = clock.monotonic()
            await clock.advance(100)
            assert allowed > 0
            assert watch.last_heard == allowed


async def test_a_right_that_is_taken_away_takes_all_of_them_once_that_is_sure(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, Watch((of("ADDED", "one", "7"), DONE)), *[refusal(403, "namespaces is forbidden")] * 100)
        async with watching(api, tmp_path) as (watch, clock, told):
            await passing(clock, lambda: watch.is_denied)
            assert told == [("one", False)]
            assert clock.monotonic() >= REFUSED_FOR


async def test_a_refusal_that_passes_takes_none_away(tmp_path: Path) -> None:
    async with scripted_api() as api:
        refusals = [refusal(403, "namespaces is forbidden")] * 4
        api.plan(NAMESPACES, Watch((of("ADDED", "one", "7"), DONE)), *refusals)
        api.plan(NAMESPACES, Watch((of("ADDED", "one", "7"), of("ADDED", "two", "8"), DONE), hold=True))
        async with watching(api, tmp_path) as (watch, clock, told):
            await passing(clock, lambda: watch.has("two"))
            assert (watch.has("one"), told) == (True, [("two", True)])


async def test_servers_that_stream_no_listing_are_listed_by_label(tmp_path: Path) -> None:
    async with scripted_api() as api:
        api.plan(NAMESPACES, refusal(400, "sendInitialEvents is forbidden"))
        async with watching(api, tmp_path) as (_, clock, _):
            await passing(clock, lambda: len(api.of(NAMESPACES)) > 1)
        listing = api.of(NAMESPACES)[1].query
        assert ("watch" in listing, listing["labelSelector"]) == (False, "a in (b,c)")
