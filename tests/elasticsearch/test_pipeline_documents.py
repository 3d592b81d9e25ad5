"""What the documents of the ingest API must look like, and what a refused deletion tells."""

from __future__ import annotations

import pytest

from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.pipeline.values import ObservedPipeline
from inference_operator.core.values import ABSENT
from inference_operator.elasticsearch import pipeline_documents as documents
from inference_operator.elasticsearch.shapes import Listing, MalformedError


def refusal(text: str, status: int = 400) -> HttpFailure:
    return HttpFailure(status, "illegal_argument_exception", f"pipeline [p] cannot be deleted because it is {text}")


def test_an_entry_that_is_no_pipeline_is_known_to_be_there() -> None:
    found = documents.pipelines({"a": {"processors": []}, "odd": 7})
    assert found == Listing({"a": ObservedPipeline("a", {"processors": []})}, frozenset({"odd"}))


def test_an_empty_object_is_no_pipeline() -> None:
    assert documents.pipelines({}) == Listing({}, frozenset())
    assert documents.pipeline("a")({}) is ABSENT


def test_another_pipeline_than_the_one_that_was_asked_for_is_malformed() -> None:
    with pytest.raises(MalformedError, match="the pipeline that was asked for is missing"):
        documents.pipeline("a")({"b": {"processors": []}})


ROWS: list[tuple[str, str, tuple[str, ...]]] = [
    ("default", "the default pipeline for 2 index(es) including [b,a]", ("a", "b")),
    ("final", "the final pipeline for 1 index(es) including [a]", ("a",)),
    (
        "both, one index twice",
        "the default pipeline for 2 index(es) including [a,b] and the final pipeline for 2 index(es) including [b,c]",
        ("a", "b", "c"),
    ),
    ("more than are named", "the default pipeline for 70 index(es) including [a,b,c]", ("a", "b", "c")),
    ("a data stream's index", "the default pipeline for 1 index(es) including [.ds-l-2026.01-1]", (".ds-l-2026.01-1",)),
]


@pytest.mark.parametrize(("text", "names"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_refused_deletion_tells_who_holds_the_pipeline(text: str, names: tuple[str, ...]) -> None:
    usage = documents.pipeline_usage_of(refusal(text))
    assert usage is not None
    assert (usage.pipelines, usage.indices, usage.needs_force) == ((), names, True)
    assert usage.message.endswith(text)


@pytest.mark.parametrize(
    "failure",
    [
        refusal("the default pipeline for 1 index(es) including [a]", status=500),
        HttpFailure(400, "illegal_argument_exception", "[p] set as read-only by [file_settings]"),
        HttpFailure(404, "resource_not_found_exception", "pipeline [p] is missing"),
        TransportFailure(TransportKind.TIMEOUT, "https://es:9200", ""),
    ],
    ids=["another status", "file settings", "missing", "lost"],
)
def test_other_failures_tell_nothing_about_users(failure: Failure) -> None:
    assert documents.pipeline_usage_of(failure) is None
