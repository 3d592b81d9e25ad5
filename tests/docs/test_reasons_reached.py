"""Every reason comes about: with its conditions and its event, it stays while its cause does, and goes as the page says."""

from __future__ import annotations

import pytest

from inference_operator.api.meta import RECONCILE_ANNOTATION
from inference_operator.shell.ports import ObjectKey
from tests.docs import (
    stories_of_answers,
    stories_of_changes,
    stories_of_endpoints,
    stories_of_pipelines,
    stories_of_references,
    stories_told_of_pipelines,
)
from tests.docs.story import Goes, Story, done
from tests.fake_kubernetes import Verb
from tests.machine.world import CANARY, World

STORIES = (
    *stories_of_references.STORIES,
    *stories_of_answers.STORIES,
    *stories_of_endpoints.STORIES,
    *stories_of_changes.STORIES,
    *stories_of_pipelines.STORIES,
    *stories_told_of_pipelines.STORIES,
)
LONGEST = 1500.0
"""Seconds: more than two comparisons are apart."""


@pytest.mark.parametrize("story", STORIES, ids=str)
async def test_a_reason_comes_about_stays_and_goes(story: Story) -> None:
    async with World(**story.standin) as world:
        key = await told(world, story)
        assert carried(world, key, story) == story.shown
        assert told_by_event(world, key, story)
        await next_comparison(world)
        assert carried(world, key, story) == story.shown, "it stays while its cause does"
        if story.goes is not Goes.STAYS:
            assert await way_out(world, key, story) is story.goes
        assert CANARY not in str(world.kubernetes.store.get(key))
        assert CANARY not in str(world.kubernetes.events)


@pytest.mark.parametrize("story", [story for story in STORIES if story.goes is Goes.COMPARED], ids=str)
async def test_what_waits_for_the_next_comparison_goes_at_once_when_asked(story: Story) -> None:
    async with World(**story.standin) as world:
        key = await told(world, story)
        await done(story.cure(world, key))
        world.kubernetes.annotate(key, {RECONCILE_ANNOTATION: "now"})
        await world.clock.settle()
        assert ended(world, key, story)
        body = world.kubernetes.store.get(key)
        assert body is not None
        assert body["status"]["lastHandledReconcileAt"] == "now"


async def told(world: World, story: Story) -> ObjectKey:
    """Let it come about."""
    world.put_key()
    world.kubernetes.put_secret(story.namespace, "openai", {"api-key": CANARY})
    await done(story.before(world))
    await world.start()
    apply = world.apply_pipeline if story.pipeline else world.apply
    key = apply("a", story.spec, namespace=story.namespace)
    await world.rest()
    await done(story.after(world, key))
    await world.rest()
    return key


def carried(world: World, key: ObjectKey, story: Story) -> frozenset[str]:
    """The conditions that carry the reason."""
    return frozenset(f"{c.type}={c.status}" for c in world.conditions(key) if c.reason == story.reason)


def told_by_event(world: World, key: ObjectKey, story: Story) -> bool:
    events = [event.type.value for event in world.kubernetes.events if event.key == key and event.reason == story.reason]
    return events == ([] if story.event is None else [story.event])


async def next_comparison(world: World) -> None:
    """Let time pass until the cluster was compared as a whole."""
    before = comparisons(world)
    while comparisons(world) == before:
        await pass_time(world)
    await world.clock.settle()


def comparisons(world: World) -> int:
    """The operator lists its objects once for each."""
    return world.kubernetes.counts[Verb.LIST]


async def pass_time(world: World) -> None:
    wait = world.clock.next_call
    assert wait is not None, "something is always due: the next comparison"
    await world.clock.advance(wait)


async def way_out(world: World, key: ObjectKey, story: Story) -> Goes:
    """Take the cause away; return what brought the end about."""
    generation, before = generation_of(world, key), comparisons(world)
    await done(story.cure(world, key))
    edited = generation_of(world, key) != generation
    await world.clock.settle()
    if ended(world, key, story):
        return Goes.EDITED if edited else Goes.AT_ONCE
    until = world.clock.monotonic() + LONGEST
    while not ended(world, key, story):
        assert world.clock.monotonic() < until, f"it does not end: {world.conditions(key)}"
        await pass_time(world)
    return Goes.RETRIED if comparisons(world) == before else Goes.COMPARED


def ended(world: World, key: ObjectKey, story: Story) -> bool:
    if story.end is None or world.is_gone(key):
        return story.end is None and world.is_gone(key)
    return world.condition(key) == story.end and not carried(world, key, story)


def generation_of(world: World, key: ObjectKey) -> int:
    body = world.kubernetes.store.get(key)
    return 0 if body is None else int(body["metadata"]["generation"])
