"""Whatever users, strangers and the network do to a pipeline: every pass ends, only what is ours is touched, it converges."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_operator.core.pipeline.plan import plan
from inference_operator.core.pipeline.stamp import Stamp
from inference_operator.core.values import Json, Usage
from inference_operator.core.verdict import Blocked, Delete, Nothing, Unusable
from tests.core.situations import USED
from tests.core.toy_life import Rounds, event, live, rounds_of
from tests.core.toy_object import ToyObject
from tests.core_pipeline.bodies import SPECS, spec
from tests.core_pipeline.situations import OTHER_KUBERNETES, OTHER_OBJECT, OWN, TESTS, ours
from tests.core_pipeline.toy_pipeline import BAD_DESCRIPTION, ToyPipeline, ToyServer
from tests.elasticsearch.laws import LAW

FIELDS: dict[str, tuple[object, ...]] = {
    "description": (None, "one", "two", BAD_DESCRIPTION),
    "processors": ([{"drop": {}}], [{"set": {"field": "a", "value": 1}}], []),
    "tests": ([], TESTS, [{**TESTS[0], "name": "another"}]),
    "adoptionPolicy": ("IfIdentical", "Never", "Always"),
    "driftPolicy": ("Correct", "Detect"),
    "deletionPolicy": ("Delete", "Retain"),
    "managementPolicy": ("Manage", "Observe"),
    "forceDelete": (False, True),
    "suspend": (False, True),
}
NOBODYS: Stamp | None = None
ORPHAN = replace(OTHER_OBJECT, uid="the uid of an object that is no more")
MARKS = (NOBODYS, OWN, OTHER_OBJECT, OTHER_KUBERNETES, ORPHAN)


class PipelineLife:
    """See `tests.core.toy_life.Life`."""

    def __init__(self, fields: dict[str, object]) -> None:
        self.fields = dict(fields)
        self.server = ToyServer()
        self.object = ToyPipeline(self.server, self._spec())

    def _spec(self) -> Any:
        return spec(**{name: value for name, value in self.fields.items() if value is not None})

    def edit(self, name: str, choice: int) -> None:
        self.fields[name] = FIELDS[name][choice % len(FIELDS[name])]
        wanted = self._spec()
        if wanted != self.object.spec:
            self.object.spec = wanted
            self.object.generation += 1

    def restore_from_backup(self) -> None:
        if self.object.claim is not None:
            self.object.claim = replace(self.object.claim, uid="the uid that it had before")

    def stranger_puts(self, body: Mapping[str, Json] | None, mark: Stamp | None) -> None:
        """None: the very body that the object wants."""
        self.server.stored = (self.object.desired.body if body is None else body, mark)

    def stranger_marks(self, mark: Stamp | None) -> None:
        if self.server.stored is not None:
            self.server.stored = (self.server.stored[0], mark)

    def stranger_deletes(self) -> None:
        self.server.stranger_deletes()

    def owner_goes(self) -> None:
        self.server.alive -= {OTHER_OBJECT.uid}

    def call(self, users: Usage) -> None:
        self.server.callers = users

    def hold(self, users: Usage) -> None:
        self.server.holders = users

    def lack(self, lacks: bool) -> None:
        self.object.lacks = lacks

    def close_circle(self, circle: bool) -> None:
        self.object.circle = circle

    def ask(self) -> None:
        self.object.asked = True

    def another_cluster(self) -> None:
        self.server.real_uuid, self.server.stored = "uuid-two", None

    def hide_uuid(self, hidden: bool) -> None:
        self.server.hides_uuid = hidden

    def delete(self) -> None:
        self.object.generation += not self.object.deleting
        self.object.deleting = True
        self.object.gone = not self.object.has_finalizer


THEIRS: dict[str, Json] = {"processors": [], "description": "theirs"}
USERS = st.sampled_from([Usage(), USED])
EVENT = st.one_of(
    event("edit", st.sampled_from(["description", "processors", "tests"]), st.integers(0, 3)),
    event("edit", st.sampled_from(["description", "processors", "tests"]), st.integers(0, 3)),
    event("edit", st.sampled_from(sorted(FIELDS)), st.integers(0, 3)),
    event("edit", st.sampled_from(["adoptionPolicy", "driftPolicy"]), st.integers(0, 3)),
    event("restore_from_backup"),
    event("stranger_puts", st.sampled_from([None, THEIRS]), st.sampled_from(MARKS)),
    event("stranger_marks", st.sampled_from(MARKS)),
    event("stranger_deletes"),
    event("owner_goes"),
    event("call", USERS),
    event("hold", USERS),
    event("lack", st.booleans()),
    event("close_circle", st.booleans()),
    event("ask"),
    event("another_cluster"),
    event("hide_uuid", st.booleans()),
    event("delete"),
)
ROUNDS = rounds_of(EVENT)
BEGINNINGS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in FIELDS.items()})


def pipeline_lives(beginning: dict[str, object], rounds: Rounds) -> None:
    life = PipelineLife(beginning)
    live(life, rounds, rests=asks_again)
    toy: ToyObject[Any] = life.object
    if not toy.gone and isinstance(toy.conclusion, Unusable | Nothing):
        assert life.server.stored is not None


def asks_again(toy: ToyObject[Any]) -> bool:
    """A forced deletion that Elasticsearch refuses is tried in every pass: only its answer tells when the index let go."""
    return isinstance(toy.conclusion, Blocked) and toy.deeds == [Delete(force=True)]


@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=150)  # test_many_lives is the thorough one
def test_life(beginning: dict[str, object], rounds: Rounds) -> None:
    pipeline_lives(beginning, rounds)


@pytest.mark.full
@pytest.mark.timeout(1800)  # minutes of pure computing, more where others compute, too
@given(BEGINNINGS, ROUNDS)
@settings(LAW, max_examples=20_000)
def test_many_lives(beginning: dict[str, object], rounds: Rounds) -> None:
    pipeline_lives(beginning, rounds)


@LAW
@given(SPECS)
def test_nothing_is_planned_when_both_sides_are_equal(wanted: Any) -> None:
    assert plan(ours(wanted)) == Nothing()


@LAW
@given(SPECS, SPECS)
def test_what_was_planned_once_leaves_nothing_to_plan(before: Any, after: Any) -> None:
    toy = ToyPipeline(ToyServer(), before)
    for wanted, generation in ((before, 1), (after, 2)):
        toy.spec, toy.generation = wanted, generation
        assert toy.reconcile(iter(())) == Nothing()
        toy.refresh()
        assert toy.reconcile(iter(())) == Nothing()
        assert toy.deeds == []
