"""The tests inside an object: what is sent, which results pass, and how a failure is told."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.pipeline_tests import MAX_FAILURES, MAX_SHOWN, PipelineTest
from inference_operator.core.pipeline.trials import judge, trial_digest, trial_documents, tried
from inference_operator.core.pipeline.values import desired_of
from tests.core_pipeline.bodies import JSON, spec


def a_test(*expect: dict[str, Any], name: str, document: dict[str, Any] | None = None) -> PipelineTest:
    documents = [document or {"_source": {"text": "shoe"}}] * len(expect)
    return PipelineTest.model_validate({"name": name, "documents": documents, "expect": list(expect)})


def doc(_id: str = "_id", **source: Any) -> dict[str, Any]:
    """As `_simulate` answers."""
    ingest = {"timestamp": "2026-01-01T00:00:00.000000000Z"}
    return {"doc": {"_index": "_index", "_id": _id, "_version": "-3", "_source": source, "_ingest": ingest}}


def error(reason: str, **more: Any) -> dict[str, Any]:
    return {"error": {"root_cause": [], "type": "illegal_argument_exception", "reason": reason, **more}}


PASSES: list[tuple[str, dict[str, Any], Any]] = [
    ("equal", {"_source": {"a": 1}}, doc(a=1)),
    ("a subset", {"_source": {"a": {"b": 1}}}, doc(a={"b": 1, "c": 2}, d=3)),
    ("a subset in each entry of a list", {"_source": {"a": [{"b": 1}, 2]}}, doc(a=[{"b": 1, "c": 2}, 2])),
    ("a whole float", {"_source": {"a": 1}}, doc(a=1.0)),
    ("any document at all", {"_source": {}}, doc(a=1)),
    ("null", {"_source": {"a": None}}, doc(a=None)),
    ("other fields of the document", {"_index": "_index", "_id": "7"}, doc("7")),
    ("dropped", {"dropped": True}, None),
    ("a part of the error's text", {"error": "field [foo]"}, error("field [foo] not present as part of path [foo]")),
    ("the text of a cause", {"error": "no endpoint"}, error("failed", caused_by={"type": "x", "reason": "no endpoint [e]"})),
]


@pytest.mark.parametrize(("expect", "result"), [row[1:] for row in PASSES], ids=[row[0] for row in PASSES])
def test_passes(expect: dict[str, Any], result: Any) -> None:
    assert judge([a_test(expect, name="t")], [result]) == ()


FAILS: list[tuple[str, dict[str, Any], Any, str, str]] = [
    ("another value", {"_source": {"a": 1}}, doc(a=2), "_source.a is 2, expected 1", '"_id": "_id", "_source": {"a": 2}}'),
    ("true is not 1", {"_source": {"a": 1}}, doc(a=True), "_source.a is true, expected 1", '"a": true'),
    ("a field that is missing", {"_source": {"a": {"b": 1}}}, doc(a={}), "_source.a.b is missing, expected 1", '"a": {}'),
    ("null instead of nothing", {"_source": {"a": None}}, doc(), "_source.a is missing, expected null", '"_source": {}'),
    ("a list that is longer", {"_source": {"a": [1]}}, doc(a=[1, 2]), "_source.a[1] is one entry too many: 2", "[1, 2]"),
    ("a list that is shorter", {"_source": {"a": [1, 2]}}, doc(a=[1]), "_source.a[1] is missing, expected 2", "[1]"),
    ("a list in another order", {"_source": {"a": [1, 2]}}, doc(a=[2, 1]), "_source.a[0] is 2, expected 1", "[2, 1]"),
    ("another index", {"_index": "i"}, doc(), '_index is "_index", expected "i"', '"_index": "_index"'),
    ("no routing", {"_routing": "r"}, doc(), '_routing is missing, expected "r"', "_id"),
    ("dropped without being asked", {"_source": {}}, None, "the document was dropped", '{"dropped": true}'),
    ("an error instead of a document", {"_source": {}}, error("bad"), "the document was refused: bad", '{"error": "bad"}'),
    ("kept", {"dropped": True}, doc(a=1), "the document was not dropped", '"a": 1'),
    ("an error instead of a drop", {"dropped": True}, error("bad"), "the document was not dropped: bad", "bad"),
    ("no error", {"error": "x"}, doc(a=1), "the document came through without an error", '"a": 1'),
    ("dropped instead of an error", {"error": "x"}, None, "the document was dropped, without an error", "dropped"),
    ("another error", {"error": "x"}, error("bad"), "the document failed with another error: bad", '{"error": "bad"}'),
    ("a result that is none", {"_source": {}}, 7, "the result is not one that Elasticsearch gives", "error"),
]


@pytest.mark.parametrize(("expect", "result", "message", "actual"), [row[1:] for row in FAILS], ids=[row[0] for row in FAILS])
def test_fails(expect: dict[str, Any], result: Any, message: str, actual: str) -> None:
    (failure,) = judge([a_test(expect, name="t")], [result])

    assert failure.message.endswith(message)
    assert actual in failure.actual
    assert "timestamp" not in failure.actual
    assert (failure.name, failure.document) == ("t", 0)


def test_all_tests_go_in_one_call_and_failures_name_their_test_and_document() -> None:
    document = {"_source": {"n": 1}, "_index": "i", "_id": "1", "_routing": "r"}
    tests = [
        a_test({"_source": {"n": 1}}, {"_source": {"n": 2}}, name="first", document=document),
        a_test({"dropped": True}, name="second"),
    ]

    assert trial_documents(tests) == [document, document, {"_source": {"text": "shoe"}}]
    told = [(failure.name, failure.document) for failure in judge(tests, [doc(n=1), doc(n=1), doc()])]
    assert told == [("first", 1), ("second", 0)]


def test_a_result_that_is_missing_fails_also_where_an_error_is_expected_of_another_text() -> None:
    told = [failure.message for failure in judge([a_test({"_source": {}}, {"dropped": True}, name="t")], [])]
    assert len(told) == 2
    assert all("Elasticsearch gave no result for this document" in message for message in told)


def test_what_is_told_is_bounded() -> None:
    vector = [0.5] * 5000
    tests = [a_test(*[{"_source": {"v": [1], "t": "x" * 5000}}] * 20, name=f"t{number}") for number in range(2)]

    failures = judge(tests, [doc(v=vector, t="y" * 5000)] * 40)

    assert len(failures) == MAX_FAILURES
    assert all(len(text) <= MAX_SHOWN for failure in failures for text in (failure.expected, failure.actual, failure.message))
    assert failures[0].actual.endswith("…")


def test_the_report_of_a_run() -> None:
    desired, tests = desired_of(spec(), "a"), [a_test({"_source": {"a": 1}}, name="t")]

    passed, failed = (tried(desired, tests, [doc(a=value)]) for value in (1, 2))

    assert (passed.outcome, passed.failures) == ("Passed", ())
    assert (failed.outcome, len(failed.failures)) == ("Failed", 1)
    assert passed.digest == failed.digest == trial_digest(desired, tests)


def test_another_pipeline_or_another_test_is_another_run() -> None:
    desired, tests = desired_of(spec(), "a"), [a_test({"_source": {"a": 1}}, name="t")]
    digests = {
        trial_digest(desired, tests),
        trial_digest(desired_of(spec(description="d"), "a"), tests),
        trial_digest(desired, [a_test({"_source": {"a": 2}}, name="t")]),
        trial_digest(desired, [a_test({"_source": {"a": 1}}, name="u")]),
        trial_digest(desired, []),
    }
    assert len(digests) == 5


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_a_document_always_meets_itself(source: dict[str, Any]) -> None:
    assert judge([a_test({"_source": source}, name="t")], [{"doc": {"_source": source}}]) == ()


@given(JSON)
def test_whatever_comes_back_is_judged(result: Any) -> None:
    tests = [a_test({"_source": {"a": 1}}, {"dropped": True}, {"error": "x"}, name="t")]
    judge(tests, [result] * 3)
    judge(tests, [{"doc": result}] * 3)
    judge(tests, [{"error": result}] * 3)
