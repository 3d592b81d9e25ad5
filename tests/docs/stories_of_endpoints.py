"""Stories about the endpoint itself: whose it is, what differs, its model, its end."""

from __future__ import annotations

from typing import Any

from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.docs.story import REFUSED, UNDER_WAY, Goes, Story, edit, shown
from tests.docs.stories_of_references import PLAIN
from tests.machine.world import World, openai
from tests.standin import Role, Security, User

ELSER: dict[str, Any] = {
    "taskType": "sparse_embedding",
    "service": "elasticsearch",
    "serviceSettings": {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 3},
}
LARGE = openai(model_id="text-embedding-3-large")["serviceSettings"]
SLOWER = openai(rate_limit={"requests_per_minute": 7})["serviceSettings"]
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


AVAILABLE = shown("Ready=True", "ReferencesResolved=True", "Synced=True")
STORIES = (
    Story(title="all is as written", reason=Reason.AVAILABLE, shown=AVAILABLE, event=None, goes=Goes.STAYS),
    Story(
        title="a model serves",
        reason=Reason.AVAILABLE,
        shown=AVAILABLE | {"ModelReady=True"},
        event=None,
        goes=Goes.STAYS,
        spec=ELSER,
    ),
    Story(
        title="a probe gets an answer",
        reason=Reason.AVAILABLE,
        shown=AVAILABLE | {"Probed=True"},
        event=None,
        goes=Goes.STAYS,
        spec={"probe": {"enabled": True}},
    ),
    Story(
        title="all is well again",
        reason=Reason.AVAILABLE,
        shown=AVAILABLE,
        event="Normal",
        goes=Goes.STAYS,
        after=lose_and_find,
    ),
    Story(
        title="another cluster behind the same address",
        reason=Reason.CREATING,
        shown=shown(),
        goes=Goes.STAYS,
        after=move_cluster,
    ),
    Story(
        title="an endpoint that is used is to be deleted",
        reason=Reason.DELETING,
        shown=shown("Ready=False", "Reconciling=True"),
        event=None,
        goes=Goes.RETRIED,
        after=delete_while_used,
        cure=ask("DELETE", "/i1"),
        end=None,
    ),
    Story(
        title="an endpoint that is used and not as written is to be deleted",
        reason=Reason.DELETING,
        shown=shown("Ready=False", "Reconciling=True"),
        goes=Goes.RETRIED,
        after=delete_while_used_and_unlike,
        cure=ask("DELETE", "/i1"),
        end=None,
    ),
    Story(
        title="an index uses the endpoint",
        reason=Reason.IN_USE,
        shown=shown("DeletionBlocked=True"),
        goes=Goes.RETRIED,
        after=delete_while_used,
        cure=ask("DELETE", "/i1"),
        end=None,
    ),
    Story(
        title="an index uses the endpoint, and force",
        reason=Reason.IN_USE,
        shown=shown("DeletionBlocked=True"),
        goes=Goes.EDITED,
        after=delete_while_used,
        cure=edit(forceDelete=True),
        end=None,
    ),
    Story(
        title="allocations of a model that take their time",
        reason=Reason.MODEL_DEPLOYING,
        shown=shown("Ready=False", "ModelReady=False", "Reconciling=True"),
        event=None,
        goes=Goes.RETRIED,
        spec=ELSER,
        after=scale_up_slowly,
        cure=lambda world, key: world.standin.change_pace(deployment=0.0),
    ),
    Story(
        title="a model that had failed, on its way",
        reason=Reason.MODEL_DEPLOYING,
        shown=shown("Ready=False", "ModelReady=False", "Reconciling=True"),
        goes=Goes.RETRIED,
        spec=ELSER,
        after=heal_and_scale_up_slowly,
        cure=lambda world, key: world.standin.change_pace(deployment=0.0),
    ),
    Story(
        title="a model failed",
        reason=Reason.MODEL_FAILED,
        shown=shown("Ready=False", "ModelReady=False", "Stalled=True"),
        goes=Goes.RETRIED,
        spec=ELSER,
        after=fail_model,
        cure=heal_model,
    ),
    Story(
        title="nothing to observe",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=UNDER_WAY,
        goes=Goes.COMPARED,
        spec={"managementPolicy": "Observe"},
        cure=theirs(),
        end=("True", "Observed"),
    ),
    Story(
        title="somebody else's endpoint, which goes",
        reason=Reason.ALREADY_EXISTS,
        shown=REFUSED,
        goes=Goes.COMPARED,
        before=theirs(),
        cure=ask("DELETE", "/_inference/a"),
    ),
    Story(
        title="somebody else's endpoint, which is taken over",
        reason=Reason.ALREADY_EXISTS,
        shown=REFUSED,
        goes=Goes.EDITED,
        spec={"adoptionPolicy": "Never"},
        before=theirs("text-embedding-3-small"),
        cure=edit(adoptionPolicy="Always"),
    ),
    Story(
        title="two objects with one id",
        reason=Reason.ID_CONFLICT,
        shown=REFUSED,
        goes=Goes.AT_ONCE,
        before=rival,
        cure=delete_rival,
    ),
    Story(
        title="a change that can't be made in place",
        reason=Reason.REPLACE_REQUIRED,
        shown=REFUSED,
        goes=Goes.EDITED,
        after=edit(serviceSettings=LARGE),
        cure=edit(serviceSettings=PLAIN),
    ),
    Story(
        title="a change that can't be made in place, and a replacement",
        reason=Reason.REPLACE_REQUIRED,
        shown=REFUSED,
        goes=Goes.EDITED,
        after=edit(serviceSettings=LARGE),
        cure=edit(replacePolicy="Always"),
    ),
    Story(
        title="an index in the way of a replacement",
        reason=Reason.REPLACE_BLOCKED,
        shown=UNDER_WAY,
        goes=Goes.RETRIED,
        spec={"replacePolicy": "WhenUnused"},
        after=replace_while_used,
        cure=ask("DELETE", "/i1"),
    ),
    Story(
        title="an update that was answered with 200 and changed nothing",
        reason=Reason.UPDATE_IGNORED,
        shown=REFUSED,
        goes=Goes.EDITED,
        before=lambda world: world.put_connection(username="operator", password="right"),
        after=edit(serviceSettings=SLOWER),
        cure=edit(serviceSettings=PLAIN),
        standin={"security": UNVERSIONED, "version": "9.2.0"},
    ),
    Story(
        title="drift that is to be detected only",
        reason=Reason.DRIFTED,
        shown=REFUSED | {"Drifted=True"},
        goes=Goes.EDITED,
        spec={"driftPolicy": "Detect", "serviceSettings": SLOWER},
        after=drift,
        cure=edit(driftPolicy="Correct"),
    ),
    Story(
        title="drift that is taken back",
        reason=Reason.DRIFTED,
        shown=REFUSED | {"Drifted=True"},
        goes=Goes.COMPARED,
        spec={"driftPolicy": "Detect", "serviceSettings": SLOWER},
        after=drift,
        cure=limit(7),
    ),
    Story(
        title="suspended before it was made",
        reason=Reason.SUSPENDED,
        shown=shown("Ready=Unknown", "Synced=Unknown", "Suspended=True"),
        event="Normal",
        goes=Goes.EDITED,
        spec={"suspend": True},
        cure=edit(suspend=False),
    ),
    Story(
        title="suspended and unchanged",
        reason=Reason.SUSPENDED,
        shown=shown("Suspended=True"),
        event=None,
        goes=Goes.EDITED,
        after=edit(suspend=True),
        cure=edit(suspend=False),
    ),
    Story(
        title="somebody else's endpoint is watched",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=True"),
        event=None,
        goes=Goes.STAYS,
        spec={"managementPolicy": "Observe"},
        before=theirs("text-embedding-3-small"),
    ),
    Story(
        title="an endpoint to watch comes later",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=True"),
        event="Normal",
        goes=Goes.STAYS,
        spec={"managementPolicy": "Observe"},
        after=make_theirs_later,
    ),
    Story(
        title="somebody else's endpoint is watched, and differs",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=False", "Drifted=True"),
        event=None,
        goes=Goes.STAYS,
        spec={"managementPolicy": "Observe"},
        before=theirs(),
    ),
)
