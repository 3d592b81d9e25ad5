"""What each document must look like, and what becomes of one that does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import ABSENT, Deployment, ObservedEndpoint, Server, Usage
from inference_operator.elasticsearch import documents
from inference_operator.elasticsearch.answers import Response
from inference_operator.elasticsearch.documents import usage_of
from inference_operator.elasticsearch.shapes import Listing, MalformedError, absent_or, parsed
from tests.elasticsearch.laws import LAW
from tests.elasticsearch.scripted import endpoint

ADDRESS = "https://es:9200"
CHUNKING = {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}


def test_endpoint_as_put_answers_it() -> None:
    document = {
        "inference_id": "a",
        "task_type": "text_embedding",
        "service": "openai",
        "service_settings": {"model_id": "m", "dimensions": 1536},
        "task_settings": {"user": "u"},
        "chunking_settings": CHUNKING,
        "metadata": {"x": 1},
    }
    assert documents.observed(document) == ObservedEndpoint(
        "a", "text_embedding", "openai", {"model_id": "m", "dimensions": 1536}, {"user": "u"}, CHUNKING
    )


def test_endpoint_without_task_and_chunking_settings() -> None:
    document = {"inference_id": "a", "task_type": "completion", "service": "openai", "service_settings": {}}
    assert documents.observed(document) == ObservedEndpoint("a", "completion", "openai", {}, {}, None)


@pytest.mark.parametrize(
    "change",
    [
        {"inference_id": None},
        {"inference_id": ""},
        {"inference_id": 5},
        {"task_type": None},
        {"service": []},
        {"service_settings": None},
        {"service_settings": "x"},
        {"task_settings": [1]},
        {"chunking_settings": "x"},
    ],
)
def test_endpoints_of_another_shape_are_malformed(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        documents.observed({**endpoint("a"), **change})


def test_single_finds_the_one_that_was_asked_for() -> None:
    found = documents.single("b")({"endpoints": [endpoint("a"), endpoint("b", "other")]})
    assert (found.inference_id, found.service_settings["model_id"]) == ("b", "other")


@pytest.mark.parametrize("document", [{"endpoints": []}, {"endpoints": [endpoint("a")]}, {}, [], None, {"endpoints": {}}])
def test_an_answer_without_the_endpoint_does_not_mean_that_it_is_absent(document: Any) -> None:
    with pytest.raises(MalformedError):
        documents.single("b")(document)


def test_listing_keeps_apart_what_is_known_to_exist_but_not_understood() -> None:
    document = {"endpoints": [endpoint("a"), {"inference_id": "odd", "task_type": 5}]}
    assert documents.listing(document) == Listing({"a": documents.observed(endpoint("a"))}, frozenset({"odd"}))


@pytest.mark.parametrize("entry", [5, {}, {"inference_id": 5}])
def test_listing_with_an_entry_of_unknown_id_proves_nothing(entry: Any) -> None:
    with pytest.raises(MalformedError):
        documents.listing({"endpoints": [endpoint("a"), entry]})


DRY_RUN = (
    "Inference endpoint X is referenced by pipelines: [p2, p[1], p1]. Ensure that no pipelines are using this inference"
    " endpoint, or use force to ignore this warning and delete the inference endpoint."
    " Inference endpoint X is being used in the mapping for indexes: [i2, i1]. Ensure that no index mappings are using this"
    " inference endpoint, or use force to ignore this warning and delete the inference endpoint."
)
INDICES_ALONE = DRY_RUN[DRY_RUN.index(" Inference endpoint X is being used") :]
PIPELINES_ALONE = DRY_RUN[: DRY_RUN.index(" Inference endpoint X is being used")]


@pytest.mark.parametrize(
    ("document", "usage"),
    [
        pytest.param({"acknowledged": True, "pipelines": [], "indexes": []}, Usage(), id="deleted"),
        pytest.param({"acknowledged": True}, Usage(), id="before 8.15"),
        pytest.param({"acknowledged": False, "pipelines": [], "indexes": [], "error_message": ""}, Usage(), id="dry run, unused"),
        pytest.param(
            {"acknowledged": False, "pipelines": ["p2", "p1"], "indexes": ["i1"], "error_message": " said "},
            Usage(("p1", "p2"), ("i1",), "said"),
            id="dry run, used",
        ),
        pytest.param({"acknowledged": False, "pipelines": None, "error_message": None}, Usage(), id="nulls where nothing is"),
    ],
)
def test_usage(document: dict[str, Any], usage: Usage) -> None:
    assert documents.usage(document) == usage


@pytest.mark.parametrize(
    "document",
    [{}, [], {"acknowledged": "yes"}, {"acknowledged": True, "pipelines": "p"}, {"acknowledged": True, "indexes": [1]}],
)
def test_usage_of_another_shape_is_malformed(document: Any) -> None:
    with pytest.raises(MalformedError):
        documents.usage(document)


def test_a_deletion_that_is_not_acknowledged_was_not_done_for_all_we_know() -> None:
    with pytest.raises(MalformedError, match="not acknowledged"):
        documents.deleted({"acknowledged": False, "pipelines": [], "indexes": []})
    assert documents.deleted({"acknowledged": True, "pipelines": ["p"]}) == Usage(("p",))


@pytest.mark.parametrize(
    ("reason", "pipelines", "indices"),
    [
        pytest.param(DRY_RUN, ("p1", "p2", "p[1]"), ("i1", "i2"), id="both"),
        pytest.param(PIPELINES_ALONE, ("p1", "p2", "p[1]"), (), id="pipelines"),
        pytest.param(INDICES_ALONE, (), ("i1", "i2"), id="indices, with the leading space of 9.2"),
        pytest.param(INDICES_ALONE.strip(), (), ("i1", "i2"), id="indices"),
        pytest.param(
            "Inference endpoint X is referenced by pipelines and cannot be deleted. Use `force` to delete it anyway",
            (),
            (),
            id="before 8.15: no names",
        ),
    ],
)
def test_usage_from_a_refusal(reason: str, pipelines: tuple[str, ...], indices: tuple[str, ...]) -> None:
    failure = HttpFailure(409, "status_exception", reason)
    assert usage_of(failure) == Usage(pipelines, indices, reason.strip())


@pytest.mark.parametrize(
    "failure",
    [
        HttpFailure(409, "status_exception", "The inference endpoint(s) [X] are currently being updated, please wait …"),
        HttpFailure(400, "status_exception", DRY_RUN),
        HttpFailure(403, "security_exception", "action [x] is unauthorized"),
        TransportFailure(TransportKind.TIMEOUT, ADDRESS, "referenced by pipelines: [p]"),
    ],
)
def test_other_refusals_tell_no_usage(failure: HttpFailure | TransportFailure) -> None:
    assert usage_of(failure) is None


@pytest.mark.parametrize(
    ("document", "server"),
    [
        pytest.param(
            {"cluster_uuid": "u", "version": {"number": "9.2.1", "build_flavor": "default"}},
            Server(ADDRESS, "u", "9.2.1"),
            id="a release",
        ),
        pytest.param(
            {"cluster_uuid": "_na_", "version": {"number": "9.2.1"}}, Server(ADDRESS, None, "9.2.1"), id="not formed yet"
        ),
        pytest.param({"version": {"number": "8.17.0"}}, Server(ADDRESS, None, "8.17.0"), id="no uuid"),
        pytest.param(
            {"cluster_uuid": "u", "version": {"number": "8.11.0", "build_flavor": "serverless"}},
            Server(ADDRESS, "u", "8.11.0", serverless=True),
            id="serverless",
        ),
    ],
)
def test_server(document: dict[str, Any], server: Server) -> None:
    assert documents.server(ADDRESS)(document) == server


@pytest.mark.parametrize("document", [None, [], {}, {"version": "9"}, {"version": {}}, {"version": {"number": 9}}])
def test_server_of_another_shape_is_malformed(document: Any) -> None:
    with pytest.raises(MalformedError):
        documents.server(ADDRESS)(document)


def test_deployments() -> None:
    document = {
        "count": 4,
        "trained_model_stats": [
            {"model_id": "idle"},
            {
                "model_id": ".elser_model_2",
                "deployment_stats": {
                    "deployment_id": "full",
                    "model_id": ".elser_model_2",
                    "adaptive_allocations": {"enabled": True},
                    "state": "started",
                    "allocation_status": {"allocation_count": 1, "target_allocation_count": 2, "state": "started"},
                },
            },
            {"deployment_stats": {"deployment_id": "failed", "state": "failed", "reason": "no capacity"}},
            {"deployment_stats": {"deployment_id": "serverless", "adaptive_allocations": {"enabled": False}}},
            {"deployment_stats": {"deployment_id": "odd", "allocation_status": {"allocation_count": "many"}, "state": 5}},
            "odd",
        ],
    }
    assert documents.model_stats(document).deployments == {
        "full": Deployment("full", ".elser_model_2", "started", None, "started", 1, 2, adaptive=True),
        "failed": Deployment("failed", state="failed", reason="no capacity"),
        "serverless": Deployment("serverless"),
        "odd": Deployment("odd"),
    }


def test_a_malformed_document_becomes_a_failure_that_names_the_operation() -> None:
    failure = parsed(Response(200, {"endpoints": "c4n4ry"}, ADDRESS, "inference.list"), documents.listing)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED
    assert "inference.list" in failure.detail
    assert "c4n4ry" not in failure.detail


def test_failures_pass_through_and_only_the_servers_own_not_found_is_absence() -> None:
    gone = HttpFailure(404, "resource_not_found_exception")
    other = HttpFailure(404, "status_exception", "No service found for this inference endpoint X")
    assert parsed(gone, documents.listing) is gone
    assert absent_or(gone) is ABSENT
    assert absent_or(other) is other
    garbled = TransportFailure(TransportKind.GARBLED, ADDRESS, "HTTP 404")
    assert absent_or(garbled) is garbled


NAMES = [
    *("endpoints", "inference_id", "task_type", "service", "service_settings", "chunking_settings", "acknowledged"),
    *("pipelines", "indexes", "version", "number", "trained_model_stats", "deployment_stats", "deployment_id"),
    *("adaptive_allocations", "allocation_status", "configurations"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=6),
    max_leaves=15,
)
PARSERS = [
    documents.observed,
    documents.single("a"),
    documents.listing,
    documents.usage,
    documents.deleted,
    documents.server(ADDRESS),
    documents.model_stats,
]


@LAW
@given(JSON, st.sampled_from(PARSERS))
def test_parsing_is_total(document: Any, parser: Any) -> None:
    result = parsed(Response(200, document, ADDRESS, "o"), parser)
    if isinstance(result, TransportFailure):
        assert result.kind is TransportKind.GARBLED


@LAW
@given(st.text(), st.sampled_from([403, 409, 400]))
def test_reading_refusals_is_total(text: str, status: int) -> None:
    for reason in (text, f"referenced by pipelines: [{text}", f"in the mapping for indexes: [{text}]. Ensure"):
        usage = usage_of(HttpFailure(status, "status_exception", reason))
        assert usage is None or usage.message == reason.strip()
