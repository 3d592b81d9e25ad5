"""Which pipelines are the same, and where two of them differ."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inference_operator.api.ingest_pipeline import IngestPipelineSpec
from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.pipeline.compare import SPEC_NAMES, differences, digest, set_paths
from inference_operator.core.pipeline.stamp import Stamp, stamped
from inference_operator.core.pipeline.values import DesiredPipeline, desired_of, observed_of
from inference_operator.core.values import dotted
from tests.core_pipeline.bodies import SPECS, STAMPS, spec

DATES = {"created_date_millis": 1, "modified_date_millis": 2, "created_date": "a", "modified_date": "b"}


def found(desired: dict[str, Any], observed: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """The differences: path, desired, observed."""
    told = differences(DesiredPipeline("a", desired), observed_of("a", observed))
    assert all(difference.mutability is Mutability.MUTABLE for difference in told)
    return [(dotted(difference.path), difference.desired, difference.observed) for difference in told]


def processor(**settings: Any) -> dict[str, Any]:
    return {"set": {"field": "a", **settings}}


SAME: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "a whole float that Kubernetes made an integer",
        {"processors": [processor(value=1)]},
        {"processors": [processor(value=1.0)]},
    ),
    ("deprecated: false", {}, {"deprecated": False}),
    ("the classic access to fields", {}, {"field_access_pattern": "classic"}),
    ("an empty _meta", {}, {"_meta": {}}),
    ("nulls", {}, {"description": None, "version": None, "on_failure": None, "_meta": None, "deprecated": None}),
    ("no processors at all", {"processors": []}, {}),
    ("the order of keys", {"processors": [{"set": {"a": 1, "b": 2}}]}, {"processors": [{"set": {"b": 2, "a": 1}}]}),
    ("the dates of the server", {}, DATES),
    ("a key that no spec can have", {}, {"tomorrow": {"added": "by the server"}}),
]


@pytest.mark.parametrize(("desired", "observed"), [row[1:] for row in SAME], ids=[row[0] for row in SAME])
def test_the_same(desired: dict[str, Any], observed: dict[str, Any]) -> None:
    assert found(desired, observed) == []


DIFFERENT: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, Any, Any]]]] = [
    ("another description", {"description": "a"}, {"description": "b"}, [("description", "a", "b")]),
    ("a description of others", {}, {"description": "b"}, [("description", None, "b")]),
    ("an empty description that is not there", {"description": ""}, {}, [("description", "", None)]),
    ("a version that somebody's if_version put in", {}, {"version": 2}, [("version", None, 2)]),
    ("deprecated by others", {}, {"deprecated": True}, [("deprecated", False, True)]),
    ("another access", {"field_access_pattern": "flexible"}, {}, [("fieldAccessPattern", "flexible", "classic")]),
    ("a key of others in _meta", {"_meta": {"a": 1}}, {"_meta": {"a": 1, "b": 2}}, [("meta.b", None, 2)]),
    ("a key that others took out of _meta", {"_meta": {"a": {"b": 1}}}, {"_meta": {"a": {}}}, [("meta.a.b", 1, None)]),
    (
        "true is not 1",
        {"processors": [processor(value=True)]},
        {"processors": [processor(value=1)]},
        [("processors[0].set.value", True, 1)],
    ),
    (
        "1 is not text",
        {"processors": [processor(value=1)]},
        {"processors": [processor(value="1")]},
        [("processors[0].set.value", 1, "1")],
    ),
    (
        "null is not absence",
        {"processors": [processor(value=None)]},
        {"processors": [processor()]},
        [("processors[0].set.value", None, None)],
    ),
    (
        "only the first place in a processor, but every processor",
        {"processors": [processor(value=[1, 2], tag="a"), {"drop": {}}, processor(value=3)]},
        {"processors": [processor(value=[1, 3], tag="b"), {"drop": {}}, processor(value=4)]},
        [("processors[0].set.value[1]", 2, 3), ("processors[2].set.value", 3, 4)],
    ),
    (
        "the order of processors",
        {"processors": [{"drop": {}}, {"fail": {}}]},
        {"processors": [{"fail": {}}, {"drop": {}}]},
        [("processors[0].drop", {}, None), ("processors[1].fail", {}, None)],
    ),
    ("a processor of others", {"processors": []}, {"processors": [{"drop": {}}]}, [("processors[0]", None, {"drop": {}})]),
    ("a processor less", {"processors": [{"drop": {}}]}, {"processors": []}, [("processors[0]", {"drop": {}}, None)]),
    (
        "a handler deep inside",
        {"on_failure": [{"foreach": {"processor": {"set": {"value": {"a": [{"b": 1}]}}}}}]},
        {"on_failure": [{"foreach": {"processor": {"set": {"value": {"a": [{"b": 2}]}}}}}]},
        [("onFailure[0].foreach.processor.set.value.a[0].b", 1, 2)],
    ),
    ("handlers of others", {}, {"on_failure": [{"drop": {}}]}, [("onFailure", None, [{"drop": {}}])]),
]


@pytest.mark.parametrize(("desired", "observed", "told"), [row[1:] for row in DIFFERENT], ids=[row[0] for row in DIFFERENT])
def test_different(desired: dict[str, Any], observed: dict[str, Any], told: list[tuple[str, Any, Any]]) -> None:
    assert found(desired, observed) == told


def test_nesting_has_no_limit_of_ours() -> None:
    deep: Any = 1
    for _ in range(50_000):
        deep = [deep]

    (difference,) = differences(
        DesiredPipeline("a", {"processors": [{"set": deep}]}), observed_of("a", {"processors": [{"set": [2]}]})
    )

    assert difference == Difference(("processors", "[0]", "set", "[0]"), deep[0], 2, Mutability.MUTABLE)


def reordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: reordered(value[key]) for key in reversed(value)}
    return [reordered(item) for item in value] if isinstance(value, list) else value


@given(SPECS, STAMPS)
def test_what_was_sent_is_never_different_when_it_comes_back(wanted: IngestPipelineSpec, stamp: Stamp) -> None:
    desired = desired_of(wanted, "a")

    observed = observed_of("a", reordered(stamped(desired.body, stamp)) | DATES)

    assert differences(desired, observed) == ()
    assert observed.stamp == stamp


def leaves(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the values stand that hold no others."""
    inside = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    found = [leaf for key, value in inside for leaf in leaves(value, (*path, key))]
    return found or [path]


@given(SPECS, st.data())
def test_a_changed_leaf_is_always_a_difference(wanted: IngestPipelineSpec, data: st.DataObject) -> None:
    desired = desired_of(wanted, "a")
    changed: Any = copy.deepcopy(dict(desired.body))
    path = data.draw(st.sampled_from(leaves(changed)))
    assume(path)
    holder = changed
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = {"changed": "by somebody"}

    (difference, *_) = differences(desired, observed_of("a", changed))

    assert difference.path[0] == SPEC_NAMES[path[0]]


def test_the_digest_knows_what_a_spec_means() -> None:
    one = desired_of(spec(processors=[{"set": {"a": 1, "b": [1, 2]}}]), "a")
    for same in ({"set": {"b": [1, 2], "a": 1}}, {"set": {"a": 1.0, "b": [1, 2.0]}}):
        assert digest(desired_of(spec(processors=[same], deprecated=False), "a")) == digest(one)
    for other in ({"set": {"a": True, "b": [1, 2]}}, {"set": {"a": 1, "b": [2, 1]}}, {"set": {"a": "1", "b": [1, 2]}}):
        assert digest(desired_of(spec(processors=[other]), "a")) != digest(one)


def test_the_digest_stays_what_it_was_in_every_release() -> None:
    desired = desired_of(spec(processors=[{"set": {"field": "ä", "value": 1.5}}], version=3), "a")
    assert digest(desired) == "sha256:1a97356406e3f13eb46617a2599f27dbccc879700495d31644b44ce63b9038b0"


def test_what_the_user_gave_is_told_in_the_names_of_the_spec() -> None:
    desired = desired_of(spec(onFailure=[{"drop": {}}], meta={"a": 1}, deprecated=False, version=0), "a")
    assert set_paths(desired) == (("meta",), ("onFailure",), ("processors",), ("version",))
