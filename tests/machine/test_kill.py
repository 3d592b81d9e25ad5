"""kill -9 between any two requests, and answers that get lost: every k of an endpoint's create, adopt, update, replace, delete.

Whatever happens at the k-th request, the next run converges: nothing orphaned, nothing doubled, nothing foreign touched, and
once it rests, a further round writes nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.kill_walk import Story, walk, walks
from tests.machine.tripwire import Fate
from tests.machine.world import World, openai

ELSER = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 1}


def stored(world: World) -> dict[str, Any]:
    return {i: endpoint for i, endpoint in world.standin.endpoints.items() if not i.startswith(".")}


def creates(world: World) -> int:
    puts = world.standin.log.matching("PUT", "/_inference/*")
    return sum(not e.path.endswith("/_update") and e.status == 200 for e in puts)


async def put_foreign(world: World, **settings: Any) -> None:
    """Somebody else makes an endpoint with the id that the object wants."""
    body = {"service": "openai", "service_settings": {"model_id": "text-embedding-3-small", "api_key": "theirs"} | settings}
    answer = await world.ask("PUT", "/_inference/text_embedding/a", body)
    assert answer.status_code == 200, answer.text


async def nothing(world: World, adoption: str) -> ObjectKey:
    world.put_key()
    return ObjectKey("inferenceendpoints", "search", "a")


async def foreign_twin(world: World, adoption: str) -> ObjectKey:
    await put_foreign(world)
    return await nothing(world, adoption)


async def foreign_other(world: World, adoption: str) -> ObjectKey:
    await put_foreign(world, model_id="text-embedding-3-large")
    return await nothing(world, adoption)


async def created(world: World, adoption: str) -> ObjectKey:
    await nothing(world, adoption)
    return world.apply("a", {"adoptionPolicy": adoption})


async def create(world: World, adoption: str) -> ObjectKey:
    return world.apply("a", {"adoptionPolicy": adoption})


async def meet(world: World, adoption: str) -> ObjectKey:
    """The same where somebody else's is there already."""
    return await create(world, adoption)


async def update(world: World, adoption: str) -> ObjectKey:
    key = ObjectKey("inferenceendpoints", "search", "a")
    world.kubernetes.edit_spec(key, {"serviceSettings": openai(rate_limit={"requests_per_minute": 77})["serviceSettings"]})
    return key


async def rotate(world: World, adoption: str) -> ObjectKey:
    world.put_key("rotated")
    return ObjectKey("inferenceendpoints", "search", "a")


async def replace(world: World, adoption: str) -> ObjectKey:
    key = ObjectKey("inferenceendpoints", "search", "a")
    settings = openai(model_id="text-embedding-3-large")["serviceSettings"]
    world.kubernetes.edit_spec(key, {"serviceSettings": settings, "replacePolicy": "WhenUnused"})
    return key


async def used(world: World, adoption: str) -> ObjectKey:
    """An index uses the endpoint; it holds no vectors yet, so any model will do."""
    key = await created(world, adoption)
    await world.rest()
    mapping = {"mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": "a"}}}}
    assert (await world.ask("PUT", "/i1", mapping)).status_code == 200
    return key


async def replace_used(world: World, adoption: str) -> ObjectKey:
    key = ObjectKey("inferenceendpoints", "search", "a")
    settings = openai(model_id="text-embedding-3-large")["serviceSettings"]
    world.kubernetes.edit_spec(key, {"serviceSettings": settings, "replacePolicy": "Always"})
    return key


async def model(world: World, adoption: str) -> ObjectKey:
    spec = {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": ELSER, "adoptionPolicy": adoption}
    return world.apply("a", spec)


async def replace_model(world: World, adoption: str) -> ObjectKey:
    key = ObjectKey("inferenceendpoints", "search", "a")
    world.kubernetes.edit_spec(key, {"serviceSettings": ELSER | {"num_threads": 2}, "replacePolicy": "WhenUnused"})
    return key


async def delete(world: World, adoption: str) -> ObjectKey:
    key = ObjectKey("inferenceendpoints", "search", "a")
    world.kubernetes.delete(key)
    return key


async def blocked(world: World, adoption: str) -> ObjectKey:
    await used(world, adoption)
    key = await delete(world, adoption)
    await world.rest()
    assert world.condition(key, "DeletionBlocked") == ("True", "InUse")
    return key


async def unuse(world: World, adoption: str) -> ObjectKey:
    """What used it goes, which the operator finds out by itself."""
    assert (await world.ask("DELETE", "/i1")).status_code == 200
    await world.clock.advance(60)
    return ObjectKey("inferenceendpoints", "search", "a")


def is_made(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.condition(key) == ("True", "Available"), world.message(key)
    assert creates(world) == 1
    assert list(stored(world)) == ["a"]


def is_adopted_or_left(world: World, key: ObjectKey, adoption: str) -> None:
    assert creates(world) == 1, "only the stranger's own create"
    if adoption == "Never":
        assert world.condition(key) == ("False", "AlreadyExists")
        assert stored(world)["a"].secrets == {"api_key": "theirs"}
        assert not world.found(key).metadata.finalizers
    else:
        assert world.condition(key) == ("True", "Available"), world.message(key)
        assert stored(world)["a"].secrets == {"api_key": "canary-5f3a9-secret"}


def is_left_or_reported(world: World, key: ObjectKey, adoption: str) -> None:
    assert stored(world)["a"].service_settings["model_id"] == "text-embedding-3-large"
    if adoption == "Always":
        assert world.condition(key) == ("False", "ReplaceRequired")
    else:
        assert world.condition(key) == ("False", "AlreadyExists")
        assert stored(world)["a"].secrets == {"api_key": "theirs"}


def is_updated(world: World, key: ObjectKey, adoption: str) -> None:
    is_made(world, key, adoption)
    assert stored(world)["a"].service_settings["rate_limit"] == {"requests_per_minute": 77}


def is_rotated(world: World, key: ObjectKey, adoption: str) -> None:
    is_made(world, key, adoption)
    assert stored(world)["a"].secrets == {"api_key": "rotated"}


def is_replaced(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.condition(key) == ("True", "Available"), world.message(key)
    assert stored(world)["a"].service_settings["model_id"] == "text-embedding-3-large"
    assert creates(world) == 2


def is_model_replaced(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.condition(key) == ("True", "Available"), world.message(key)
    assert stored(world)["a"].service_settings["num_threads"] == 2
    assert {name: d.threads for name, d in world.standin.state.deployments.items()} == {"a": 2}
    assert creates(world) == 2


def is_blocked(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.condition(key, "DeletionBlocked") == ("True", "InUse")
    assert list(stored(world)) == ["a"]


def is_gone(world: World, key: ObjectKey, adoption: str) -> None:
    assert world.is_gone(key)
    assert not stored(world)


STORIES = (
    Story("create", nothing, create, is_made),
    Story("create where a stranger's twin is", foreign_twin, meet, is_adopted_or_left),
    Story("create where a stranger's other one is", foreign_other, meet, is_left_or_reported),
    Story("update", created, update, is_updated),
    Story("rotate", created, rotate, is_rotated),
    Story("replace", created, replace, is_replaced),
    Story("replace what an index uses", used, replace_used, is_replaced),
    Story("replace an in-cluster model", model, replace_model, is_model_replaced),
    Story("delete", created, delete, is_gone),
    Story("delete what an index uses", used, delete, is_blocked, within=2.0, full=True),
    Story("delete once it is used no more", blocked, unuse, is_gone, long=True),
)


@pytest.mark.parametrize(("story", "adoption", "fate"), list(walks(STORIES, {meet})))
async def test_whatever_happens_at_any_request_the_next_run_converges(story: Story, adoption: str, fate: Fate) -> None:
    await walk(story, adoption, fate)
