"""When the operator knows that it knows every object, and which of them go first after a start."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from inference_operator.kubernetes.values import KubernetesFailure
from tests.fake_kubernetes import Moment
from tests.shell.bodies import body, key_of
from tests.shell.house import House

if TYPE_CHECKING:
    from inference_operator.shell.ports import Body

LONG = 3600.0


class Start:
    """`a` and `b` are there, and nothing was heard of yet."""

    def __init__(self) -> None:
        self.house = House()
        self.bodies: dict[str, Body] = {name: self.house.kubernetes.create(body(name)) for name in ("a", "b")}
        self.task = asyncio.create_task(self.house.intake.all_heard())

    async def hears(self, name: str, event: str | None = None) -> None:
        self.house.hear(self.bodies[name], event)
        await self.house.clock.settle()

    @property
    def listings(self) -> int:
        return self.house.kubernetes.reads


@pytest.fixture
async def start() -> Start:
    start = Start()
    await start.house.clock.settle()
    return start


async def test_it_is_complete_with_the_last_that_was_heard_of_and_without_another_listing(start: Start) -> None:
    await start.hears("b")
    assert not start.task.done()
    listed = start.listings
    await start.hears("a")
    assert start.task.done()
    assert start.listings == listed + 1  # of the other kind


async def test_who_was_heard_of_before_is_not_waited_for() -> None:
    house = House()
    house.hear(house.kubernetes.create(body("a")), None)
    await house.intake.all_heard()


async def test_an_object_of_a_namespace_that_is_not_looked_after_is_not_waited_for() -> None:
    house = House(watches=lambda namespace: namespace == "elsewhere")
    house.kubernetes.create(body("a"))
    await house.intake.all_heard()


async def test_an_object_of_a_namespace_that_is_chosen_meanwhile_is_waited_for() -> None:
    chosen: set[str] = set()
    house = House(watches=chosen.__contains__)
    there = house.kubernetes.create(body("a"))
    house.hear(there, None)
    chosen.add(there["metadata"]["namespace"])
    task = asyncio.create_task(house.intake.all_heard())
    await house.clock.settle()
    assert not task.done()
    house.hear(there, None)
    await house.clock.settle()
    assert task.done()


async def test_the_version_that_is_there_is_waited_for(start: Start) -> None:
    await start.hears("a")
    await start.hears("b")
    await start.task
    before = start.house.kubernetes.store.get(key_of("a"))
    start.house.kubernetes.edit_spec(key_of("a"), {"timeout": "7s"})
    again = asyncio.create_task(start.house.intake.all_heard())
    await start.house.clock.settle()
    start.house.hear(before or {}, "MODIFIED")  # an older event that was under way
    await start.house.clock.settle()
    assert not again.done()
    start.house.hear(start.house.kubernetes.store.get(key_of("a")) or {}, "MODIFIED")
    await start.house.clock.settle()
    assert again.done()


async def test_what_vanished_unheard_of_is_forgotten(start: Start) -> None:
    await start.hears("a")
    await start.hears("b")
    await start.task
    start.house.kubernetes.delete(key_of("b"))
    await start.house.intake.all_heard()
    assert list(start.house.store) == [key_of("a")]


async def test_an_object_that_went_is_not_waited_for(start: Start) -> None:
    await start.hears("a")
    await start.hears("b", "DELETED")
    start.house.kubernetes.delete(key_of("b"))
    await start.house.clock.advance(LONG)
    assert start.task.done()


async def test_an_object_that_went_unheard_of_is_not_waited_for_for_ever(start: Start) -> None:
    await start.hears("a")
    start.house.kubernetes.delete(key_of("b"))
    await start.house.clock.settle()
    assert not start.task.done()
    await start.house.clock.advance(LONG)
    assert start.task.done()


async def test_an_api_server_that_refuses_is_asked_again() -> None:
    house = House()
    house.kubernetes.fail_at(1, Moment.BEFORE, KubernetesFailure("list", "busy"))
    task = asyncio.create_task(house.intake.all_heard())
    await house.clock.settle()
    house.hear(house.kubernetes.create(body("a")), None)
    await house.clock.settle()
    assert not task.done()
    assert house.kubernetes.reads == 1
    await house.clock.advance(LONG)
    assert task.done()


class Divided:
    """`a` in `search`, `b` in `team`, and both are known. Each namespace is listed for itself."""

    def __init__(self) -> None:
        self.house = House(namespaces=("search", "team"))
        self.kubernetes = self.house.kubernetes
        self.bodies = [self.kubernetes.create(body(name, namespace=home)) for name, home in (("a", "search"), ("b", "team"))]
        for each in self.bodies:
            self.house.hear(each, None)

    @property
    def known(self) -> set[str]:
        return {key.name for key in self.house.store}


async def test_a_namespace_that_may_not_be_listed_holds_up_no_other_and_is_told_of_once() -> None:
    house = House(namespaces=("search", "team"))
    house.kubernetes.unlistable.add("team")
    house.kubernetes.create(body("b", namespace="team"))
    listed = house.kubernetes.create(body("a"))
    with capture_logs() as logs:
        task = asyncio.create_task(house.intake.all_heard())
        await house.clock.advance(LONG)
        assert not task.done(), "the other namespace is waited for"
        house.hear(listed, None)
        await house.clock.advance(LONG)
        assert task.done()
        await house.intake.all_heard()
        await house.intake.resync()
    assert [line["namespace"] for line in logs if line["log_level"] == "warning"] == ["team"]
    assert any("forbidden in the namespace team" in line.get("message", "") for line in logs)


async def test_a_namespace_that_is_refused_for_a_moment_is_waited_for() -> None:
    house = House(namespaces=("search", "team"))
    house.kubernetes.unlistable.add("team")
    late = house.kubernetes.create(body("b", namespace="team"))
    task = asyncio.create_task(house.intake.all_heard())
    await house.clock.settle()
    house.kubernetes.unlistable.clear()
    await house.clock.advance(LONG)
    assert not task.done()
    house.hear(late, None)
    await house.clock.advance(LONG)
    assert task.done()


async def test_objects_of_a_namespace_that_may_not_be_listed_any_more_are_not_taken_for_gone() -> None:
    divided = Divided()
    divided.kubernetes.unlistable.add("team")
    for key in tuple(divided.kubernetes.store):
        divided.kubernetes.delete(key)
    await divided.house.intake.resync()
    assert divided.known == {"b"}
    divided.kubernetes.unlistable.clear()
    with capture_logs() as logs:
        await divided.house.intake.all_heard()
    assert divided.known == set()
    assert [line["namespace"] for line in logs] == ["team"]


async def test_objects_that_come_with_the_rights_are_waited_for_again() -> None:
    divided = Divided()
    divided.kubernetes.unlistable.add("team")
    await divided.house.intake.resync()
    divided.kubernetes.unlistable.clear()
    late = divided.kubernetes.create(body("late", namespace="team"))
    task = asyncio.create_task(divided.house.intake.all_heard())
    await divided.house.clock.settle()
    assert not task.done()
    divided.house.hear(late, None)
    await divided.house.clock.settle()
    assert task.done()


async def test_without_any_namespace_that_may_be_listed_it_is_not_complete() -> None:
    divided = Divided()
    divided.kubernetes.unlistable |= {"search", "team"}
    task = asyncio.create_task(divided.house.intake.all_heard())
    await divided.house.clock.advance(LONG)
    assert not task.done()
    assert divided.known == {"a", "b"}
    divided.kubernetes.unlistable.remove("team")
    await divided.house.clock.advance(LONG)
    assert task.done()


ORDER: tuple[Any, ...] = (
    pytest.param(None, {"observedGeneration": 1}, {}, "last", id="found at the start as it was left: after edits"),
    pytest.param(None, {"observedGeneration": 1}, {"generation": 2}, "first", id="found at the start, edited meanwhile"),
    pytest.param(None, {}, {}, "first", id="found at the start, never reported on"),
    pytest.param("ADDED", {"observedGeneration": 1}, {}, "first", id="came later"),
)


@pytest.mark.parametrize(("event", "status", "metadata", "place"), ORDER)
async def test_who_goes_first(event: str | None, status: dict[str, Any], metadata: dict[str, Any], place: str) -> None:
    house = House()
    woken: list[str] = []
    free = asyncio.Event()

    async def note(key: Any) -> None:
        woken.append(key.name)
        await free.wait()

    house.operator.queue.open(note)
    for number in range(8):
        house.hear(body(f"busy-{number}"))
    house.hear(body("it", None, status, **metadata), event)
    house.hear(body("edited"))
    free.set()
    await house.clock.settle()
    assert woken[8:] == (["it", "edited"] if place == "first" else ["edited", "it"])
