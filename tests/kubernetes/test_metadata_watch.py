"""The metadata watch before an API server that does what it rarely does: break, forget, forbid."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.metadata_scope import REFUSED_FOR, STOOD
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.kubernetes.values import UNKNOWN, ObjectKey
from tests.kubernetes.scripted_api import (
    Answer,
    ScriptedApi,
    Watch,
    bookmark,
    client_for,
    error,
    event,
    holding,
    metadata,
    passing,
    refusal,
    scripted_api,
)
from tests.virtual_clock import VirtualClock, VirtualTimer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

SECRETS = "/api/v1/namespaces/search/secrets"
CONFIG_MAPS = "/api/v1/namespaces/search/configmaps"
OWNER = ObjectKey("inferenceendpoints", "search", "products")
DONE = bookmark("10", complete=True)
CANARY = "canary-31c7"
ALWAYS_FORBIDDEN = [refusal(403, "secrets is forbidden")] * 1000


def secret(name: str, namespace: str = "search") -> ObjectRef:
    return ObjectRef(SourceKind.SECRET, namespace, name)


def at(name: str, version: str) -> ObjectVersion:
    return ObjectVersion(f"uid-{name}", version)


class RecordingClock(VirtualClock):
    """Also remembers for how long it was to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    def call_later(self, delay: float, callback: Callable[[], None]) -> VirtualTimer:
        self.pauses.append(delay)
        return super().call_later(delay, callback)


class Bench:
    """A watch of namespace `search` and what it told."""

    def __init__(self, api: ScriptedApi, watch: MetadataWatch, clock: RecordingClock, told: list[ObjectRef]) -> None:
        self.api = api
        self.watch = watch
        self.clock = clock
        self.told = told

    def watches(self) -> list[dict[str, str]]:
        """The queries of the watches of Secrets so far."""
        return [each.query for each in self.api.of(SECRETS) if "watch" in each.query]

    async def opened(self, count: int) -> dict[str, str]:
        """The query of the count-th watch of Secrets, as soon as it is opened."""
        await passing(self.clock, lambda: len(self.watches()) >= count)
        return self.watches()[count - 1]


@pytest.fixture
async def api() -> AsyncIterator[ScriptedApi]:
    async with scripted_api() as api:
        yield api


@asynccontextmanager
async def bench(api: ScriptedApi, folder: Path, **options: Any) -> AsyncIterator[Bench]:
    clock, told = RecordingClock(), list[ObjectRef]()
    async with client_for(api, folder, clock=clock) as client:
        watch = MetadataWatch(client, clock, on_change=told.append, namespaces=["search"], chance=lambda: 0.0, **options)
        task = asyncio.create_task(watch.run())
        try:
            yield Bench(api, watch, clock, told)
        finally:
            assert not task.done(), task.exception()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_what_was_there_at_the_start_is_known_and_not_told(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), event("ADDED", "cohere", "8"), DONE), hold=True))
    async with bench(api, tmp_path) as it:
        assert it.watch.version_of(secret("openai")) is UNKNOWN
        await passing(it.clock, it.watch.synced.is_set)
        assert it.watch.version_of(secret("openai")) == at("openai", "7")
        assert it.watch.version_of(secret("cohere")) == at("cohere", "8")
        assert it.watch.version_of(secret("missing")) is None
        assert it.told == []


async def test_contents_are_never_asked_for(api: ScriptedApi, tmp_path: Path) -> None:
    async with bench(api, tmp_path) as it:
        await passing(it.clock, it.watch.synced.is_set)
        assert {each.path for each in api.asked} == {SECRETS, CONFIG_MAPS}
        assert all("PartialObjectMetadata" in each.headers["Accept"] for each in api.asked)


async def test_all_namespaces_are_one_watch_of_each_kind(api: ScriptedApi, tmp_path: Path) -> None:
    clock = VirtualClock()
    async with client_for(api, tmp_path, clock=clock) as client:
        watch = MetadataWatch(client, clock, on_change=lambda _: None)
        task = asyncio.create_task(watch.run())
        await passing(clock, watch.synced.is_set)
        assert sorted(each.path for each in api.asked) == ["/api/v1/configmaps", "/api/v1/secrets"]
        assert watch.version_of(secret("openai", "anywhere")) is None
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_changes_and_deletions_are_told_once(api: ScriptedApi, tmp_path: Path) -> None:
    later = (event("MODIFIED", "openai", "11"), event("MODIFIED", "openai", "11"), event("DELETED", "cohere", "12"))
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), event("ADDED", "cohere", "8"), DONE, *later), hold=True))
    async with bench(api, tmp_path) as it:
        await passing(it.clock, lambda: len(it.told) == 2)
        assert it.told == [secret("openai"), secret("cohere")]
        assert it.watch.version_of(secret("openai")) == at("openai", "11")
        assert it.watch.version_of(secret("cohere")) is None


async def test_what_was_referred_to_before_the_first_sync_is_told(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), DONE), hold=True))
    async with bench(api, tmp_path) as it:
        it.watch.refer(OWNER, [secret("openai"), secret("missing")])
        await passing(it.clock, it.watch.synced.is_set)
        assert sorted(it.told) == [secret("missing"), secret("openai")]


@pytest.mark.parametrize(
    ("last", "position"),
    [(DONE, "10"), (event("MODIFIED", "openai", "11"), "11"), (event("DELETED", "openai", "12"), "12"), (bookmark("13"), "13")],
)
async def test_a_watch_that_ends_goes_on_where_it_was(api: ScriptedApi, tmp_path: Path, last: str, position: str) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), DONE, last)))
    async with bench(api, tmp_path) as it:
        again = await it.opened(2)
        assert again["resourceVersion"] == position
        assert "sendInitialEvents" not in again


async def test_a_connection_cut_in_mid_line_goes_on_where_it_was(api: ScriptedApi, tmp_path: Path) -> None:
    torn = event("MODIFIED", "openai", "12")[:30]
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), DONE, event("MODIFIED", "openai", "11")), torn=torn))
    async with bench(api, tmp_path) as it:
        assert (await it.opened(2))["resourceVersion"] == "11"


async def test_a_watch_cut_before_it_was_in_sync_starts_anew(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "gone", "7"),)), Watch((event("ADDED", "openai", "8"), DONE), hold=True))
    async with bench(api, tmp_path) as it:
        assert "sendInitialEvents" in await it.opened(2)
        await passing(it.clock, it.watch.synced.is_set)
        assert it.watch.version_of(secret("gone")) is None
        assert it.watch.version_of(secret("openai")) == at("openai", "8")


BREAKS = [
    pytest.param((Watch((error(410, "Expired"),)),), id="410 in the stream"),
    pytest.param((refusal(410, "too old"),), id="410 as the answer"),
    pytest.param((Watch((error(500),)),), id="an error in the stream"),
    pytest.param((Watch(("<html>bad gateway</html>",)),), id="garbage"),
    pytest.param((Watch(("x" * 5_000_000,)),), id="an endless line"),
    pytest.param((Answer(200, "<html>"),), id="a page of a proxy"),
]


@pytest.mark.parametrize("breaks", BREAKS)
async def test_after_a_gap_what_differs_is_told(api: ScriptedApi, tmp_path: Path, breaks: tuple[Answer | Watch, ...]) -> None:
    before = [event("ADDED", name, "7") for name in ("same", "changed", "gone")]
    after = [event("ADDED", "same", "7"), event("ADDED", "changed", "9"), event("ADDED", "new", "8")]
    api.plan(SECRETS, Watch((*before, DONE)), *breaks, Watch((*after, bookmark("20", complete=True)), hold=True))
    async with bench(api, tmp_path) as it:
        assert "sendInitialEvents" in await it.opened(3)
        await passing(it.clock, lambda: len(it.told) == 3)
        assert it.told == [secret("changed"), secret("gone"), secret("new")]
        assert it.watch.version_of(secret("gone")) is None


async def test_in_a_gap_the_last_known_versions_count(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), DONE)), *[refusal(503)] * 3)
    async with bench(api, tmp_path) as it:
        await it.opened(4)
        assert it.watch.version_of(secret("openai")) == at("openai", "7")


async def test_failures_are_waited_out_longer_and_longer(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, *[refusal(503)] * 4)
    async with bench(api, tmp_path) as it:
        await it.opened(5)
        assert it.clock.pauses == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(("stood", "pause"), [(STOOD - 1, 8.0), (STOOD, 0.5)])
async def test_a_watch_that_stood_forgets_failures(api: ScriptedApi, tmp_path: Path, stood: float, pause: float) -> None:
    cut = asyncio.Event()
    api.plan(SECRETS, *[refusal(503)] * 4, Watch((DONE,), torn="{", until=cut))
    async with bench(api, tmp_path) as it:
        await passing(it.clock, it.watch.synced.is_set)
        await it.clock.advance(stood)
        cut.set()
        await it.opened(6)
        assert it.clock.pauses == [0.5, 1.0, 2.0, 4.0, pause]


async def test_the_server_may_ask_for_a_longer_pause(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, refusal(429, headers={"Retry-After": "9"}))
    async with bench(api, tmp_path) as it:
        await it.opened(2)
        assert it.clock.pauses == [9.0]


async def test_a_server_that_says_nothing_is_not_asked_in_a_loop(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch(), Watch())
    async with bench(api, tmp_path) as it:
        await it.opened(3)
        assert it.clock.pauses == [0.5, 1.0]


async def test_a_silent_watch_is_opened_anew(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((DONE,), hold=True))
    async with bench(api, tmp_path, quiet=0.1) as it:
        assert (await it.opened(2))["resourceVersion"] == "10"


async def test_a_server_without_streamed_lists_is_listed_in_chunks(api: ScriptedApi, tmp_path: Path) -> None:
    head = {"kind": "PartialObjectMetadataList"}
    api.plan(
        SECRETS,
        refusal(422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"),
        Answer(200, head | {"metadata": {"continue": "next"}, "items": [metadata("openai", "7")]}),
        Answer(200, head | {"metadata": {"resourceVersion": "9"}, "items": [metadata("cohere", "8")]}),
    )
    async with bench(api, tmp_path) as it:
        assert (await it.opened(2))["resourceVersion"] == "9"
        await passing(it.clock, it.watch.synced.is_set)
        assert it.watch.version_of(secret("openai")) == at("openai", "7")
        assert it.watch.version_of(secret("cohere")) == at("cohere", "8")
        assert [each.query.get("continue") for each in api.of(SECRETS) if "limit" in each.query] == [None, "next"]


async def test_what_may_not_be_watched_is_polled(api: ScriptedApi, tmp_path: Path) -> None:
    one = f"{SECRETS}/openai"
    api.plan(SECRETS, *ALWAYS_FORBIDDEN)
    api.plan(one, Answer(200, metadata("openai", "7")), Answer(200, metadata("openai", "7")))
    api.plan(one, refusal(500), Answer(200, metadata("openai", "9")))
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        assert it.watch.version_of(secret("openai")) is UNKNOWN
        it.watch.refer(OWNER, [secret("openai")])
        await holding(lambda: it.told == [secret("openai")])
        assert it.watch.version_of(secret("openai")) == at("openai", "7")
        await passing(it.clock, lambda: len(it.told) == 2)
        assert len(api.of(one)) == 4  # the second look saw no change, the third failed
        assert it.watch.version_of(secret("openai")) == at("openai", "9")
        await passing(it.clock, lambda: len(it.told) == 3)
        assert it.watch.version_of(secret("openai")) is None
        assert all("PartialObjectMetadata" in each.headers["Accept"] for each in api.of(one))


@pytest.mark.parametrize(
    "answer", [{}, {"metadata": "x"}, {"metadata": {"uid": "u"}}, {"metadata": {"uid": 1, "resourceVersion": 2}}]
)
async def test_an_answer_without_a_version_is_asked_for_again(api: ScriptedApi, tmp_path: Path, answer: dict[str, Any]) -> None:
    one = f"{SECRETS}/openai"
    api.plan(SECRETS, *ALWAYS_FORBIDDEN)
    api.plan(one, Answer(200, answer), Answer(200, metadata("openai", "7")))
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        it.watch.refer(OWNER, [secret("openai")])
        await passing(it.clock, lambda: it.watch.version_of(secret("openai")) == at("openai", "7"))
        assert it.told == [secret("openai")]


async def test_what_is_no_longer_referred_to_is_not_polled(api: ScriptedApi, tmp_path: Path) -> None:
    one, other = f"{SECRETS}/openai", f"{SECRETS}/cohere"
    api.plan(SECRETS, *ALWAYS_FORBIDDEN)
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        it.watch.refer(OWNER, [secret("openai")])
        await holding(lambda: len(api.of(one)) == 1)
        it.watch.refer(OWNER, [secret("cohere")])
        await passing(it.clock, lambda: len(api.of(other)) == 3)
        assert len(api.of(one)) == 1
        assert it.watch.version_of(secret("openai")) is UNKNOWN


async def test_a_right_that_is_granted_later_is_used(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, *[refusal(403)] * 6, Watch((event("ADDED", "openai", "7"), DONE), hold=True))
    async with bench(api, tmp_path) as it:
        await it.opened(7)
        assert it.clock.pauses == [7.5, 15.0, 30.0, 60.0, 120.0, 150.0]
        await passing(it.clock, lambda: it.watch.version_of(secret("openai")) == at("openai", "7"))
        looks = len(api.of(f"{SECRETS}/openai"))
        it.watch.refer(OWNER, [secret("openai")])
        await it.clock.advance(100)
        assert len(api.of(f"{SECRETS}/openai")) == looks


async def test_a_right_that_is_withdrawn_turns_to_polling(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((event("ADDED", "openai", "7"), DONE)), *ALWAYS_FORBIDDEN)
    api.plan(f"{SECRETS}/openai", Answer(200, metadata("openai", "12")))
    async with bench(api, tmp_path) as it:
        it.watch.refer(OWNER, [secret("openai")])
        await passing(it.clock, lambda: it.watch.version_of(secret("openai")) == at("openai", "12"))
        assert secret("openai") in it.told
        assert it.clock.monotonic() >= REFUSED_FOR


async def test_a_refusal_that_passes_takes_nothing_away(api: ScriptedApi, tmp_path: Path) -> None:
    before, after = [event("ADDED", name, "7") for name in ("same", "changed")], bookmark("20", complete=True)
    again = Watch((event("ADDED", "same", "7"), event("ADDED", "changed", "9"), after), hold=True)
    api.plan(SECRETS, Watch((*before, DONE)), *[refusal(403, "secrets is forbidden")] * 5, again)
    async with bench(api, tmp_path) as it:
        it.watch.refer(OWNER, [secret("same")])
        await it.opened(7)
        assert it.clock.pauses == [0.5, 1.0, 2.0, 4.0, 8.0]
        assert it.watch.version_of(secret("same")) == at("same", "7")
        await holding(lambda: secret("changed") in it.told)
        assert it.watch.version_of(secret("changed")) == at("changed", "9")
        assert api.of(f"{SECRETS}/same") == []


async def test_only_refusals_one_after_the_other_add_up(api: ScriptedApi, tmp_path: Path) -> None:
    some = [refusal(403)] * 4
    api.plan(SECRETS, Watch((DONE,)), *some, refusal(503), *some, refusal(503), *some)
    async with bench(api, tmp_path) as it:
        await it.opened(15)
        assert it.clock.monotonic() > REFUSED_FOR
        assert max(it.clock.pauses) <= 30.0


async def test_references_outside_the_watched_namespaces_are_polled(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan("/api/v1/namespaces/elastic/secrets/es", Answer(200, metadata("es", "5", "elastic")))
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        it.watch.refer(OWNER, [secret("es", "elastic"), secret("openai")])
        await holding(lambda: it.told == [secret("es", "elastic")])
        assert it.watch.version_of(secret("es", "elastic")) == at("es", "5")
        assert api.of(f"{SECRETS}/openai") == []


async def test_liveness_is_that_of_the_most_silent_watch(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, Watch((DONE,)))
    async with bench(api, tmp_path) as it:
        await holding(lambda: len(it.watches()) == 2 and it.watch.synced.is_set())
        await it.clock.advance(100)
        assert it.watch.last_heard == 0.0


async def test_a_forbidden_watch_is_no_sign_of_death(api: ScriptedApi, tmp_path: Path) -> None:
    for path in (SECRETS, CONFIG_MAPS):
        api.plan(path, *ALWAYS_FORBIDDEN)
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        for _ in range(20):
            await it.clock.advance(20)
            assert it.clock.monotonic() - it.watch.last_heard < 60


async def test_beside_a_forbidden_watch_the_other_is_one(api: ScriptedApi, tmp_path: Path) -> None:
    api.plan(SECRETS, *ALWAYS_FORBIDDEN)
    async with bench(api, tmp_path) as it:
        await holding(it.watch.synced.is_set)
        await it.clock.advance(100)
        assert it.watch.last_heard == 0.0


async def test_no_line_of_a_watch_is_ever_logged(api: ScriptedApi, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": CANARY}
    good = event("ADDED", "openai", "7", annotations=annotations)
    api.plan(SECRETS, Watch((good, DONE, good[:-5])), Watch((good, DONE), torn=good[:-9]), refusal(403, CANARY))
    async with bench(api, tmp_path) as it:
        await it.opened(4)
        assert "broke" in caplog.text
        assert CANARY not in caplog.text
