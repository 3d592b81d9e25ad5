"""Every state that objects get into while the stories about reasons are carried out, as the API server would have stored it.

Decides what a state is called and which of the bodies stands for it. The stories are those that hold `docs/reasons.md` and the
guides to their word, so a reason without a story fails there; `PAUSED` adds what a suspension may fall into.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, TypeAlias

from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.docs.deeds import ELSER, drift, fail_model
from tests.docs.story import Cure, Goes, Story, done, edit, nothing, shown
from tests.docs.test_reasons_reached import STORIES, told
from tests.machine.world import World

Body: TypeAlias = dict[str, Any]

_BESIDE = ("Suspended", "Drifted")
_NOWHERE: list[Any] = [{"inference": {"model_id": "e", "input_output": {"input_field": "t", "output_field": "v"}}}]


def suspended_after(deed: Cure = nothing) -> Cure:
    """The deed, what the operator makes of it, and then a suspension."""

    async def act(world: World, key: ObjectKey) -> None:
        await done(deed(world, key))
        await world.rest()
        await done(edit(suspend=True)(world, key))

    return act


def paused(title: str, spec: dict[str, Any], deed: Cure = nothing, *, pipeline: bool = False) -> Story:
    return Story(
        title=title,
        reason=Reason.SUSPENDED,
        shown=shown("Suspended=True"),
        goes=Goes.EDITED,
        spec=spec,
        after=suspended_after(deed),
        cure=edit(suspend=False),
        pipeline=pipeline,
    )


PAUSED = (
    paused("suspended while it waits for its cluster", {"elasticsearchRef": {"secretName": "later"}}),
    paused("suspended with a model that failed", ELSER, fail_model),
    paused("suspended after others changed it", {"driftPolicy": "Detect"}, drift),
    paused("suspended with settings that were refused", {"service": "opanai"}),
    paused("a pipeline suspended while it waits for its endpoint", {"processors": _NOWHERE}, pipeline=True),
)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A body as it was stored, and by which story."""

    story: str
    body: Body

    @property
    def kind(self) -> str:
        kind: str = self.body["kind"]
        return kind

    @property
    def conditions(self) -> dict[str, dict[str, str]]:
        """By their types."""
        return {condition["type"]: condition for condition in self.body["status"].get("conditions", ())}

    @property
    def state(self) -> str:
        """Its name: what a person would tell apart. Good as a file name."""
        metadata, conditions = self.body["metadata"], self.conditions
        ready = conditions.get("Ready")
        if "deletionTimestamp" in metadata:
            return "Deleted_DeletionBlocked" if "DeletionBlocked" in conditions else "Deleted"
        if ready is None:
            return "New"
        if self.body["status"]["observedGeneration"] != metadata["generation"]:
            return "Edited"
        beside = [name for name in _BESIDE if name in conditions and name != ready["reason"]]
        return "_".join([ready["status"], ready["reason"], *beside])


@functools.cache
def recorded() -> tuple[Recorded, ...]:
    """All that was ever stored while all stories were told and brought to their end."""
    return tuple(asyncio.run(_tell_all()))


def states(kind: str) -> dict[str, Recorded]:
    """By name, the first body of each state of a kind."""
    found: dict[str, Recorded] = {}
    for each in recorded():
        if each.kind == kind:
            found.setdefault(each.state, each)
    return dict(sorted(found.items()))


async def _tell_all() -> list[Recorded]:
    return [each for story in (*STORIES, *PAUSED) for each in await _tell(story)]


async def _tell(story: Story) -> list[Recorded]:
    stored: list[Recorded] = []
    async with World(**story.standin) as world:
        world.kubernetes.subscribe(lambda event, body: stored.extend(_there(story, event, body)))
        key = await told(world, story)
        await done(story.cure(world, key))
        await world.rest()
        await _delete(world, key)
    return stored


def _there(story: Story, event: str | None, body: Body) -> Iterator[Recorded]:
    if event != "DELETED":
        yield Recorded(str(story), deepcopy(body))


async def _delete(world: World, key: ObjectKey) -> None:
    if not world.is_gone(key):
        world.kubernetes.delete(key)
        await world.rest()
