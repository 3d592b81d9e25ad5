"""What users do to their objects, and what others do in Elasticsearch: the deeds that stories are made of."""

from __future__ import annotations

import json
from typing import Any

from inference_operator.shell.ports import ObjectKey
from tests.machine.world import World, openai
from tests.standin import Role, Security, User
from tests.standin.faults import Answer, Fault

ELSER: dict[str, Any] = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 3},
}
LARGE = openai(model_id="text-embedding-3-large")["serviceSettings"]
SLOWER = openai(rate_limit={"requests_per_minute": 7})["serviceSettings"]
UNAVAILABLE = Answer(
    503, json.dumps({"error": {"type": "no_shard_available_action_exception", "reason": "no shard"}, "status": 503})
)
UNVERSIONED = Security(users={"operator": User("right", ("narrow",))}, roles={"narrow": Role(("manage_inference",))})
"""The operator's user may not ask for the version, so only the answer to an update can tell what may change."""


def ask(method: str, path: str, body: Any = None) -> Any:
    """What somebody else does in Elasticsearch."""

    async def act(world: World, *_: object) -> None:
        assert (await world.ask(method, path, body)).status_code == 200

    return act


def theirs(model: str = "text-embedding-3-large") -> Any:
    """Somebody else's endpoint under the same id."""
    settings = {"model_id": model, "api_key": "theirs"}
    return ask("PUT", "/_inference/text_embedding/a", {"service": "openai", "service_settings": settings})


def replace_and_fail(world: World, key: ObjectKey) -> None:
    """The check of the new settings passes, then Elasticsearch can't create anything for ever so long."""
    world.standin.faults.add(Fault(method="PUT", path="/_inference/*", skip=1, answer=UNAVAILABLE))
    world.kubernetes.edit_spec(key, {"serviceSettings": LARGE, "replacePolicy": "Always"})


def heal(world: World, key: ObjectKey) -> None:
    world.standin.faults.clear()


def use_in_index() -> Any:
    return ask("PUT", "/i1", {"mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": "a"}}}})


def limit(requests: int) -> Any:
    """Somebody else's change of the rate limit."""
    settings = {"api_key": "theirs", "rate_limit": {"requests_per_minute": requests}}
    return ask("PUT", "/_inference/text_embedding/a/_update", {"service_settings": settings})


async def drift(world: World, key: ObjectKey) -> None:
    await limit(1)(world)
    await world.resync()


def move_cluster(world: World, key: ObjectKey) -> Any:
    world.standin.replace_cluster("kZ2vH8wTRQmXo1s4bN7cYg")
    return world.resync()


def scale_up_slowly(world: World, key: ObjectKey) -> None:
    world.standin.change_pace(deployment=1e9)
    world.kubernetes.edit_spec(key, {"serviceSettings": ELSER["serviceSettings"] | {"num_allocations": 5}})


async def fail_model(world: World, key: ObjectKey) -> None:
    world.standin.fail_deployment("a", "node left the cluster")
    await world.resync()


def heal_model(world: World, key: ObjectKey) -> None:
    world.standin.fail_deployment("a", None)


async def lose_and_find(world: World, key: ObjectKey) -> None:
    world.standin.reachable = False
    await world.resync()
    await world.rest()
    world.standin.reachable = True
    await world.resync()


async def delete_while_used(world: World, key: ObjectKey) -> None:
    await use_in_index()(world)
    world.kubernetes.delete(key)


async def replace_while_used(world: World, key: ObjectKey) -> None:
    await use_in_index()(world)
    world.kubernetes.edit_spec(key, {"serviceSettings": LARGE})


async def delete_while_used_and_unlike(world: World, key: ObjectKey) -> None:
    world.kubernetes.edit_spec(key, {"serviceSettings": LARGE})
    await world.rest()
    await delete_while_used(world, key)


async def heal_and_scale_up_slowly(world: World, key: ObjectKey) -> None:
    await fail_model(world, key)
    await world.rest()
    heal_model(world, key)
    scale_up_slowly(world, key)


async def make_theirs_later(world: World, key: ObjectKey) -> None:
    await theirs("text-embedding-3-small")(world)
    await world.resync()


def rival(world: World) -> None:
    world.put_key()
    world.apply("older", {"inferenceId": "a"})


def delete_rival(world: World, key: ObjectKey) -> None:
    world.kubernetes.delete(ObjectKey(key.plural, key.namespace, "older"))
