"""Whether an answer is Elasticsearch's, and what its errors say. Every shape of error that the server is known to have."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.elasticsearch.answers import MAX_RETRY_AFTER, Answer, Response, parse_retry_after, read
from tests.elasticsearch.laws import LAW
from tests.virtual_clock import START

PRODUCT = {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}
ADDRESS = "https://es:9200"


def answered(
    status: int, body: Any, headers: dict[str, str] | None = None, **more: Any
) -> Response | HttpFailure | TransportFailure:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Answer(status, PRODUCT if headers is None else headers, raw, **more)
    return read(answer, "inference.put", ADDRESS, START)


def shaped(status: int, kind: str, reason: str, **more: Any) -> dict[str, Any]:
    return {
        "error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason, **more},
        "status": status,
    }


ERRORS = [
    (400, "action_request_validation_exception", "Validation Failed: 1: Invalid inference_id; 'X' can contain …;"),
    (400, "resource_already_exists_exception", "Inference endpoint [a] already exists"),
    (400, "status_exception", "[.a] is a reserved inference ID. Cannot create a new inference endpoint with a reserved ID."),
    (400, "status_exception", "Unknown service [nope]"),
    (400, "status_exception", "The [openai] service does not support task type [rerank]"),
    (400, "validation_exception", "Validation Failed: 1: [service_settings] does not contain the required setting [api_key];"),
    (400, "status_exception", "Configuration contains settings [{foo=bar}] unknown to the [openai] service"),
    (400, "parse_exception", "request body is required"),
    (400, "x_content_parse_exception", "[1:2] [x] unknown field [y]"),
    (400, "illegal_argument_exception", "Error parsing service settings, model_id must be provided"),
    (401, "security_exception", "missing authentication credentials for REST request [/_inference/x]"),
    (403, "security_exception", "action [cluster:admin/xpack/inference/put] is unauthorized for user [u]"),
    (404, "resource_not_found_exception", "Inference endpoint not found [a]"),
    (404, "status_exception", "The inference endpoint [a] does not exist and cannot be updated"),
    (408, "status_exception", "Timed out after [30s] waiting for model deployment to start."),
    (409, "status_exception", "Endpoint [a] is currently being updated. Try again once the update completes"),
    (429, "timeout_exception", "Request timed out after [30s] for inference id [a]"),
    (429, "status_exception", "Could not start deployment because no ML nodes with sufficient capacity were found"),
    (429, "es_rejected_execution_exception", "rejected execution of coordinating operation"),
    (500, "illegal_state_exception", "Failed to load inference endpoint [a]. Endpoint is in an invalid state"),
    (503, "master_not_discovered_exception", ""),
    (504, "status_exception", "Request timed out after [30s]"),
]


@pytest.mark.parametrize(("status", "kind", "reason"), ERRORS)
def test_errors_of_elasticsearch(status: int, kind: str, reason: str) -> None:
    expected = HttpFailure(status, kind, reason, operation="inference.put")
    assert answered(status, shaped(status, kind, reason)) == expected


def test_licence_errors_are_told_from_missing_privileges() -> None:
    reason = "current license is non-compliant for [inference]"
    body = shaped(403, "security_exception", reason, **{"license.expired.feature": "inference"})
    failure = answered(403, body)
    assert isinstance(failure, HttpFailure)
    assert failure.licence_feature == "inference"


def test_causes_come_outermost_first() -> None:
    inner = {"type": "io_exception", "reason": "refused", "caused_by": {"type": "bare_exception"}}
    body = shaped(400, "status_exception", "outer", caused_by={"type": "status_exception", "reason": "401", "caused_by": inner})
    failure = answered(400, body)
    assert isinstance(failure, HttpFailure)
    assert failure.caused_by == ("status_exception: 401", "io_exception: refused", "bare_exception")


@pytest.mark.parametrize("kind", ["c4n4ry-key", "two words", "x" * 200, "a\nb"])
def test_a_type_that_is_no_word_is_not_repeated(kind: str) -> None:
    """It is logged, and shown in a repr."""
    failure = answered(400, shaped(400, kind, "r", **{"license.expired.feature": kind}))
    assert isinstance(failure, HttpFailure)
    assert (failure.type, failure.licence_feature) == ("unreadable", "unreadable")


def test_a_chain_of_causes_is_bounded() -> None:
    cause: dict[str, Any] = {"type": "t", "reason": "r"}
    for _ in range(100):
        cause = {"type": "t", "reason": "r", "caused_by": cause}
    failure = answered(400, shaped(400, "status_exception", "outer", caused_by=cause))
    assert isinstance(failure, HttpFailure)
    assert len(failure.caused_by) == 16


@pytest.mark.parametrize(
    "body",
    [
        {"error": "no handler found for uri [/_inference/a] and method [PUT]"},
        {"error": "Incorrect HTTP method for uri [/x] and method [POST], allowed: [GET]", "status": 405},
    ],
)
def test_an_error_that_is_mere_text_counts_with_the_product_header_only(body: dict[str, Any]) -> None:
    assert answered(400, body) == HttpFailure(400, reason=body["error"], operation="inference.put")
    assert isinstance(answered(400, body, headers={}), TransportFailure)


def test_an_error_made_before_dispatching_may_lack_the_product_header() -> None:
    body = shaped(401, "security_exception", "unable to authenticate user [u] for REST request [/]")
    assert isinstance(answered(401, body, headers={}), HttpFailure)


def test_nothing_found_is_an_answer_and_no_error() -> None:
    """How `GET _ingest/pipeline` says that there is no pipeline."""
    found = answered(404, {})
    assert isinstance(found, Response)
    assert (found.status, found.body) == (404, {})


NOT_FOUND = shaped(404, "resource_not_found_exception", "Inference endpoint not found [a]")
FOREIGN = [
    pytest.param(200, {"endpoints": []}, {}, "X-elastic-product", id="success without the product header"),
    pytest.param(200, {"endpoints": []}, {"x-elastic-product": "Other"}, "X-elastic-product", id="another product"),
    pytest.param(200, b"<html>welcome</html>", {}, "X-elastic-product", id="a login page"),
    pytest.param(200, b'{"endpoints": [{"inf', None, "cut off", id="half a body"),
    pytest.param(200, b"", None, "cut off", id="no body"),
    pytest.param(200, b'{"a": NaN}', None, "not JSON", id="a number that is none"),
    pytest.param(200, b'{"a": "\\ud800"}', None, "not JSON", id="a lone surrogate"),
    pytest.param(200, b"\xff\xfe{}", None, "not JSON", id="not UTF-8"),
    pytest.param(200, b"[" * 200_000, None, "not JSON", id="nested beyond measure"),
    pytest.param(200, b"9" * 5000, None, "not JSON", id="a number beyond measure"),
    pytest.param(301, b"", {"location": "https://u:p@elsewhere/path?session=1"}, "https://elsewhere", id="redirect"),
    pytest.param(302, b"", {"location": "/login?session=1"}, "another path", id="redirect to a path"),
    pytest.param(302, b"", {"location": "https://[bad"}, "unreadable", id="redirect to nonsense"),
    pytest.param(304, b"", None, "redirects", id="not modified"),
    pytest.param(404, NOT_FOUND, {}, "404", id="a 404 without the product header, whatever it says"),
    pytest.param(404, b"<html>not found</html>", {"content-type": "text/html"}, "text/html", id="a proxy's 404"),
    pytest.param(404, {"message": "no Route matched"}, None, "404", id="a gateway's 404"),
    pytest.param(404, {"error": {"reason": "?"}}, None, "404", id="an error without type"),
    pytest.param(404, {"error": {"type": 1}}, None, "404", id="an error whose type is no text"),
    pytest.param(404, [], None, "404", id="a 404 with a list"),
    pytest.param(404, {}, {}, "404", id="nothing found, without the product header"),
    pytest.param(502, b"Bad Gateway", {"content-type": "text/plain"}, "502", id="bad gateway"),
    pytest.param(503, {"ok": False, "message": "unavailable"}, {}, "503", id="a cloud proxy's 503"),
    pytest.param(100, NOT_FOUND, None, "100", id="no final answer at all"),
    pytest.param(101, b"", None, "101", id="switching protocols"),
]


@pytest.mark.parametrize(("status", "body", "headers", "says"), FOREIGN)
def test_what_is_not_elasticsearchs_is_garbled(status: int, body: Any, headers: dict[str, str] | None, says: str) -> None:
    failure = answered(status, body, headers)
    assert isinstance(failure, TransportFailure)
    assert failure.kind is TransportKind.GARBLED
    assert failure.sent
    assert says in failure.detail
    assert "session" not in failure.detail
    assert "u:p" not in failure.detail


def test_a_body_that_was_cut_is_garbled_whatever_it_says() -> None:
    failure = answered(200, {}, cut=True)
    assert isinstance(failure, TransportFailure)
    assert "32 MiB" in failure.detail


def test_success() -> None:
    assert answered(200, {"a": ["é", 1, None]}) == Response(200, {"a": ["é", 1, None]}, ADDRESS, "inference.put")
    assert answered(200, b'{"a": "\\ud83d\\ude00"}') == Response(200, {"a": "😀"}, ADDRESS, "inference.put")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("   ", None),
        ("0", 0.0),
        (" 12 ", 12.0),
        ("1.5", 1.5),
        ("100000", MAX_RETRY_AFTER),
        ("9" * 400, None),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("soon", None),
        ("٣", None),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 01:00:30 +0100", 30.0),
        ("Thu, 01 Jan 2026 00:00:30", 30.0),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0.0),
        ("Fri, 01 Jan 2027 00:00:00 GMT", MAX_RETRY_AFTER),
        ("Thu, 99 Jan 2026 00:00:30 GMT", None),
    ],
)
def test_retry_after(text: str, seconds: float | None) -> None:
    assert parse_retry_after(text, START) == seconds


def test_retry_after_is_handed_on_with_errors_and_with_garbled_answers() -> None:
    asking = {**PRODUCT, "retry-after": (START + timedelta(seconds=7)).strftime("%a, %d %b %Y %H:%M:%S GMT")}
    refused = answered(429, shaped(429, "status_exception", "slow down"), asking)
    assert isinstance(refused, HttpFailure)
    assert refused.retry_after == 7.0
    garbled = answered(503, b"busy", asking)
    assert isinstance(garbled, TransportFailure)
    assert garbled.retry_after == 7.0


@pytest.mark.parametrize("kind", ["HttpFailure", "Response"])
def test_texts_and_bodies_of_the_server_are_not_in_a_repr(kind: str) -> None:
    value = (
        answered(400, shaped(400, "status_exception", "c4n4ry", caused_by={"type": "t", "reason": "c4n4ry"}))
        if kind == "HttpFailure"
        else answered(200, {"headers": {"x": "c4n4ry"}})
    )
    assert type(value).__name__ == kind
    assert "c4n4ry" not in repr(value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["error", "type", "reason", "caused_by", "status", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)
HEADERS = st.dictionaries(
    st.sampled_from(["x-elastic-product", "content-type", "retry-after", "location"]),
    st.sampled_from(["Elasticsearch", "text/html", "3", "Thu, 01 Jan 2026 00:00:30 GMT", "https://["]) | st.text(max_size=12),
)


@LAW
@given(st.integers(100, 599), st.binary(max_size=64) | JSON.map(lambda tree: json.dumps(tree).encode()), HEADERS)
def test_reading_is_total(status: int, body: bytes, headers: dict[str, str]) -> None:
    result = read(Answer(status, headers, body), "o", ADDRESS, START)
    if isinstance(result, Response):
        assert 200 <= status < 300
    if isinstance(result, HttpFailure):
        assert status >= 400
        assert result.status == status
