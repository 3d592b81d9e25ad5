"""Another Elasticsearch cluster answers at the same address, and nobody heard of it.

What is made there stays ours, and what was there before stays a stranger's. Which cluster it is is read once per round; these
stories happen between two rounds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from inference_operator.kinds.pipeline.kind import PLURAL as PIPELINES
from inference_operator.shell.ports import ObjectKey
from tests.machine.world import RESYNC, World, openai
from tests.standin.faults import Answer, Fault

READY = ("True", "Available")
Make = Callable[[World, str], ObjectKey]


def endpoint(world: World, name: str) -> ObjectKey:
    return world.apply(name, openai() | {"adoptionPolicy": "Never"})


def pipeline(world: World, name: str) -> ObjectKey:
    return world.apply_pipeline(name, {"adoptionPolicy": "Never"})


def model(world: World, name: str) -> ObjectKey:
    """What replaces a model is not tried before, so the first write of a replacement is the delete."""
    settings = {"model_id": ".elser_model_2", "num_allocations": 1, "num_threads": 1}
    runs = {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": settings}
    return world.apply(name, runs | {"adoptionPolicy": "Never", "replacePolicy": "Always"})


def left(world: World) -> set[str]:
    return {*world.standin.state.pipelines, *(name for name in world.standin.endpoints if not name.startswith("."))}


async def replaced(world: World, make: Make) -> ObjectKey:
    """An object is ready, then the cluster is another one, and empty."""
    world.put_key()
    await world.start()
    key = make(world, "first")
    await world.rest(RESYNC / 4)
    assert world.condition(key) == READY
    world.standin.replace_cluster("another-uuid")
    await world.clock.advance(RESYNC / 4)
    return key


async def goes(world: World, key: ObjectKey) -> None:
    await world.resync(2)
    assert world.condition(key) == READY, world.message(key)
    world.kubernetes.delete(key)
    await world.rest()
    assert world.is_gone(key)


@pytest.mark.parametrize("make", [endpoint, pipeline])
async def test_what_is_made_right_after_it_is_kept_up_and_goes_with_its_object(make: Make) -> None:
    async with World() as world:
        await replaced(world, make)
        second = make(world, "second")
        await world.rest(RESYNC / 4)
        assert world.condition(second) == READY, world.message(second)
        await goes(world, second)
        assert left(world) == {"first"}


@pytest.mark.parametrize("make", [endpoint, pipeline])
async def test_what_an_edit_brings_back_right_after_it_is_kept_up_and_goes_with_its_object(make: Make) -> None:
    async with World() as world:
        first = await replaced(world, make)
        edit = openai(rate_limit={"requests_per_minute": 7}) if make is endpoint else {"description": "edited"}
        world.kubernetes.edit_spec(first, edit)
        await world.rest(RESYNC / 4)
        assert world.condition(first) == READY, world.message(first)
        await goes(world, first)
        assert left(world) == set()


# --- what stood there before ------------------------------------------------------------------------------------------


async def put_foreign(world: World, make: Make) -> None:
    """A stranger has the same id in the new cluster."""
    if make is pipeline:
        answer = await world.ask("PUT", "/_ingest/pipeline/first", {"description": "theirs", "processors": []})
    else:
        settings = {"model_id": "text-embedding-3-large", "api_key": "theirs"}
        body = {"service": "openai", "service_settings": settings}
        answer = await world.ask("PUT", "/_inference/text_embedding/first", body)
    assert answer.status_code == 200, answer.text
    world.forget_requests()
    world.audit.clear()


def stored(world: World) -> list[object]:
    return [world.standin.state.pipelines.get("first"), world.standin.endpoints.get("first")]


def edit(world: World, key: ObjectKey) -> None:
    change = {"description": "edited"} if key.plural == PIPELINES else openai(rate_limit={"requests_per_minute": 7})
    world.kubernetes.edit_spec(key, change)


def replace(world: World, key: ObjectKey) -> None:
    world.kubernetes.edit_spec(key, {"replacePolicy": "Always"} | openai(model_id="text-embedding-ada-002"))


def replace_model(world: World, key: ObjectKey) -> None:
    settings = {"model_id": ".elser_model_2", "num_allocations": 1, "num_threads": 2}
    world.kubernetes.edit_spec(key, {"serviceSettings": settings})


def rotate(world: World, key: ObjectKey) -> None:
    world.put_key("rotated")


def delete(world: World, key: ObjectKey) -> None:
    world.kubernetes.delete(key)


def delete_by_force(world: World, key: ObjectKey) -> None:
    world.kubernetes.edit_spec(key, {"forceDelete": True})
    world.kubernetes.delete(key)


DEEDS = [(endpoint, deed) for deed in (edit, replace, rotate, delete, delete_by_force)]
DEEDS += [(model, deed) for deed in (replace_model, delete)]
DEEDS += [(pipeline, deed) for deed in (edit, delete, delete_by_force)]


@pytest.mark.parametrize(("make", "deed"), DEEDS)
async def test_a_stranger_of_the_same_id_is_neither_changed_nor_deleted(make: Make, deed: Callable[..., None]) -> None:
    async with World() as world:
        first = await replaced(world, make)
        await put_foreign(world, make)
        theirs = stored(world)
        deed(world, first)
        await world.rest(RESYNC / 4)
        assert stored(world) == theirs
        assert world.standin.log.writes == []
        assert world.audit == []
        if deed in (delete, delete_by_force):
            assert world.is_gone(first)
        else:
            assert world.condition(first) == ("False", "AlreadyExists"), world.message(first)
        await world.resync(2)
        assert stored(world) == theirs


@pytest.mark.parametrize(("make", "deed"), [(endpoint, edit), (endpoint, delete), (pipeline, edit), (pipeline, delete)])
async def test_nothing_is_written_while_it_can_not_be_told_who_answers(make: Make, deed: Callable[..., None]) -> None:
    async with World() as world:
        first = await replaced(world, make)
        await put_foreign(world, make)
        theirs = stored(world)
        world.standin.faults.add(Fault(method="GET", path="/", times=2, answer=Answer(500, "{}")))
        deed(world, first)
        await world.rest(RESYNC / 4)
        assert stored(world) == theirs
        assert world.standin.log.writes == []


@pytest.mark.parametrize("make", [endpoint, pipeline])
async def test_many_writes_share_one_answer_to_who_is_there(make: Make) -> None:
    async with World() as world:
        world.put_key()
        await world.start()
        keys = [make(world, f"one-{number}") for number in range(20)]
        await world.rest(RESYNC / 4)
        for deed in (edit, delete):
            await world.clock.advance(10)
            world.forget_requests()
            for key in keys:
                deed(world, key)
            await world.clock.settle()
            asked = Counter(entry.method for entry in world.standin.log if entry.path == "/")
            assert asked == {"GET": 1}
            assert len(world.standin.log.writes) == 20
