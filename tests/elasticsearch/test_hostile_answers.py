"""Whatever answers in the place of Elasticsearch: a value or a failure, bounded, fit to be written, and not repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inference_operator.core.disposition import disposition
from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import Usage
from inference_operator.elasticsearch import documents, pipeline_documents
from inference_operator.elasticsearch.answers import Answer, Response, parse_retry_after, read
from inference_operator.elasticsearch.event_stream import read_events
from inference_operator.elasticsearch.inferences import check
from inference_operator.elasticsearch.shapes import parsed
from inference_operator.elasticsearch.users import users_among_indices, users_among_templates
from tests.elasticsearch.laws import LAW
from tests.hostile import CANARY, spoiled, spoiled_bytes
from tests.virtual_clock import START

ADDRESS = "https://es:9200"
JSON = {"x-elastic-product": "Elasticsearch", "content-type": "application/json"}
STREAM = {"x-elastic-product": "Elasticsearch", "content-type": "text/event-stream"}
MOST_SHOWN = 2048
"""Characters: a scrubbed text and the sentence around it."""

ENDPOINT = {
    "inference_id": "a",
    "task_type": "text_embedding",
    "service": "openai",
    "service_settings": {"model_id": "m", "rate_limit": {"requests_per_minute": 3}},
    "task_settings": {"user": "u"},
    "chunking_settings": {"strategy": "sentence", "max_chunk_size": 250},
}
PIPELINES = {"a": {"processors": [{"inference": {"model_id": "e"}}], "_meta": {"x": 1}}, "b": {"processors": []}}
DEPLOYMENT = {
    "deployment_id": "d",
    "model_id": "m",
    "state": "started",
    "reason": "",
    "allocation_status": {"allocation_count": 1, "target_allocation_count": 1, "state": "fully_allocated"},
    "adaptive_allocations": {"enabled": True},
}
TEMPLATE = {
    "settings": {"index": {"default_pipeline": "p"}},
    "mappings": {"properties": {"body": {"type": "semantic_text", "inference_id": "a"}}},
}
DOCUMENTS: dict[str, tuple[Any, Any]] = {
    "an endpoint": (documents.observed, ENDPOINT),
    "the endpoint asked for": (documents.single("a"), {"endpoints": [ENDPOINT]}),
    "all endpoints": (documents.listing, {"endpoints": [ENDPOINT, {**ENDPOINT, "inference_id": "b"}]}),
    "a dry run": (documents.usage, {"acknowledged": False, "pipelines": ["p"], "indexes": ["i"], "error_message": "used"}),
    "a deletion": (documents.deleted, {"acknowledged": True, "pipelines": [], "indexes": []}),
    "the server": (documents.server(ADDRESS), {"cluster_uuid": "u", "version": {"number": "9.5.0", "build_flavor": "default"}}),
    "models": (documents.model_stats, {"trained_model_stats": [{"model_id": "m", "deployment_stats": DEPLOYMENT}]}),
    "all pipelines": (pipeline_documents.pipelines, PIPELINES),
    "the pipeline asked for": (pipeline_documents.pipeline("a"), PIPELINES),
    "a simulation": (pipeline_documents.simulated(2), {"docs": [{"doc": {"_source": {}}}, {"error": {"reason": "r"}}]}),
    "index templates": (
        users_among_templates("index_template", ""),
        {"index_templates": [{"name": "t", "index_template": {"template": TEMPLATE}}]},
    ),
    "settings of indices": (users_among_indices, {"i": {"settings": {"index": {"default_pipeline": "p"}}}}),
    "an embedding": (check("text_embedding", streamed=False), {"text_embedding": [{"embedding": [0.1, 0.2]}]}),
    "a score": (check("rerank", streamed=False), {"rerank": [{"index": 0, "relevance_score": 0.5}]}),
    "chunks of a chat": (check("chat_completion", streamed=True), [{"choices": [{"delta": {"content": "x"}}]}]),
}
ERROR = {
    "error": {
        "type": "status_exception",
        "reason": f"Configuration contains settings [{{api_kee={CANARY}}}]",
        "caused_by": {"type": "t", "reason": f"quotes {CANARY}", "caused_by": {"type": "u", "reason": "r"}},
        "license.expired.feature": "inference",
    },
    "status": 400,
}
STATUSES = st.sampled_from([200, 201, 400, 401, 403, 404, 409, 429, 500, 503]) | st.integers(100, 999)
HEADERS = st.sampled_from([JSON, STREAM, {}, {**JSON, "retry-after": "9" * 400}, {**JSON, "location": f"https://{'x' * 9000}/"}])
BODIES = st.sampled_from([ERROR, {"endpoints": [ENDPOINT]}, PIPELINES]).flatmap(spoiled_bytes)


def assert_quiet(failure: Failure) -> None:
    """It is shown to a tenant, and some of it is logged."""
    assert CANARY not in repr(failure)
    told = disposition(failure, (CANARY,))
    assert CANARY not in told.message
    assert len(told.message) <= MOST_SHOWN
    assert told.message.isprintable()
    if isinstance(failure, TransportFailure):
        assert CANARY not in failure.detail


def assert_lawful(result: Response | HttpFailure | TransportFailure) -> None:
    assert CANARY not in repr(result)
    if isinstance(result, Response):
        assert json.dumps(result.body, allow_nan=False, ensure_ascii=False).encode()
    else:
        assert_quiet(result)
    if isinstance(result, HttpFailure):
        assert 400 <= result.status < 1000
        assert len(result.reason) + sum(map(len, result.caused_by)) <= 1024 * 1024


def check_answers(status: int, headers: dict[str, str], body: bytes) -> None:
    assert_lawful(read(Answer(status, headers, body), "o", ADDRESS, START))


@LAW
@given(STATUSES, HEADERS, BODIES)
def test_an_answer_is_a_value_or_a_failure_and_repeats_no_secret(status: int, headers: dict[str, str], body: bytes) -> None:
    check_answers(status, headers, body)


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Events that are nearly right, cut anywhere."""
    chunk = st.sampled_from([ERROR, {"completion": [{"delta": CANARY}]}, {"choices": []}, {"error": CANARY}]).flatmap(
        spoiled_bytes
    )
    lines = [
        draw(st.sampled_from([b"", b"\xef\xbb\xbf", b": wait\n"]))
        + b"event: "
        + draw(st.sampled_from([b"message", b"error", b"\xff"]))
        + draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
        + b"data: "
        + data
        + draw(st.sampled_from([b"\n\n", b"\n", b"\r\r", b""]))
        for data in draw(st.lists(chunk | st.just(b"[DONE]"), max_size=4))
    ]
    whole = b"".join(lines)
    return whole if draw(st.booleans()) else whole[: draw(st.integers(0, len(whole)))]


@LAW
@given(STATUSES, HEADERS, streams(), st.booleans())
def test_a_stream_is_a_value_or_a_failure_and_repeats_no_secret(
    status: int, headers: dict[str, str], body: bytes, cut: bool
) -> None:
    assert_lawful(read_events(Answer(status, headers, body, cut), "o", ADDRESS, START))


@pytest.mark.parametrize("name", DOCUMENTS)
@LAW
@given(data=st.data())
def test_a_document_is_a_value_or_malformed(name: str, data: st.DataObject) -> None:
    parse, document = DOCUMENTS[name]
    result = parsed(Response(200, data.draw(spoiled(document)), ADDRESS, "o"), parse)
    if isinstance(result, Failure):
        assert isinstance(result, TransportFailure)
        assert result.kind is TransportKind.GARBLED
        assert_quiet(result)


@LAW
@given(spoiled(DOCUMENTS["the server"][1]))
@example({"cluster_uuid": "u" * 70_000, "version": {"number": "9.5.0-" + "x" * 70_000}})
def test_what_a_server_says_of_itself_is_bounded(document: Any) -> None:
    server = parsed(Response(200, document, ADDRESS, "o"), documents.server(ADDRESS))
    if not isinstance(server, Failure):
        assert len(server.uuid or "") <= 128
        assert len(server.version or "") <= 64
        assert server.parsed_version is None or server.parsed_version.major >= 0


@LAW
@given(spoiled(DOCUMENTS["models"][1]))
def test_what_is_told_of_a_deployment_fits_the_status(document: Any) -> None:
    found = parsed(Response(200, document, ADDRESS, "o"), documents.model_stats)
    for deployment in () if isinstance(found, Failure) else found.deployments.values():
        texts = (deployment.state, deployment.reason, deployment.allocation_state, deployment.model_id)
        assert all(len(text or "") <= 1024 and (text or "").isprintable() for text in texts)
        counts = (deployment.allocation_count, deployment.target_allocation_count)
        assert all(abs(count or 0) < 2**31 for count in counts)


LISTS = st.lists(
    st.sampled_from(
        [
            "referenced by pipelines: [",
            "in the mapping for indexes: [",
            "pipeline [p] cannot be deleted because it is ",
            "the default pipeline for 2 index(es) including [",
            " and the final pipeline for 2 index(es) including [",
            *("a, b", "a,b", "]", "]. Ensure", " ", "\n", CANARY, "]" + " " * 200),
        ]
    ),
    max_size=30,
).map("".join)


@LAW
@given(LISTS, st.sampled_from([400, 403, 409]))
def test_a_refusal_names_users_or_none(reason: str, status: int) -> None:
    failure = HttpFailure(status, "status_exception", reason)
    for usage in (documents.usage_of(failure), pipeline_documents.pipeline_usage_of(failure)):
        assert usage is None or isinstance(usage, Usage)
        assert usage is None or all(name and name in reason for name in (*usage.pipelines, *usage.indices))


LONG = 1_000_000
HARD = {
    "lists of pipelines that do not end": "referenced by pipelines: [" * (LONG // 26),
    "lists of indices that do not end": "in the mapping for indexes: [" * (LONG // 29),
    "ends that are none": "referenced by pipelines: [" + "] " * (LONG // 2) + "x",
    "blanks behind an end": "referenced by pipelines: [a]" + " " * LONG + "x",
    "holders that do not end": "cannot be deleted because it is "
    + "the default pipeline for 1 index(es) including [" * (LONG // 48),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("reason", HARD.values(), ids=HARD)
def test_a_long_refusal_is_read_in_proportion_to_its_length(reason: str) -> None:
    """Were it read in the square of it, this would take many minutes, during which nothing else happens."""
    for status in (400, 409):
        failure = HttpFailure(status, "status_exception", reason)
        assert isinstance(documents.usage_of(failure), Usage | None)
        assert isinstance(pipeline_documents.pipeline_usage_of(failure), Usage | None)


def test_a_number_beyond_a_double_is_not_json() -> None:
    """The API server would refuse any status that holds one."""
    for number in (b"1e999", b"-1e999", b"9" * 400, b"-" + b"9" * 309):
        result = read(Answer(200, JSON, b'{"a": %s}' % number), "o", ADDRESS, START)
        assert isinstance(result, TransportFailure)
    for number in (b"1e308", b"9" * 308):
        assert isinstance(read(Answer(200, JSON, b'{"a": %s}' % number), "o", ADDRESS, START), Response)


@pytest.mark.parametrize("status", [0, 200, 700, 10**300, -1, "500", None, True])
def test_a_status_in_a_stream_that_is_none_of_an_error_counts_as_the_servers_fault(status: Any) -> None:
    body = b"data: " + json.dumps({"error": {"type": "t", "reason": "r"}, "status": status}).encode() + b"\n\n"
    failure = read_events(Answer(200, STREAM, body), "o", ADDRESS, START)
    assert isinstance(failure, HttpFailure)
    assert failure.status == 500


@pytest.mark.parametrize("depth", [100, 900, 990, 2_000, 100_000])
def test_an_error_of_any_depth_is_read(depth: int) -> None:
    """A stream puts its errors together anew, which must not need more of the stack than reading them did."""
    body = b'data: {"error": {"type": "t", "x": ' + b"[" * depth + b"]" * depth + b"}}\n\n"
    assert_lawful(read_events(Answer(200, STREAM, body), "o", ADDRESS, START))


@LAW
@given(
    st.text(max_size=30)
    | st.from_regex(r"\s*[0-9]{1,30}(\.[0-9]{1,12})?\s*")
    | st.from_regex(r"[A-Z][a-z]{2}, [0-9 A-Za-z:+-]{4,30}")
)
def test_any_retry_after_is_some_seconds_or_none(text: str) -> None:
    seconds = parse_retry_after(text, START)
    assert seconds is None or 0.0 <= seconds <= 300.0


@pytest.mark.full
@LAW
@given(STATUSES, HEADERS, BODIES | streams(), st.booleans())
def test_answers_and_streams_for_long(status: int, headers: dict[str, str], body: bytes, cut: bool) -> None:
    check_answers(status, headers, body)
    assert_lawful(read_events(Answer(status, headers, body, cut), "o", ADDRESS, START))
