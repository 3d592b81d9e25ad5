"""Two Kubernetes clusters, one Elasticsearch: whatever their policies are, neither operator fights the other."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY
from inference_operator.shell.ports import ObjectKey
from tests.machine.world import World

READY = ("True", "Available")
LEFT = {("False", "IdConflict"), ("False", "AlreadyExists")}
ADOPTION = ("Never", "IfIdentical", "Always")
POLICIES = list(itertools.product(ADOPTION, ADOPTION))
TOLD = pytest.mark.parametrize("told", [True, False], ids=["clusters told apart", "clusters not told apart"])
SAME = pytest.mark.parametrize(
    "same", [pytest.param(True, marks=pytest.mark.full, id="same body"), pytest.param(False, id="other body")]
)


@asynccontextmanager
async def two_worlds(*, told: bool) -> AsyncIterator[tuple[World, World]]:
    """Both operators run. Where the clusters are not told apart, neither may read the namespace that says which it is."""
    async with World() as one, World(beside=one) as other:
        if not told:
            one.kubernetes.uid = other.kubernetes.uid = None
        await one.start()
        await other.start()
        yield one, other


def apply(world: World, policy: str, text: str) -> ObjectKey:
    """The same manifest in both clusters, but for the text."""
    return world.apply_pipeline("a", {"adoptionPolicy": policy, "description": text})


def owner(world: World) -> str:
    """The uid in the mark."""
    return str(world.standin.state.pipelines["a"].body["_meta"][OWNER_KEY]["uid"])


def uid(world: World, key: ObjectKey) -> str:
    body = world.kubernetes.store.get(key)
    assert body is not None
    return str(body["metadata"]["uid"])


async def assert_peace(worlds: tuple[World, World], key: ObjectKey) -> None:
    """One owns it and is ready, the other has left it and says so; whole rounds cost no write."""
    one = worlds[0]
    await one.resync(2)
    truths = [world.condition(key) for world in worlds]
    assert sorted(truth == READY for truth in truths) == [False, True], truths
    assert {truth for truth in truths if truth is not None and truth != READY} <= LEFT
    winner = worlds[truths.index(READY)]
    assert owner(winner) == uid(winner, key)
    for world in worlds:
        world.forget_requests()
    await one.resync(4)
    assert [world.writes for world in worlds] == [(0, 0), (0, 0)]
    assert [world.condition(key) for world in worlds] == truths
    await assert_the_loser_takes_nothing_along(worlds, winner, key)


async def assert_the_loser_takes_nothing_along(worlds: tuple[World, World], winner: World, key: ObjectKey) -> None:
    [loser] = [world for world in worlds if world is not winner]
    before = winner.standin.state.pipelines["a"]
    loser.kubernetes.delete(key)
    await loser.rest()
    assert loser.is_gone(key)
    assert winner.standin.state.pipelines["a"] == before
    winner.kubernetes.delete(key)
    await winner.rest()
    assert winner.is_gone(key)
    assert "a" not in winner.standin.state.pipelines


@TOLD
@SAME
@pytest.mark.parametrize(("first", "second"), POLICIES)
async def test_one_after_the_other(first: str, second: str, *, same: bool, told: bool) -> None:
    async with two_worlds(told=told) as (one, other):
        key = apply(one, first, "one")
        await one.rest()
        assert one.condition(key) == READY
        apply(other, second, "one" if same else "other")
        await one.rest()
        if told:
            assert (other.condition(key) == READY) == (second == "Always"), "another's mark is taken over by Always only"
        await assert_peace((one, other), key)


@TOLD
@SAME
@pytest.mark.parametrize(("first", "second"), [policies for policies in POLICIES if policies[0] <= policies[1]])
async def test_both_at_once(first: str, second: str, *, same: bool, told: bool) -> None:
    async with two_worlds(told=told) as (one, other):
        key = apply(one, first, "one")
        apply(other, second, "one" if same else "other")
        await one.rest()
        await assert_peace((one, other), key)


async def test_the_same_manifests_in_clusters_that_are_not_told_apart() -> None:
    """They can't tell the other's mark from that of an earlier object of their own, and still do not write in turns."""
    async with two_worlds(told=False) as (one, other):
        key = apply(one, "IfIdentical", "one")
        await one.rest()
        apply(other, "IfIdentical", "one")
        await assert_peace((one, other), key)


async def test_a_restart_of_the_loser_begins_no_new_fight() -> None:
    async with two_worlds(told=True) as (one, other):
        key = apply(one, "Always", "one")
        await one.rest()
        apply(other, "Always", "other")
        await one.resync(2)
        assert one.condition(key) == ("False", "IdConflict")
        assert "uid-of-the-other-kube-system" in one.message(key)
        await one.restart()
        await one.resync(2)
        await assert_peace((one, other), key)


async def test_who_left_it_takes_it_up_when_it_is_free_again() -> None:
    async with two_worlds(told=True) as (one, other):
        key = apply(one, "IfIdentical", "one")
        await one.rest()
        apply(other, "IfIdentical", "one")
        await one.rest()
        assert other.condition(key) == ("False", "IdConflict")
        one.kubernetes.delete(key)
        await one.rest()
        assert one.is_gone(key)
        await other.resync()
        await other.rest()
        assert other.condition(key) == READY
