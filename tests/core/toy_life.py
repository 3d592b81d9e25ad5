"""A life of an object as a toy: users, strangers and the network do what they want, the operator works in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeAlias

from hypothesis import strategies as st

from tests.core.toy_object import Fault, ToyObject

ENOUGH = 12
"""Passes after which everything must be at rest once nothing goes wrong any more."""

FAULTS = st.lists(st.sampled_from([Fault.NONE] * 6 + list(Fault)), max_size=8)
Event: TypeAlias = tuple[str, tuple[Any, ...]]
Rounds: TypeAlias = list[tuple[list[Event], bool, list[Fault]]]


class Life(Protocol):
    """One object, one id, one cluster behind one address, and everybody who may get at them: a method for each event."""

    @property
    def object(self) -> ToyObject[Any]: ...


def event(name: str, *arguments: st.SearchStrategy[Any]) -> st.SearchStrategy[Event]:
    return st.tuples(st.just(name), st.tuples(*arguments))


def rounds_of(events: st.SearchStrategy[Event]) -> st.SearchStrategy[Rounds]:
    """What happens, whether a new bulk read follows, and what goes wrong in the pass after it."""
    return st.lists(st.tuples(st.lists(events, max_size=2), st.booleans(), FAULTS), max_size=8)


def live(life: Life, rounds: Rounds, *, rests: Callable[[ToyObject[Any]], bool]) -> None:
    """All is well at first, then things happen and the operator works; in the end it must rest, or go on as `rests` allows."""
    toy = life.object
    toy.reconcile(iter(()))
    for events, refreshed, faults in rounds:
        for name, arguments in events:
            getattr(life, name)(*arguments)
        if refreshed:
            toy.refresh()
        if not toy.gone:
            toy.reconcile(iter(faults))
    assert_converges(toy, rests)


def assert_converges(toy: ToyObject[Any], rests: Callable[[ToyObject[Any]], bool]) -> None:
    """Without faults a few passes are enough, and the next one does nothing on either side."""
    before = toy.status
    for _ in range(ENOUGH):
        if toy.gone:
            return
        toy.refresh()
        before = toy.status
        toy.reconcile(iter(()))
        if toy.status == before and not toy.deeds:
            break
    else:
        assert rests(toy), f"does not come to rest: {toy.conclusion} after {toy.deeds}"
        assert toy.status == before
    if toy.spec.deletion_policy == "Retain":
        assert not toy.has_finalizer
