"""What the operator knows of its objects: the latest version wins, and lists follow every change."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.status import SourceKind
from inference_operator.core.values import ObjectRef
from inference_operator.kinds.endpoint.kind import InferenceEndpoints
from inference_operator.shell.intake import read
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.store import Change, ObjectStore, Unreadable
from tests.elasticsearch.laws import LAW
from tests.shell.bodies import body, key_of, known

A, B, NOBODY = key_of("a"), key_of("b"), key_of("nobody")
SECRET, OTHER = (ObjectRef(SourceKind.SECRET, "search", name) for name in ("s", "t"))


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore()


def ids(store: ObjectStore, inference_id: str, of: ObjectKey = NOBODY) -> set[ObjectKey]:
    return {key for key, _ in store.namesakes(of, inference_id)}


def test_new_object_is_news(store: ObjectStore) -> None:
    change = store.observe(A, known("a"))
    assert change is not None
    assert change.before is None
    assert change.is_news
    assert isinstance(store.get(A), InferenceEndpoint)
    assert list(store) == [A]
    assert len(store) == 1


NEWS: tuple[Any, ...] = (
    pytest.param({"generation": 2}, {}, True, id="the spec"),
    pytest.param({"annotations": {"inference-operator.io/x": "y"}}, {}, True, id="an annotation of ours"),
    pytest.param({"annotations": {"x": "y"}}, {}, False, id="an annotation of somebody else"),
    pytest.param({"finalizers": ["f"]}, {}, True, id="a finalizer"),
    pytest.param({"deletionTimestamp": "2026-01-01T00:00:00Z"}, {}, True, id="the deletion"),
    pytest.param({"uid": "another"}, {}, True, id="another object of the same name"),
    pytest.param({"labels": {"x": "y"}}, {}, False, id="a label"),
    pytest.param({}, {"observedGeneration": 1}, False, id="the status, mostly our own doing"),
    pytest.param({}, {}, False, id="nothing"),
)


@pytest.mark.parametrize(("metadata", "status", "is_news"), NEWS)
def test_which_change_is_news(store: ObjectStore, metadata: dict[str, Any], status: dict[str, Any], is_news: bool) -> None:
    store.observe(A, known("a"))
    change = store.observe(A, known("a", None, status, **{"resourceVersion": "2"} | metadata))
    assert change is not None
    assert change.is_news is is_news


ORDERS = (
    pytest.param("9", "10", "uid-a", True, id="versions are numbers, not texts"),
    pytest.param("10", "9", "uid-a", False, id="an event that was under way while we wrote is ignored"),
    pytest.param("10", "10", "uid-a", True, id="the same version again is harmless"),
    pytest.param("10", "9", "uid-new", True, id="another object of the same name is not older for its number"),
    pytest.param("x10", "x9", "uid-a", True, id="versions that are no numbers can't be compared: the last to come wins"),
)


@pytest.mark.parametrize(("first", "second", "uid", "taken"), ORDERS)
def test_later_version_wins(store: ObjectStore, first: str, second: str, uid: str, taken: bool) -> None:
    store.observe(A, known("a", resourceVersion=first))
    change = store.observe(A, known("a", resourceVersion=second, uid=uid))
    latest = store.get(A)
    assert latest is not None
    assert (change is not None) is taken
    assert latest.metadata.resource_version == (second if taken else first)


def test_removal_forgets_everything(store: ObjectStore) -> None:
    store.observe(A, known("a"))
    store.refer(A, [SECRET])
    latest = store.remove(A)
    assert latest is not None
    assert latest.metadata.name == "a"
    assert (len(store), store.get(A), ids(store, "a"), store.referrers(SECRET)) == (0, None, set(), ())
    assert store.remove(A) is None


def test_removal_of_a_predecessor_leaves_the_successor_alone(store: ObjectStore) -> None:
    store.observe(A, known("a", uid="new"))
    assert store.remove(A, "old") is None
    assert store.get(A) is not None
    assert store.remove(A, "new") is not None


def test_references_are_remembered_and_replaced(store: ObjectStore) -> None:
    assert store.refer(A, [SECRET, OTHER])
    assert not store.refer(A, [OTHER, SECRET])
    assert store.refer(B, [SECRET])
    assert set(store.referrers(SECRET)) == {A, B}
    assert store.refer(A, [OTHER])
    assert store.referrers(SECRET) == (B,)
    assert store.refer(B, [])
    assert not store.refer(B, [])
    assert store.referrers(SECRET) == ()


def test_namesakes_are_the_others_of_the_same_id_in_any_namespace(store: ObjectStore) -> None:
    elsewhere = key_of("c", "other")
    store.observe(A, known("a"))
    store.observe(B, known("b", {"inferenceId": "a"}))
    store.observe(elsewhere, known("c", {"inferenceId": "a"}, namespace="other"))
    assert ids(store, "a", A) == {B, elsewhere}
    assert ids(store, "a", B) == {A, elsewhere}
    assert ids(store, "b") == set()


def test_object_of_the_same_name_with_another_id_moves(store: ObjectStore) -> None:
    store.observe(A, known("a", {"inferenceId": "one"}))
    store.observe(A, known("a", {"inferenceId": "two"}, uid="new"))
    assert ids(store, "one") == set()
    assert ids(store, "two") == {A}


def test_object_that_can_not_be_read_is_known_but_names_no_id(store: ObjectStore) -> None:
    broken = body("a", status={"observedGeneration": 3})
    del broken["spec"]["service"]
    change = store.observe(A, read(InferenceEndpoints, broken))
    assert isinstance(change, Change)
    latest = store.get(A)
    assert isinstance(latest, Unreadable)
    assert latest.metadata.uid == "uid-a"
    assert latest.status.observed_generation == 3
    assert "service" in str(latest.fault)
    assert ids(store, "a") == set()
    store.observe(A, known("a", resourceVersion="2"))
    assert ids(store, "a") == {A}
    store.observe(A, read(InferenceEndpoints, broken | {"metadata": broken["metadata"] | {"resourceVersion": "3"}}))
    assert ids(store, "a") == set()
    assert store.remove(A) is not None


def test_object_whose_status_can_not_be_read_either_has_none(store: ObjectStore) -> None:
    broken = body("a", {"timeout": "never"}, {"observedGeneration": "x"})
    store.observe(A, read(InferenceEndpoints, broken))
    latest = store.get(A)
    assert isinstance(latest, Unreadable)
    assert latest.status.observed_generation == -1


def test_no_fault_repeats_what_was_written(store: ObjectStore) -> None:
    store.observe(A, known("a", {"serviceSettings": "canary-secret"}))
    assert "canary-secret" not in repr(store.get(A))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["observe", "remove", "refer"]),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["x", "y"]),
        st.integers(1, 5),
        st.sets(st.sampled_from([SECRET, OTHER])),
    ),
    max_size=30,
)


@LAW
@given(STEPS)
def test_lists_always_say_what_the_objects_say(steps: list[tuple[str, str, str, int, set[ObjectRef]]]) -> None:
    store = ObjectStore()
    referred: dict[Any, set[ObjectRef]] = {}
    for verb, name, inference_id, version, refs in steps:
        key = key_of(name)
        match verb:
            case "observe":
                store.observe(key, known(name, {"inferenceId": inference_id}, resourceVersion=str(version), generation=version))
            case "remove":
                if store.remove(key) is not None:
                    referred.pop(key, None)
            case _:
                store.refer(key, refs)
                referred[key] = refs
    objects = {key: store.get(key) for key in store}
    for inference_id in ("x", "y"):
        holders = {k for k, o in objects.items() if isinstance(o, InferenceEndpoint) and o.external_id == inference_id}
        assert ids(store, inference_id) == holders
    for ref in (SECRET, OTHER):
        assert set(store.referrers(ref)) == {key for key, refs in referred.items() if ref in refs}


def test_nothing_is_kept_of_namespaces_that_are_not_looked_after() -> None:
    looked_after = {"search"}
    store = ObjectStore(looked_after.__contains__)
    assert store.observe(A, known("a")) is not None
    looked_after.clear()
    store.remove(A)
    assert store.observe(A, known("a")) is None, "the answer to a write that was under way brings nothing back"
    assert list(store) == []
