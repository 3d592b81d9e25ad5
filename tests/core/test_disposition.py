"""What every failure means: one table over statuses, types and reasons of the inference API."""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.disposition import Area, Disposition, Mood, disposition, told
from inference_operator.core.failure import (
    Failure,
    HttpFailure,
    ReferenceFailure,
    ReferenceKind,
    TransportFailure,
    TransportKind,
)
from inference_operator.core.reasons import Reason
from tests.core.situations import ADDRESS, CANARY
from tests.elasticsearch.laws import LAW

STATUS, VALIDATION, SECURITY = "status_exception", "validation_exception", "security_exception"
PROVIDER = "Could not complete inference endpoint creation as validation call to service "
LICENCE = "current license is non-compliant for [inference]"
UNAUTHORIZED = (
    "action [cluster:admin/xpack/inference/put] is unauthorized for user [weak], this action is granted by [manage_inference]"
)

ANSWERS: dict[tuple[Reason, Mood], list[tuple[int, str, str]]] = {
    (Reason.UNAUTHORIZED, Mood.STALL): [
        (401, SECURITY, "unable to authenticate user [x] for REST request [/]"),
        (401, SECURITY, ""),
    ],
    (Reason.FORBIDDEN, Mood.STALL): [
        (403, SECURITY, UNAUTHORIZED),
    ],
    (Reason.LICENSE_NON_COMPLIANT, Mood.STALL): [
        (403, SECURITY, LICENCE),
    ],
    (Reason.VALIDATION_FAILED, Mood.STALL): [
        (400, VALIDATION, "[service_settings] does not contain the required setting [api_key];"),
        (400, VALIDATION, "Invalid value [-1]. [dimensions] must be a positive integer;"),
        (400, VALIDATION, "[service_settings] does not allow the setting [dimensions_set_by_user]"),
        (400, STATUS, "Configuration contains settings [{foo=bar}] unknown to the [openai] service"),
        (400, "illegal_argument_exception", "Error parsing service settings, model_id must be provided"),
        (400, "parse_exception", "request body is required"),
        (400, "action_request_validation_exception", "Validation Failed: 1: Invalid inference_id; 'X' can contain …"),
        (400, STATUS, "Requested inference endpoint ID [x] matches existing trained model ID(s) but must not."),
        (400, STATUS, "the inference_id is being used in mappings with incompatible settings for indices: [i1]."),
    ],
    (Reason.UNKNOWN_SERVICE, Mood.STALL): [
        (400, STATUS, "Unknown service [nope]"),
        (400, STATUS, "All nodes in the cluster are not aware of the service [x].Wait for the cluster to finish upgrading"),
    ],
    (Reason.UNSUPPORTED_TASK_TYPE, Mood.STALL): [
        (400, STATUS, "The [openai] service does not support task type [rerank]"),
        (400, STATUS, "Unknown task_type [x]"),
    ],
    (Reason.RESERVED_ID, Mood.STALL): [
        (400, STATUS, "[x] is a reserved inference ID. Cannot create a new inference endpoint"),
        (400, STATUS, "[x] is a reserved inference endpoint. Use the force=true query parameter"),
    ],
    (Reason.ALREADY_EXISTS, Mood.STALL): [
        (400, "resource_already_exists_exception", "Inference endpoint [x] already exists"),
    ],
    (Reason.PROVIDER_REFUSED, Mood.STALL): [
        (400, STATUS, f"{PROVIDER}threw an exception."),
        (400, STATUS, f"{PROVIDER}returned null response."),
        (400, STATUS, "The retrieved embeddings size [3] does not match the size specified in the settings [4]."),
    ],
    (Reason.SERVER_ERROR, Mood.RETRY): [
        (404, "resource_not_found_exception", "Inference endpoint not found [x]"),
        (404, STATUS, "The inference endpoint [x] does not exist and cannot be updated"),
        (404, STATUS, "Cannot find deployment [d]"),
        (408, STATUS, "Timed out after [30s] waiting for model deployment to start."),
        (409, STATUS, "Endpoint [x] is currently being updated. Try again once the update completes"),
        (409, STATUS, "Inference endpoint x is referenced by pipelines: [p1]."),
        (429, STATUS, "Could not start deployment because no ML nodes with sufficient capacity were found"),
        (429, "timeout_exception", "Request timed out after [30s] for inference id [x]"),
        (500, STATUS, "Unknown service [s] for inference endpoint [x]."),
        (500, "illegal_state_exception", "Failed to load inference endpoint [x]. Endpoint is in an invalid state"),
        (500, "timeout_exception", "timed out"),
        (503, "cluster_block_exception", "blocked by: [SERVICE_UNAVAILABLE/1/state not recovered];"),
        (504, STATUS, "Request timed out after [30s]"),
    ],
    (Reason.RATE_LIMITED, Mood.RETRY): [
        (429, "es_rejected_execution_exception", "rejected execution"),
        (429, "circuit_breaking_exception", "[parent] Data too large"),
    ],
}
ROWS = [
    pytest.param(*row, *meaning, id=f"{row[0]} {row[1]}: {row[2][:60]} is {meaning[0]}")
    for meaning, rows in ANSWERS.items()
    for row in rows
]


@pytest.mark.parametrize(("status", "type_", "reason_text", "reason", "mood"), ROWS)
def test_answer(status: int, type_: str, reason_text: str, reason: Reason, mood: Mood) -> None:
    found = disposition(HttpFailure(status, type_, reason_text))
    assert (found.reason, found.mood, found.area) == (reason, mood, Area.SYNC)
    assert f"HTTP {status}" in found.message


def test_licence_is_told_by_its_field_whatever_the_text() -> None:
    found = disposition(HttpFailure(403, SECURITY, "no", licence_feature="inference"))
    assert found.reason is Reason.LICENSE_NON_COMPLIANT


def test_missing_privilege_is_named() -> None:
    message = disposition(HttpFailure(403, SECURITY, UNAUTHORIZED)).message
    assert "cluster:admin/xpack/inference/put" in message
    assert "manage_inference" in message


def test_causes_are_told_outermost_first() -> None:
    failure = HttpFailure(400, STATUS, f"{PROVIDER}threw an exception.", ("status_exception: 401", "io_exception: closed"))
    assert told(failure).endswith("threw an exception.; caused by status_exception: 401; caused by io_exception: closed")


@pytest.mark.parametrize(
    ("failure", "text"),
    [(HttpFailure(500, "x_exception"), "HTTP 500: x_exception"), (HttpFailure(418), "HTTP 418: no reason given")],
)
def test_answer_without_a_reason(failure: HttpFailure, text: str) -> None:
    assert told(failure) == text


def test_server_that_asks_for_a_pause_gets_it() -> None:
    assert disposition(HttpFailure(429, "x", "slow down", retry_after=7.0)).after == 7.0
    assert disposition(TransportFailure(TransportKind.BREAKER, ADDRESS, "open", retry_after=3.0)).after == 3.0


@pytest.mark.parametrize("status", [401, 500, 503])
def test_who_could_not_look_knows_nothing(status: int) -> None:
    assert disposition(HttpFailure(status, "x", "y")).blind


@pytest.mark.parametrize("status", range(400, 600))
def test_every_status_has_a_meaning(status: int) -> None:
    found = disposition(HttpFailure(status, "x_exception", "y"))
    passes = status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in (404, 408, 409, 429)
    assert found.mood is (Mood.RETRY if passes else Mood.STALL)


TRANSPORT = {
    TransportKind.CONNECT: "can't be reached",
    TransportKind.TLS: "ca.crt",
    TransportKind.TIMEOUT: "did not answer in time",
    TransportKind.RESET: "closed the connection",
    TransportKind.GARBLED: "proxy",
    TransportKind.BREAKER: "can't be reached",
    TransportKind.FENCED: "does not lead any more",
}


@pytest.mark.parametrize("kind", TransportKind)
def test_lost_request_is_tried_again_and_says_what_to_check(kind: TransportKind) -> None:
    found = disposition(TransportFailure(kind, ADDRESS, "detail"))
    assert (found.mood, found.reason, found.blind) == (Mood.RETRY, Reason.UNREACHABLE, True)
    assert ADDRESS in found.message
    assert TRANSPORT[kind] in found.message


def test_open_breaker_is_no_news_beside_a_refused_connection() -> None:
    first, then = (disposition(TransportFailure(kind, ADDRESS, "")) for kind in (TransportKind.CONNECT, TransportKind.BREAKER))
    assert first.message == then.message


@pytest.mark.parametrize("kind", [kind for kind in TransportKind if kind is not TransportKind.BREAKER])
def test_open_breaker_is_no_news_beside_the_loss_that_opened_it(kind: TransportKind) -> None:
    loss = TransportFailure(kind, ADDRESS, "detail")
    then = TransportFailure(TransportKind.BREAKER, ADDRESS, "not sent", retry_after=3.0, because=loss)
    assert replace(disposition(then), after=None) == disposition(loss)


@pytest.mark.parametrize("status", [429, 503])
def test_request_that_was_not_sent_is_told_like_the_answer_for_which_it_was_not_but_knows_nothing(status: int) -> None:
    answer = HttpFailure(status, "x_exception", retry_after=9.0)
    then = disposition(TransportFailure(TransportKind.BREAKER, ADDRESS, "not sent", retry_after=3.0, because=answer))
    assert then == replace(disposition(answer), after=3.0, blind=True)


REFERENCES = {
    ReferenceKind.SECRET_NOT_FOUND: (Mood.WAIT, Reason.SECRET_NOT_FOUND),
    ReferenceKind.CONFIG_MAP_NOT_FOUND: (Mood.WAIT, Reason.WAITING_FOR_REFERENCE),
    ReferenceKind.KEY_MISSING: (Mood.WAIT, Reason.SECRET_KEY_MISSING),
    ReferenceKind.NOT_CONVERTIBLE: (Mood.STALL, Reason.VALIDATION_FAILED),
    ReferenceKind.CONNECTION_NOT_FOUND: (Mood.WAIT, Reason.CONNECTION_NOT_FOUND),
    ReferenceKind.CONNECTION_INVALID: (Mood.STALL, Reason.CONNECTION_NOT_FOUND),
    ReferenceKind.CROSS_NAMESPACE_DENIED: (Mood.STALL, Reason.CROSS_NAMESPACE_DENIED),
    ReferenceKind.UNREADABLE: (Mood.RETRY, Reason.WAITING_FOR_REFERENCE),
}


@pytest.mark.parametrize("kind", ReferenceKind)
def test_reference_that_can_not_be_used(kind: ReferenceKind) -> None:
    found = disposition(ReferenceFailure(kind, "spec.x", "is not there"))
    assert (found.mood, found.reason, found.area) == (*REFERENCES[kind], Area.REFERENCES)
    assert found.message == "spec.x: is not there"


TEXT = st.text(max_size=60) | st.just(f"prints [{CANARY}]") | st.just(f"settings [{{api_kee={CANARY}}}]")
FAILURES: st.SearchStrategy[Failure] = (
    st.builds(
        HttpFailure, st.integers(100, 599), TEXT, TEXT, st.lists(TEXT, max_size=3).map(tuple), licence_feature=st.none() | TEXT
    )
    | st.builds(TransportFailure, st.sampled_from(TransportKind), st.just(ADDRESS), TEXT)
    | st.builds(ReferenceFailure, st.sampled_from(ReferenceKind), st.just("spec.x"), st.just("is not there"))
)


@LAW
@given(FAILURES)
def test_every_failure_has_a_meaning_in_one_bounded_line_without_the_secret(failure: Failure) -> None:
    found = disposition(failure, [CANARY])
    assert isinstance(found, Disposition)
    assert found.message
    assert found.message.isprintable()
    assert len(found.message) < 2000
    assert CANARY not in found.message
