"""What happens to objects of every kind, told of pipelines: the stories of endpoints that fit as they are, and their like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from inference_operator.core.pipeline.stamp import META, OWNER_KEY, Stamp
from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.docs import stories_of_answers, stories_of_changes, stories_of_endpoints, stories_of_references
from tests.docs.deeds import ask, delete_rival
from tests.docs.story import REFUSED, UNDER_WAY, Goes, Story, edit, shown
from tests.machine.world import World

PATH = "/_ingest/pipeline/a"
SEEN: list[Any] = [{"set": {"field": "seen", "value": True}}]
OTHERS: list[Any] = [{"set": {"field": "seen", "value": False}}]
ABROAD = Stamp("another-cluster", "shop", "a", "uid-abroad")
FITTING = (
    "a cluster that can't be reached",
    "a proxy's error page",
    "a password that is wrong in the connection Secret",
    "a password that is set in Elasticsearch later",
    "a user without manage_inference",
    "a cluster that asks for fewer requests",
    "a cluster that fails",
    "a connection Secret that does not exist",
    "a connection Secret that lacks the address",
    "a cluster of ECK that does not exist",
    "a connection Secret of another namespace that does not allow it",
    "a cluster of ECK in another namespace that does not allow it",
    "all is as written",
    "all is well again",
    "another cluster behind the same address",
    "suspended before it was made",
    "suspended and unchanged",
)


def told_of_a_pipeline(title: str) -> Story:
    told = (
        *stories_of_answers.STORIES,
        *stories_of_changes.STORIES,
        *stories_of_endpoints.STORIES,
        *stories_of_references.STORIES,
    )
    (story,) = (one for one in told if one.title == title)
    return replace(story, title=f"{title}, and a pipeline", pipeline=True)


def theirs(processors: list[Any] = OTHERS, **more: Any) -> Any:
    """Somebody else writes the pipeline."""
    return ask("PUT", PATH, {"processors": processors, **more})


def rival(world: World) -> None:
    world.apply_pipeline("older", {"pipelineId": "a"})


async def drift(world: World, key: ObjectKey) -> None:
    await theirs()(world)
    await world.resync()


async def make_theirs_later(world: World, key: ObjectKey) -> None:
    await theirs(SEEN)(world)
    await world.resync()


def delete_while(path: str, body: dict[str, Any]) -> Any:
    async def act(world: World, key: ObjectKey) -> None:
        await ask("PUT", path, body)(world)
        world.kubernetes.delete(key)

    return act


async def delete_drifted_default(world: World, key: ObjectKey) -> None:
    await drift(world, key)
    await world.rest()
    await delete_default(world, key)


delete_default = delete_while("/i1", {"settings": {"index.default_pipeline": "a"}})
delete_called = delete_while("/_ingest/pipeline/caller", {"processors": [{"pipeline": {"name": "a"}}]})
forget_default = ask("PUT", "/i1/_settings", {"index.default_pipeline": "_none"})
GOING = shown("Ready=False", "Reconciling=True")
BLOCKED = shown("DeletionBlocked=True")

STORIES = (
    *(told_of_a_pipeline(title) for title in FITTING),
    Story(
        title="a processor that Elasticsearch does not know",
        reason=Reason.VALIDATION_FAILED,
        shown=REFUSED,
        goes=Goes.EDITED,
        pipeline=True,
        spec={"processors": [{"sett": {"field": "seen", "value": True}}]},
        cure=edit(processors=SEEN),
    ),
    Story(
        title="a pipeline that an old CRD let through",
        reason=Reason.VALIDATION_FAILED,
        shown=shown("Ready=False", "Stalled=True"),
        goes=Goes.EDITED,
        pipeline=True,
        spec={"onFailure": []},
        cure=edit(onFailure=None),
    ),
    Story(
        title="no pipeline to observe",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=UNDER_WAY,
        goes=Goes.RETRIED,
        pipeline=True,
        spec={"managementPolicy": "Observe"},
        cure=theirs(SEEN),
        end=("True", "Observed"),
    ),
    Story(
        title="an endpoint that goes while a pipeline uses it",
        reason=Reason.WAITING_FOR_REFERENCE,
        shown=shown("Ready=False", "ReferencesResolved=False", "Reconciling=True"),
        goes=Goes.AT_ONCE,
        pipeline=True,
        spec={"processors": [{"inference": {"model_id": "e", "input_output": {"input_field": "t", "output_field": "v"}}}]},
        before=lambda world: world.apply("e"),
        after=lambda world, key: world.kubernetes.edit_spec(
            ObjectKey("inferenceendpoints", key.namespace, "e"), {"service": "x"}
        ),
        cure=lambda world, key: world.kubernetes.edit_spec(
            ObjectKey("inferenceendpoints", key.namespace, "e"), {"service": "openai"}
        ),
    ),
    Story(
        title="somebody else's pipeline, which goes",
        reason=Reason.ALREADY_EXISTS,
        shown=REFUSED,
        goes=Goes.COMPARED,
        pipeline=True,
        before=theirs(),
        cure=ask("DELETE", PATH),
    ),
    Story(
        title="somebody else's pipeline, which is taken over",
        reason=Reason.ALREADY_EXISTS,
        shown=REFUSED,
        goes=Goes.EDITED,
        pipeline=True,
        spec={"adoptionPolicy": "Never"},
        before=theirs(SEEN),
        cure=edit(adoptionPolicy="Always"),
    ),
    Story(
        title="two objects with one pipeline",
        reason=Reason.ID_CONFLICT,
        shown=REFUSED,
        goes=Goes.AT_ONCE,
        pipeline=True,
        before=rival,
        cure=delete_rival,
    ),
    Story(
        title="a pipeline with the mark of another Kubernetes cluster, which goes",
        reason=Reason.ID_CONFLICT,
        shown=REFUSED,
        goes=Goes.COMPARED,
        pipeline=True,
        before=theirs(SEEN, **{META: {OWNER_KEY: ABROAD.document}}),
        cure=ask("DELETE", PATH),
    ),
    Story(
        title="a pipeline with the mark of another Kubernetes cluster, which is taken over",
        reason=Reason.ID_CONFLICT,
        shown=REFUSED,
        goes=Goes.EDITED,
        pipeline=True,
        before=theirs(SEEN, **{META: {OWNER_KEY: ABROAD.document}}),
        cure=edit(adoptionPolicy="Always"),
    ),
    Story(
        title="drift of a pipeline that is to be detected only",
        reason=Reason.DRIFTED,
        shown=REFUSED | {"Drifted=True"},
        goes=Goes.EDITED,
        pipeline=True,
        spec={"driftPolicy": "Detect"},
        after=drift,
        cure=edit(driftPolicy="Correct"),
    ),
    Story(
        title="somebody else's pipeline is watched",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=True"),
        event=None,
        goes=Goes.STAYS,
        pipeline=True,
        spec={"managementPolicy": "Observe"},
        before=theirs(SEEN),
    ),
    Story(
        title="a pipeline to watch comes later",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=True"),
        event="Normal",
        goes=Goes.STAYS,
        pipeline=True,
        spec={"managementPolicy": "Observe"},
        after=make_theirs_later,
    ),
    Story(
        title="somebody else's pipeline is watched, and differs",
        reason=Reason.OBSERVED,
        shown=shown("Ready=True", "Synced=False", "Drifted=True"),
        event=None,
        goes=Goes.STAYS,
        pipeline=True,
        spec={"managementPolicy": "Observe"},
        before=theirs(),
    ),
    Story(
        title="the default pipeline of an index is to be deleted",
        reason=Reason.DELETING,
        shown=GOING,
        event=None,
        goes=Goes.RETRIED,
        pipeline=True,
        after=delete_default,
        cure=forget_default,
        end=None,
    ),
    Story(
        title="a default pipeline that is not as written is to be deleted",
        reason=Reason.DELETING,
        shown=GOING,
        goes=Goes.RETRIED,
        pipeline=True,
        spec={"driftPolicy": "Detect"},
        after=delete_drifted_default,
        cure=forget_default,
        end=None,
    ),
    Story(
        title="an index has the pipeline as its default",
        reason=Reason.IN_USE,
        shown=BLOCKED,
        goes=Goes.RETRIED,
        pipeline=True,
        after=delete_default,
        cure=forget_default,
        end=None,
    ),
    Story(
        title="another pipeline calls it, and force",
        reason=Reason.IN_USE,
        shown=BLOCKED,
        goes=Goes.EDITED,
        pipeline=True,
        after=delete_called,
        cure=edit(forceDelete=True),
        end=None,
    ),
)
