"""Who stands for what in Elasticsearch, and who names it: for all kinds together, in both directions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.kinds.endpoint.kind import InferenceEndpoints
from inference_operator.kinds.pipeline.needs import ENDPOINTS, PIPELINES
from inference_operator.shell.intake import read
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.store import Identity, ObjectStore
from tests.elasticsearch.laws import LAW
from tests.shell.bodies import body, key_of, known, known_pipeline, pipeline_key

ENDPOINT_X, PIPELINE_X = Identity(ENDPOINTS, "x"), Identity(PIPELINES, "x")
E, P = key_of("e"), pipeline_key("p")


@pytest.fixture
def store() -> ObjectStore:
    """An endpoint and a pipeline, both of the id `x`."""
    store = ObjectStore()
    store.observe(E, known("e", {"inferenceId": "x"}))
    store.observe(P, known_pipeline("p", {"pipelineId": "x"}))
    return store


def holders(store: ObjectStore, identity: Identity) -> list[ObjectKey]:
    return [key for key, _ in store.holders(identity)]


def test_one_id_is_two_identities_of_two_kinds(store: ObjectStore) -> None:
    assert holders(store, ENDPOINT_X) == [E]
    assert holders(store, PIPELINE_X) == [P]
    assert store.namesakes(E, "x") == ()
    assert store.namesakes(P, "x") == ()


def test_identity_that_nobody_has_has_no_holder(store: ObjectStore) -> None:
    assert holders(store, Identity(ENDPOINTS, "y")) == []
    assert holders(store, Identity("others", "x")) == []


def test_all_holders_are_named_wherever_they_are(store: ObjectStore) -> None:
    elsewhere = key_of("e", "other")
    store.observe(elsewhere, known("e", {"inferenceId": "x"}, namespace="other", uid="uid-other"))
    assert holders(store, ENDPOINT_X) == [elsewhere, E]
    assert [key for key, _ in store.namesakes(E, "x")] == [elsewhere]


def test_object_that_can_not_be_read_any_more_holds_nothing(store: ObjectStore) -> None:
    broken = body("e", resourceVersion="2")
    del broken["spec"]["service"]
    store.observe(E, read(InferenceEndpoints, broken))
    assert holders(store, ENDPOINT_X) == []


def test_needs_are_remembered_and_replaced(store: ObjectStore) -> None:
    assert store.need(P, [ENDPOINT_X, Identity(PIPELINES, "q")])
    assert not store.need(P, [Identity(PIPELINES, "q"), ENDPOINT_X])
    assert store.dependants(ENDPOINT_X) == (P,)
    assert store.needs_of(P) == {ENDPOINT_X, Identity(PIPELINES, "q")}
    assert store.need(P, [ENDPOINT_X])
    assert store.dependants(Identity(PIPELINES, "q")) == ()
    assert store.need(P, [])
    assert store.needs_of(P) == frozenset()
    assert store.dependants(ENDPOINT_X) == ()


def test_need_of_what_nobody_provides_is_remembered_for_when_it_comes() -> None:
    store = ObjectStore()
    store.need(P, [ENDPOINT_X])
    assert store.dependants(ENDPOINT_X) == (P,)


def test_needs_and_holders_are_two_things(store: ObjectStore) -> None:
    store.need(P, [ENDPOINT_X])
    assert store.dependants(PIPELINE_X) == ()
    assert holders(store, ENDPOINT_X) == [E]
    assert store.needs_of(E) == frozenset()


def test_removal_forgets_identity_and_needs(store: ObjectStore) -> None:
    store.need(P, [ENDPOINT_X])
    store.remove(P)
    assert (store.dependants(ENDPOINT_X), store.needs_of(P), holders(store, PIPELINE_X)) == ((), frozenset(), [])
    assert holders(store, ENDPOINT_X) == [E]


def test_has_knows_the_uids_of_what_is_there(store: ObjectStore) -> None:
    assert store.has("uid-e")
    assert store.has("uid-p")
    assert not store.has("uid-q")
    store.remove(P)
    assert not store.has("uid-p")


def test_has_forgets_the_uid_of_a_predecessor(store: ObjectStore) -> None:
    store.observe(E, known("e", uid="new"))
    assert not store.has("uid-e")
    assert store.has("new")


def test_has_keeps_the_uid_over_versions_and_also_of_what_can_not_be_read(store: ObjectStore) -> None:
    store.observe(E, known("e", resourceVersion="2"))
    assert store.has("uid-e")
    broken = body("e", resourceVersion="3")
    del broken["spec"]["service"]
    store.observe(E, read(InferenceEndpoints, broken))
    assert store.has("uid-e")


def test_has_is_not_told_otherwise_by_old_news(store: ObjectStore) -> None:
    store.observe(E, known("e", resourceVersion="9"))
    store.observe(E, known("e", resourceVersion="3"))
    assert store.has("uid-e")
    store.remove(E, "another uid")
    assert store.has("uid-e")


NAMES, UIDS = st.sampled_from("ab"), st.sampled_from(["u1", "u2", "u3"])
IDENTITIES = st.builds(Identity, st.sampled_from([ENDPOINTS, PIPELINES]), st.sampled_from("xy"))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("observe"), NAMES, UIDS),
        st.tuples(st.just("remove"), NAMES, st.none() | UIDS),
        st.tuples(st.just("need"), NAMES, st.frozensets(IDENTITIES)),
    ),
    max_size=20,
)


@LAW
@given(STEPS)
def test_both_directions_always_agree(steps: list[tuple[str, str, object]]) -> None:
    store = ObjectStore()
    needed: dict[ObjectKey, frozenset[Identity]] = {}
    for verb, name, what in steps:
        key = pipeline_key(name)
        if isinstance(what, frozenset):
            store.need(key, what)
            needed[key] = what
        elif verb == "observe":
            store.observe(key, known_pipeline(name, uid=f"{what} of {name}"))
        elif store.remove(key, None if what is None else f"{what} of {name}") is not None:
            needed.pop(key, None)
    for identity in (Identity(plural, name) for plural in (ENDPOINTS, PIPELINES) for name in "xy"):
        assert set(store.dependants(identity)) == {key for key, named in needed.items() if identity in named}
    alive = {found.metadata.uid for key in store if (found := store.get(key)) is not None}
    assert {uid for name in "ab" for number in (1, 2, 3) if store.has(uid := f"u{number} of {name}")} == alive
