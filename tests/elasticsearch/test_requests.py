"""How each operation looks on the wire, for which version of the server."""

from __future__ import annotations

import re
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.values import Version
from inference_operator.elasticsearch import requests
from inference_operator.elasticsearch.requests import Request
from tests.elasticsearch.laws import LAW

SERVERLESS = Version(999, 0)


@pytest.mark.parametrize(
    ("request_", "line", "params", "writes"),
    [
        (requests.root(), "GET /", {}, False),
        (requests.list_endpoints(), "GET /_inference/_all", {}, False),
        (requests.get_endpoint("a"), "GET /_inference/a", {}, False),
        (requests.get_endpoint(".elser-2-elastic"), "GET /_inference/.elser-2-elastic", {}, False),
        (requests.put_endpoint("rerank", "a", {}, 30, None), "PUT /_inference/rerank/a", {}, True),
        (requests.update_endpoint("rerank", "a", {}, 30, None), "PUT /_inference/rerank/a/_update", {}, True),
        (requests.delete_endpoint("a"), "DELETE /_inference/a", {}, True),
        (requests.delete_endpoint("a", force=True), "DELETE /_inference/a", {"force": "true"}, True),
        (requests.delete_endpoint("a", dry_run=True), "DELETE /_inference/a", {"dry_run": "true"}, False),
        (requests.list_pipelines(), "GET /_ingest/pipeline", {}, False),
        (requests.get_pipeline("a@b"), "GET /_ingest/pipeline/a%40b", {}, False),
        (requests.put_pipeline("a+b", {}), "PUT /_ingest/pipeline/a%2Bb", {}, True),
        (requests.delete_pipeline("a"), "DELETE /_ingest/pipeline/a", {}, True),
        (requests.simulate_pipeline({}, [{}]), "POST /_ingest/pipeline/_simulate", {}, False),
        (
            requests.list_pipelines_of_indices(),
            "GET /_all/_settings/index.default_pipeline,index.final_pipeline",
            {"expand_wildcards": "all", "flat_settings": "true"},
            False,
        ),
        (
            requests.model_stats("m"),
            "GET /_ml/trained_models/m/_stats",
            {"size": "10000", "allow_no_match": "true"},
            False,
        ),
        (requests.list_index_templates(), "GET /_index_template", {}, False),
        (requests.list_component_templates(), "GET /_component_template", {}, False),
        (
            requests.model_stats(),
            "GET /_ml/trained_models/_all/_stats",
            {"size": "10000", "allow_no_match": "true"},
            False,
        ),
    ],
)
def test_lines(request_: Request, line: str, params: dict[str, str], writes: bool) -> None:
    assert f"{request_.method} {request_.path}" == line
    assert dict(request_.params) == params
    assert request_.writes is writes


def test_every_operation_has_its_own_name() -> None:
    made = [
        requests.root(),
        requests.list_endpoints(),
        requests.get_endpoint("a"),
        requests.put_endpoint("t", "a", {}, 1, None),
        requests.update_endpoint("t", "a", {}, 1, None),
        requests.delete_endpoint("a"),
        requests.delete_endpoint("a", dry_run=True),
        requests.model_stats(),
        requests.list_pipelines(),
        requests.get_pipeline("a"),
        requests.put_pipeline("a", {}),
        requests.delete_pipeline("a"),
        requests.simulate_pipeline({}, [{}]),
        requests.list_pipelines_of_indices(),
    ]
    assert len({request.operation for request in made}) == len(made)


@pytest.mark.parametrize(
    ("version", "create", "update"),
    [
        pytest.param(None, False, False, id="unknown: send what every version takes"),
        pytest.param(Version(8, 17), False, False, id="8.17"),
        pytest.param(Version(8, 18, 9), False, False, id="8.18"),
        pytest.param(Version(8, 19), True, False, id="8.19"),
        pytest.param(Version(9, 0, 4), False, False, id="9.0"),
        pytest.param(Version(9, 1), True, False, id="9.1"),
        pytest.param(Version(9, 4, 9), True, False, id="9.4"),
        pytest.param(Version(9, 5), True, True, id="9.5"),
        pytest.param(SERVERLESS, True, True, id="serverless"),
    ],
)
def test_timeout_is_sent_to_servers_that_know_it(version: Version | None, create: bool, update: bool) -> None:
    expected = {"timeout": "45s"}
    assert dict(requests.put_endpoint("t", "a", {}, 45, version).params) == (expected if create else {})
    assert dict(requests.update_endpoint("t", "a", {}, 45, version).params) == (expected if update else {})


@pytest.mark.parametrize(
    ("seconds", "text"), [(30, "30s"), (30.0, "30s"), (0.5, "500ms"), (1.25, "1250ms"), (0.0001, "1ms"), (600, "600s")]
)
def test_durations(seconds: float, text: str) -> None:
    assert dict(requests.put_endpoint("t", "a", {}, seconds, SERVERLESS).params) == {"timeout": text}


def test_a_server_that_is_given_no_timeout_is_waited_for_as_long_as_it_may_take() -> None:
    assert requests.put_endpoint("t", "a", {}, 5, None).allowance == 120
    assert requests.put_endpoint("t", "a", {}, 300, None).allowance == 300
    assert requests.put_endpoint("t", "a", {}, 5, SERVERLESS).allowance == 5


def test_bodies_are_not_shown() -> None:
    shown = repr(requests.put_endpoint("t", "a", {"service_settings": {"api_key": "c4n4ry"}}, 30, None))
    assert "c4n4ry" not in shown


ID = "an-id-of-somebody"


@pytest.mark.parametrize(
    "request_",
    [
        requests.get_endpoint(ID),
        requests.put_endpoint("rerank", ID, {}, 30, None),
        requests.update_endpoint("rerank", ID, {}, 30, None),
        requests.delete_endpoint(ID),
        requests.perform("rerank", ID, {}, 30),
        requests.perform("completion", ID, {}, 30, stream=True),
        requests.get_pipeline(ID),
        requests.put_pipeline(ID, {}),
        requests.delete_pipeline(ID),
        requests.model_stats(ID),
    ],
    ids=lambda request: f"{request.method} {request.route}",
)
def test_a_route_is_the_path_without_ids(request_: Request) -> None:
    assert ID not in request_.route
    assert re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(request_.route)), request_.path)


@pytest.mark.parametrize("several", ["", "_all", "_services", "*", "a*", "a,b"])
def test_what_names_several_endpoints_or_none_is_a_mistake_of_ours(several: str) -> None:
    for make in (requests.get_endpoint, requests.delete_endpoint):
        with pytest.raises(ValueError, match="is not a single id"):
            make(several)


@LAW
@given(st.text(min_size=1).filter(lambda text: not text.startswith("_") and not set("*,") & set(text)))
def test_an_id_stays_one_segment_of_the_path(inference_id: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in inference_id):
        return
    path = requests.get_endpoint(inference_id).path
    assert path.isascii()
    _, inference, segment = path.split("/")
    assert (inference, unquote(segment)) == ("_inference", inference_id)
    assert segment not in (".", "..")
