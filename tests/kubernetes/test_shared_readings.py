"""When one reading of a Secret or ConfigMap serves several askers, for how long, and never across a change."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from typing import TYPE_CHECKING

import pytest

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.adapter import KubernetesAdapter
from inference_operator.kubernetes.metadata_watch import MetadataWatch
from inference_operator.kubernetes.shared_readings import LONGEST, SharedReadings
from inference_operator.kubernetes.values import UNKNOWN, ConfigMapData, KubernetesFailure, NotFound, SecretData, Unknown
from tests.kubernetes.scripted_api import Answer, ScriptedApi, Watch, bookmark, client_for, event, holding, metadata, scripted_api
from tests.virtual_clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

CANARY = "canary-5f3a9-secret"
MISSING = NotFound("Secret search/openai")
REFUSED = KubernetesFailure("get Secret search/openai", "slow down", status=429)
Outcome = SecretData | NotFound | KubernetesFailure


class Contents(dict[str, bytes]):
    """Data of a Secret of which can be told whether it is still in memory."""


class Cluster:
    """A Secret, what the watch has told of it, and askers. An answer tells what was there when its request arrived."""

    def __init__(self, clock: Clock) -> None:
        self.stored: ObjectVersion | NotFound | KubernetesFailure = version("1")
        self.heard: ObjectVersion | Unknown | None = version("1")
        self.requests = 0
        self.contents: list[weakref.ref[Contents]] = []
        self.answers = asyncio.Event()
        self.answers.set()
        self.readings: SharedReadings[SecretData] = SharedReadings(SourceKind.SECRET, self._serve, self._version_of, clock)

    def rotate(self, to: ObjectVersion, *, heard: bool = True) -> None:
        self.stored = to
        self.heard = to if heard else self.heard

    def ask(self) -> asyncio.Task[Outcome]:
        return asyncio.create_task(self.readings.read("search", "openai"))

    async def ask_and_wait(self) -> Outcome:
        return await self.readings.read("search", "openai")

    @property
    def in_memory(self) -> int:
        gc.collect()
        return sum(each() is not None for each in self.contents)

    async def _serve(self, namespace: str, name: str) -> Outcome:
        self.requests += 1
        found, gate = self.stored, self.answers
        if isinstance(found, ObjectVersion):
            contents = Contents({"api-key": f"{CANARY}-{found.resource_version}".encode()})
            self.contents.append(weakref.ref(contents))
            await gate.wait()
            return SecretData(found, contents)
        await gate.wait()
        return found

    def _version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        assert ref == ObjectRef(SourceKind.SECRET, "search", "openai")
        return self.heard

    def hold(self) -> asyncio.Event:
        """Answers to requests from now on wait for this."""
        self.answers = asyncio.Event()
        return self.answers


def version(resource_version: str, uid: str = "uid-openai") -> ObjectVersion:
    return ObjectVersion(uid, resource_version)


def version_in(outcome: Outcome) -> str:
    assert isinstance(outcome, SecretData), outcome
    assert outcome.data["api-key"].decode() == f"{CANARY}-{outcome.version.resource_version}"
    return outcome.version.resource_version


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def cluster(clock: VirtualClock) -> Cluster:
    return Cluster(clock)


async def test_a_thousand_askers_cost_one_request(cluster: Cluster) -> None:
    first = await asyncio.gather(*(cluster.ask() for _ in range(500)))
    later = await asyncio.gather(*(cluster.ask() for _ in range(500)))
    assert {version_in(each) for each in (*first, *later)} == {"1"}
    assert cluster.requests == 1


async def test_a_reading_serves_for_two_seconds_from_when_it_was_sent(cluster: Cluster, clock: VirtualClock) -> None:
    answers = cluster.hold()
    first = cluster.ask()
    await clock.advance(1.5)
    answers.set()
    await first
    await clock.advance(0.4)
    await cluster.ask_and_wait()
    assert cluster.requests == 1
    await clock.advance(0.1)
    await cluster.ask_and_wait()
    assert cluster.requests == 2


async def test_contents_leave_memory_by_themselves(cluster: Cluster, clock: VirtualClock) -> None:
    await cluster.ask_and_wait()
    await clock.advance(LONGEST - 0.1)
    assert cluster.in_memory == 1
    await clock.advance(0.1)
    assert cluster.in_memory == 0
    assert clock.next_call is None


async def test_contents_that_were_replaced_leave_at_once_and_the_new_ones_in_their_own_time(
    cluster: Cluster, clock: VirtualClock
) -> None:
    await cluster.ask_and_wait()
    await clock.advance(1.0)
    cluster.rotate(version("2"))
    await cluster.ask_and_wait()
    assert cluster.in_memory == 1
    await clock.advance(1.5)
    assert version_in(await cluster.ask_and_wait()) == "2"
    assert cluster.requests == 2
    await clock.advance(0.5)
    assert cluster.in_memory == 0


async def test_an_answer_that_took_two_seconds_is_not_kept(cluster: Cluster, clock: VirtualClock) -> None:
    answers = cluster.hold()
    first = cluster.ask()
    await clock.advance(LONGEST)
    answers.set()
    assert version_in(await first) == "1"
    del first
    await clock.settle()  # the event loop still holds the task in the turn in which it ended
    assert cluster.in_memory == 0
    await cluster.ask_and_wait()
    assert cluster.requests == 2


async def test_nobody_is_given_what_was_read_before_a_rotation(cluster: Cluster) -> None:
    await cluster.ask_and_wait()
    cluster.rotate(version("2"))
    assert version_in(await cluster.ask_and_wait()) == "2"


async def test_a_secret_put_anew_is_another_one(cluster: Cluster) -> None:
    await cluster.ask_and_wait()
    cluster.rotate(version("1", uid="uid-of-another"))
    found = await cluster.ask_and_wait()
    assert isinstance(found, SecretData)
    assert found.version.uid == "uid-of-another"


async def test_an_answer_from_before_a_rotation_that_arrives_late_goes_to_nobody_who_came_after_it(
    cluster: Cluster, clock: VirtualClock
) -> None:
    late = cluster.hold()
    before = cluster.ask()
    await clock.settle()
    cluster.rotate(version("2"))
    cluster.hold().set()
    after = [cluster.ask() for _ in range(100)]
    await clock.settle()
    late.set()
    assert version_in(await before) == "1"
    assert {version_in(each) for each in await asyncio.gather(*after)} == {"2"}
    assert cluster.requests == 2
    assert version_in(await cluster.ask_and_wait()) == "2"


async def test_an_answer_newer_than_the_watch_is_kept_for_when_the_watch_tells_of_it(cluster: Cluster) -> None:
    cluster.rotate(version("2"), heard=False)
    assert version_in(await cluster.ask_and_wait()) == "2"
    assert version_in(await cluster.ask_and_wait()) == "2"
    assert cluster.requests == 2, "it can't be told yet that it is the latest"
    cluster.heard = version("2")
    assert version_in(await cluster.ask_and_wait()) == "2"
    assert cluster.requests == 2


@pytest.mark.parametrize("heard", [UNKNOWN, None])
async def test_without_a_version_every_caller_has_a_reading_that_began_after_the_call(
    cluster: Cluster, clock: VirtualClock, heard: Unknown | None
) -> None:
    cluster.heard = heard
    await cluster.ask_and_wait()
    await cluster.ask_and_wait()
    assert cluster.requests == 2
    answers = cluster.hold()
    first = cluster.ask()
    await clock.settle()
    cluster.rotate(version("2"), heard=False)
    others = [cluster.ask() for _ in range(10)]
    await clock.settle()
    answers.set()
    assert version_in(await first) == "1"
    assert {version_in(each) for each in await asyncio.gather(*others)} == {"2"}
    assert cluster.requests == 4


async def test_absence_is_shared_by_those_who_wait_and_not_kept(cluster: Cluster) -> None:
    cluster.stored, cluster.heard = MISSING, None
    assert await asyncio.gather(*(cluster.ask() for _ in range(10))) == [MISSING] * 10
    assert cluster.requests == 1
    assert await cluster.ask_and_wait() == MISSING
    assert cluster.requests == 2


async def test_absence_is_not_told_to_whoever_was_woken_by_the_creation(cluster: Cluster, clock: VirtualClock) -> None:
    cluster.stored, cluster.heard = MISSING, None
    late = cluster.hold()
    before = cluster.ask()
    await clock.settle()
    cluster.rotate(version("1"))
    after = cluster.ask()
    await clock.settle()
    late.set()
    assert await before == MISSING
    assert version_in(await after) == "1"


async def test_a_failure_is_shared_by_those_who_wait_and_not_kept(cluster: Cluster) -> None:
    cluster.stored = REFUSED
    assert await asyncio.gather(*(cluster.ask() for _ in range(10))) == [REFUSED] * 10
    assert cluster.requests == 1
    cluster.stored = version("1")
    assert version_in(await cluster.ask_and_wait()) == "1"


async def test_an_asker_that_gives_up_takes_nothing_from_the_others(cluster: Cluster, clock: VirtualClock) -> None:
    answers = cluster.hold()
    first, second, third = (cluster.ask() for _ in range(3))
    await clock.settle()
    first.cancel()
    await clock.settle()
    assert first.cancelled()
    answers.set()
    assert {version_in(await second), version_in(await third)} == {"1"}
    assert cluster.requests == 1


async def test_the_last_asker_that_gives_up_ends_the_request(cluster: Cluster, clock: VirtualClock) -> None:
    cluster.hold()
    askers = [cluster.ask() for _ in range(3)]
    await clock.settle()
    for asker in askers:
        asker.cancel()
    await clock.settle()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    cluster.answers.set()
    assert version_in(await cluster.ask_and_wait()) == "1"
    assert cluster.requests == 2


async def test_who_comes_while_a_request_is_given_up_has_one_of_its_own(cluster: Cluster, clock: VirtualClock) -> None:
    cluster.hold()
    first = cluster.ask()
    await clock.settle()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)  # its request is told to end, and has not yet
    cluster.answers.set()
    assert version_in(await cluster.ask_and_wait()) == "1"
    assert version_in(await cluster.ask_and_wait()) == "1"
    assert cluster.requests == 2


async def test_contents_are_neither_shown_nor_logged(
    cluster: Cluster, clock: VirtualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    answers = cluster.hold()
    asker = cluster.ask()
    await clock.settle()
    shown = repr(vars(cluster.readings))
    answers.set()
    await asker
    shown += repr(vars(cluster.readings)) + repr(cluster.readings) + repr(asker)
    assert "openai" in shown
    assert CANARY not in shown + caplog.text


class TestAdapter:
    """The same through the real port: requests are counted by a server."""

    @pytest.fixture
    async def api(self) -> AsyncIterator[ScriptedApi]:
        async with scripted_api() as started:
            yield started

    @pytest.mark.parametrize("plural", ["secrets", "configmaps"])
    async def test_reads_of_either_kind_are_shared_until_the_watch_tells_of_a_change(
        self, api: ScriptedApi, tmp_path: Path, clock: VirtualClock, plural: str
    ) -> None:
        changed = asyncio.Event()
        path = f"/api/v1/namespaces/search/{plural}/openai"
        api.plan(f"/api/v1/{plural}", Watch((event("ADDED", "openai", "1"), bookmark("1", complete=True)), until=changed))
        api.plan(f"/api/v1/{plural}", Watch((event("MODIFIED", "openai", "2"),), hold=True))
        api.plan(path, *(Answer(200, metadata("openai", each) | {"data": {}}) for each in "12"))
        async with client_for(api, tmp_path) as client:
            watch = MetadataWatch(client, clock, on_change=lambda _: None)
            port = KubernetesAdapter(client, watch, clock)
            read = port.read_secret if plural == "secrets" else port.read_config_map
            following = asyncio.create_task(watch.run())
            try:
                await asyncio.wait_for(watch.synced.wait(), 60)
                first = [each for _ in range(2) for each in await asyncio.gather(*(read("search", "openai") for _ in range(5)))]
                assert {each.version.resource_version for each in map(_data, first)} == {"1"}
                assert len(api.of(path)) == 1
                changed.set()
                ref = ObjectRef(SourceKind.SECRET if plural == "secrets" else SourceKind.CONFIG_MAP, "search", "openai")
                await holding(lambda: port.version_of(ref) == version("2"))
                assert _data(await read("search", "openai")).version == version("2")
                assert len(api.of(path)) == 2
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)


def _data(outcome: Outcome | ConfigMapData) -> SecretData | ConfigMapData:
    assert isinstance(outcome, SecretData | ConfigMapData), outcome
    return outcome
