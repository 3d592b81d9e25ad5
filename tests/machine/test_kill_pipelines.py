"""kill -9 between any two requests, and answers that get lost: every k of a pipeline's create, adopt, update and delete.

A pipeline is never deleted to be made anew: whatever differs, the whole of it is written by one PUT, which is the update.

Whatever happens at the k-th request, the next run converges: nothing orphaned, nothing doubled, nothing foreign touched, and
once it rests, a further round writes nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.shell.ports import ObjectKey
from tests.machine.kill_walk import Story, walk, walks
from tests.machine.tripwire import Fate
from tests.machine.world import World

READY = ("True", "Available")
A = ObjectKey("ingestpipelines", "search", "a")
SEEN: list[Any] = [{"set": {"field": "seen", "value": True}}]
UNSEEN: list[Any] = [{"set": {"field": "seen", "value": False}}]
TRIALS: list[Any] = [{"name": "t", "documents": [{"_source": {"text": "shoe"}}], "expect": [{"_source": {"text": "shoe"}}]}]
ASKING: list[Any] = [{"inference": {"model_id": "e", "input_output": [{"input_field": "text", "output_field": "vector"}]}}]


def stored(world: World) -> dict[str, Any]:
    return {name: dict(pipeline.body) for name, pipeline in world.standin.state.pipelines.items()}


def owner(world: World) -> str | None:
    """The uid in the mark."""
    mark = (stored(world)["a"].get("_meta") or {}).get(OWNER_KEY)
    return mark["uid"] if mark else None


def uid(world: World, key: ObjectKey) -> str:
    body = world.kubernetes.store.get(key)
    assert body is not None
    return str(body["metadata"]["uid"])


# --- what is there, and what is done ----------------------------------------------------------------------------------


async def nothing(world: World, adoption: str) -> ObjectKey:
    """A stranger's pipeline that is nobody's business."""
    assert (await world.ask("PUT", "/_ingest/pipeline/theirs", {"processors": []})).status_code == 200
    return A


async def foreign_twin(world: World, adoption: str) -> ObjectKey:
    assert (await world.ask("PUT", "/_ingest/pipeline/a", {"processors": SEEN})).status_code == 200
    return await nothing(world, adoption)


async def foreign_other(world: World, adoption: str) -> ObjectKey:
    assert (await world.ask("PUT", "/_ingest/pipeline/a", {"processors": UNSEEN})).status_code == 200
    return await nothing(world, adoption)


async def create(world: World, adoption: str) -> ObjectKey:
    return world.apply_pipeline("a", {"adoptionPolicy": adoption, "processors": SEEN})


async def meet(world: World, adoption: str) -> ObjectKey:
    """The same where somebody else's is there already."""
    return await create(world, adoption)


async def create_tested(world: World, adoption: str) -> ObjectKey:
    return world.apply_pipeline("a", {"adoptionPolicy": adoption, "processors": SEEN, "tests": TRIALS})


async def create_with_endpoint(world: World, adoption: str) -> ObjectKey:
    """The pipeline comes first and waits for the endpoint."""
    world.put_key()
    world.apply_pipeline("a", {"adoptionPolicy": adoption, "processors": ASKING})
    world.apply("e", {"adoptionPolicy": adoption})
    return A


async def created(world: World, adoption: str) -> ObjectKey:
    await nothing(world, adoption)
    return await create(world, adoption)


async def created_with_endpoint(world: World, adoption: str) -> ObjectKey:
    await nothing(world, adoption)
    await create_with_endpoint(world, adoption)
    await world.resync()
    return A


async def with_an_heir(world: World, adoption: str) -> ObjectKey:
    await created(world, adoption)
    await world.rest()
    heir = {"pipelineId": "a", "processors": SEEN, "adoptionPolicy": "IfIdentical"}
    return world.apply_pipeline("b", heir)


async def without_its_mark(world: World, adoption: str) -> ObjectKey:
    await created(world, adoption)
    await world.rest()
    assert (await world.ask("PUT", "/_ingest/pipeline/a", {"processors": SEEN})).status_code == 200
    return A


async def update(world: World, adoption: str) -> ObjectKey:
    world.kubernetes.edit_spec(A, {"processors": UNSEEN})
    return A


async def look_around(world: World, adoption: str) -> ObjectKey:
    """A round begins."""
    await world.resync()
    return A


async def delete(world: World, adoption: str) -> ObjectKey:
    world.kubernetes.delete(A)
    return A


async def delete_both(world: World, adoption: str) -> ObjectKey:
    """The endpoint first, which has to wait."""
    world.kubernetes.delete(ObjectKey("inferenceendpoints", "search", "e"))
    return await delete(world, adoption)


async def used(world: World, adoption: str) -> ObjectKey:
    """A template names it, so that indices to come will use it."""
    await created(world, adoption)
    await world.rest()
    template = {"index_patterns": ["i*"], "template": {"settings": {"index.default_pipeline": "a"}}}
    assert (await world.ask("PUT", "/_index_template/t", template)).status_code == 200
    return A


async def blocked(world: World, adoption: str) -> ObjectKey:
    await used(world, adoption)
    await delete(world, adoption)
    await world.rest()
    assert world.condition(A, "DeletionBlocked") == ("True", "InUse")
    return A


async def unuse(world: World, adoption: str) -> ObjectKey:
    """What used it goes, which the operator finds out by itself."""
    assert (await world.ask("DELETE", "/_index_template/t")).status_code == 200
    await world.clock.advance(60)
    return A


# --- what must come of it ---------------------------------------------------------------------------------------------


def is_ours(world: World, key: ObjectKey, processors: list[Any]) -> None:
    assert world.condition(key) == READY, world.message(key)
    found = stored(world)
    assert found.keys() == {"a", "theirs"}
    assert found["theirs"] == {"processors": []}
    assert found["a"]["processors"] == processors
    assert owner(world) == uid(world, key)


def is_made(world: World, key: ObjectKey, adoption: str) -> None:
    is_ours(world, key, SEEN)


def is_updated(world: World, key: ObjectKey, adoption: str) -> None:
    is_ours(world, key, UNSEEN)


def is_made_with_endpoint(world: World, key: ObjectKey, adoption: str) -> None:
    is_ours(world, key, ASKING)
    assert world.condition(ObjectKey("inferenceendpoints", "search", "e")) == READY
    assert "e" in world.standin.endpoints


def is_adopted_or_left(world: World, key: ObjectKey, adoption: str) -> None:
    if adoption == "Never":
        is_left(world, key)
        assert stored(world)["a"] == {"processors": SEEN}
    else:
        is_ours(world, key, SEEN)


def is_taken_over_or_left(world: World, key: ObjectKey, adoption: str) -> None:
    if adoption == "Always":
        is_ours(world, key, SEEN)
    else:
        is_left(world, key)
        assert stored(world)["a"] == {"processors": UNSEEN}


def is_left(world: World, key: ObjectKey) -> None:
    assert world.condition(key) == ("False", "AlreadyExists")
    body = world.kubernetes.store.get(key)
    assert body is not None
    assert not body["metadata"].get("finalizers")
    assert "annotations" not in body["metadata"]


def is_gone(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.is_gone(key)
    assert stored(world).keys() == {"theirs"}
    assert not [name for name in world.standin.endpoints if not name.startswith(".")]


def is_blocked(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.condition(key, "DeletionBlocked") == ("True", "InUse")
    assert "a" in stored(world)


def is_handed_over(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.is_gone(key)
    is_ours(world, ObjectKey("ingestpipelines", "search", "b"), SEEN)
    assert not world.standin.log.matching("DELETE", "/_ingest/pipeline/a"), "it never went away"


STORIES = (
    Story("create", nothing, create, is_made),
    Story("create with tests", nothing, create_tested, is_made, long=True),
    Story("create with its endpoint", nothing, create_with_endpoint, is_made_with_endpoint, news=True, long=True),
    Story("create where a stranger's twin is", foreign_twin, meet, is_adopted_or_left),
    Story("create where a stranger's other one is", foreign_other, meet, is_taken_over_or_left),
    Story("update", created, update, is_updated),
    Story("put the mark back", without_its_mark, look_around, is_made),
    Story("delete", created, delete, is_gone),
    Story("delete what a template names", used, delete, is_blocked, within=2.0, full=True),
    Story("delete once it is used no more", blocked, unuse, is_gone, long=True),
    Story("delete with its endpoint", created_with_endpoint, delete_both, is_gone, long=True),
    Story("hand over", with_an_heir, delete, is_handed_over, long=True),
)


@pytest.mark.parametrize(("story", "adoption", "fate"), list(walks(STORIES, {meet})))
async def test_whatever_happens_at_any_request_the_next_run_converges(story: Story, adoption: str, fate: Fate) -> None:
    await walk(story, adoption, fate)
