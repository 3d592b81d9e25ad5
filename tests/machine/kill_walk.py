"""kill -9 between any two requests of a story, and answers that get lost: the walk along all of them.

Whatever happens at the k-th request, the next run converges: what the story's check says holds, and once it rests, further
rounds write nothing.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from inference_operator.shell.ports import ObjectKey
from tests.machine.audit_trail import Reached, assert_no_secret, assert_on_record
from tests.machine.tripwire import Fate, Tripwire
from tests.machine.world import World, always

ADOPTION = ("Never", "IfIdentical", "Always")
Act = Callable[[World, str], Awaitable[ObjectKey]]
Check = Callable[[World, ObjectKey, str], None]


@dataclass(frozen=True)
class Story:
    """`prepare` runs to its end unharmed, then `act` is what the operator is killed in.

    `news`: the next round may bring some, by whom a thing is used, which is told as of that round. `within`: seconds whose
    requests are struck, where what comes later is the same again. `full`: too long for `make test`. `long`: there one fate
    stands for all in `make test`.
    """

    name: str
    prepare: Act
    act: Act
    check: Check
    news: bool = False
    within: float = 300.0
    full: bool = False
    long: bool = False

    def __str__(self) -> str:
        return self.name


async def length(story: Story, adoption: str) -> int:
    """How many requests the story takes when nothing goes wrong."""
    async with World() as world:
        wire = Tripwire(world)
        await world.start()
        await story.prepare(world, adoption)
        await world.rest()
        wire.arm()
        key = await story.act(world, adoption)
        await world.rest(story.within)
        story.check(world, key, adoption)
        return wire.count


async def struck(story: Story, adoption: str, at: int, fate: Fate) -> None:
    async with World() as world:
        wire = Tripwire(world)
        reached = Reached(world)
        await world.start()
        await story.prepare(world, adoption)
        await world.rest()
        wire.arm(at, fate)
        dies = fate is not Fate.ANSWER_LOST
        if dies:
            world.keeps_audit = wire.is_whole
        key = await story.act(world, adoption)
        await world.rest()
        assert wire.struck is not None
        if dies:
            await world.kill()
            world.keeps_audit = always
            wire.disarm()
            await world.start()
        await world.rest()
        where = f"{story}, adoptionPolicy {adoption}, request {at} ({wire.struck}): {fate}"
        try:
            story.check(world, key, adoption)
            assert_on_record(world, reached, unheard=2 * dies, unsent=2 * (fate is Fate.KILLED_BEFORE))
            assert_no_secret(world.audit)
            await world.resync(int(story.news))
            world.forget_requests()
            await world.resync(2)
            assert world.writes == (0, 0), "it does not rest"
        except AssertionError as error:
            raise AssertionError(f"{where}\n{error}") from error


def walks(stories: Iterable[Story], meets: Collection[Act]) -> Iterator[Any]:
    """All of them in full, otherwise those that differ; `meets` are the acts that find somebody else's thing."""
    for fate, story, adoption in itertools.product(Fate, stories, ADOPTION):
        marks = () if _differs(story, adoption, fate, meets) else pytest.mark.full
        yield pytest.param(story, adoption, fate, marks=marks, id=f"{story}-{adoption}-{fate.name}")


def _differs(story: Story, adoption: str, fate: Fate, meets: Collection[Act]) -> bool:
    """Whether no other walk stands for this one.

    Killed before a request leaves behind the same as killed after the one before it, but for the first. Whom a thing belongs to
    is decided when it is found; elsewhere one policy stands for all, as it does for what comes of an answer that was lost.
    """
    if story.full or fate is Fate.KILLED_BEFORE or (story.long and fate is not Fate.KILLED_AFTER):
        return False
    return adoption == "IfIdentical" or (story.act in meets and fate is Fate.KILLED_AFTER)


async def walk(story: Story, adoption: str, fate: Fate) -> None:
    """Strike at each request of the story in turn. Raises AssertionError saying at which one it went wrong."""
    requests = await length(story, adoption)
    assert requests > 1
    for at in range(1, requests + 1):
        await struck(story, adoption, at, fate)
