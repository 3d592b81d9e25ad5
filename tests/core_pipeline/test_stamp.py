"""The mark in `_meta`: put in, taken out, and whose pipeline it says it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from inference_operator.core.pipeline.stamp import (
    OWNER_KEY,
    Ownership,
    Stamp,
    ownership,
    stamp_in,
    stamped,
    without_stamp,
)
from tests.core_pipeline.bodies import JSON, STAMPS

OURS = Stamp("k1", "search", "products", "u1")
NOBODY, NAMESAKE = Ownership.NOBODY, Ownership.NAMESAKE
ANOTHER_OBJECT, ELSEWHERE = Ownership.ANOTHER_OBJECT, Ownership.ANOTHER_KUBERNETES
ALIVE, GONE = "alive", "gone"

ROWS = [
    ("no mark", None, OURS, NOBODY),
    ("our own mark", OURS, OURS, Ownership.OURS),
    ("our own mark, before Kubernetes could be told", Stamp(None, "search", "products", "u1"), OURS, Ownership.OURS),
    ("our own mark, while Kubernetes can't be told", OURS, Stamp(None, "search", "products", "u1"), Ownership.OURS),
    ("our uid after a move of etcd to another cluster", Stamp("k2", "search", "products", "u1"), OURS, Ownership.OURS),
    ("another object that is there", Stamp("k1", "search", "other", ALIVE), OURS, ANOTHER_OBJECT),
    ("another object that is gone: an orphan", Stamp("k1", "search", "other", GONE), OURS, NOBODY),
    ("our predecessor of the same name", Stamp("k1", "search", "products", GONE), OURS, NOBODY),
    ("another Kubernetes cluster", Stamp("k2", "search", "other", GONE), OURS, ELSEWHERE),
    ("the same name in another Kubernetes cluster", Stamp("k2", "search", "products", GONE), OURS, ELSEWHERE),
    ("an unknown Kubernetes cluster, an object that is there", Stamp(None, "search", "other", ALIVE), OURS, ANOTHER_OBJECT),
    ("an unknown Kubernetes cluster, our own name, gone", Stamp(None, "search", "products", GONE), OURS, NAMESAKE),
    ("an unknown Kubernetes cluster, another name, gone", Stamp(None, "search", "other", GONE), OURS, ELSEWHERE),
    ("an unknown Kubernetes cluster, another namespace, gone", Stamp(None, "b", "products", GONE), OURS, ELSEWHERE),
    (
        "our Kubernetes cluster unknown, our own name, gone",
        Stamp("k1", "search", "products", GONE),
        Stamp(None, "search", "products", "u1"),
        NAMESAKE,
    ),
    (
        "our Kubernetes cluster unknown, another name, gone",
        Stamp("k1", "search", "other", GONE),
        Stamp(None, "search", "products", "u1"),
        ELSEWHERE,
    ),
]


@pytest.mark.parametrize(("stamp", "own", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_whose_it_is(stamp: Stamp | None, own: Stamp, expected: Ownership) -> None:
    assert ownership(stamp, own, lambda uid: uid == ALIVE) is expected


def test_the_mark_stands_beside_what_the_user_keeps_in_meta() -> None:
    body = stamped({"processors": [], "_meta": {"team": "search"}}, OURS)

    assert body == {"processors": [], "_meta": {"team": "search", OWNER_KEY: OURS.document}}
    assert OURS.document == {"kubernetes": "k1", "namespace": "search", "name": "products", "uid": "u1"}
    assert str(OURS) == "search/products"


def test_a_mark_that_is_taken_out_leaves_nothing_behind() -> None:
    assert without_stamp(stamped({"processors": []}, OURS)) == {"processors": []}
    assert without_stamp({"processors": [], "_meta": {}}) == {"processors": [], "_meta": {}}


def test_a_body_is_not_changed_by_being_marked() -> None:
    body: dict[str, Any] = {"_meta": {"a": 1}}
    stamped(body, OURS)
    assert body == {"_meta": {"a": 1}}


@given(STAMPS, JSON)
def test_a_mark_is_read_as_it_was_written_over_whatever_was_there(stamp: Stamp, meta: Any) -> None:
    assert stamp_in(stamped({"_meta": meta}, stamp)) == stamp


@given(JSON)
def test_whatever_stands_in_its_place_is_read_without_an_error(value: Any) -> None:
    for body in ({"_meta": value}, {"_meta": {OWNER_KEY: value}}):
        assert stamp_in(body) is None
        without_stamp(body)


@pytest.mark.parametrize("key", ["namespace", "name", "uid"])
@pytest.mark.parametrize("value", [None, "", 7, ["a"]])
def test_half_a_mark_is_none(key: str, value: Any) -> None:
    assert stamp_in({"_meta": {OWNER_KEY: OURS.document | {key: value}}}) is None


def test_a_mark_of_a_newer_release_is_read() -> None:
    assert stamp_in({"_meta": {OWNER_KEY: OURS.document | {"tomorrow": 1}}}) == OURS
