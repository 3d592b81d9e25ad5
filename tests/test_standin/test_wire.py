"""Strictness of the wire: unknown paths, methods and parameters, media types, headers, and nothing that breaks the core."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.standin import StandIn
from tests.standin.core import handle
from tests.standin.messages import Json, Request, Response, Step
from tests.standin.routes import ROUTES
from tests.test_standin.asking import ALL_VERSIONS, Refusal, ok, world
from tests.test_standin.samples import elser, openai


async def test_unknown_path(http: httpx.AsyncClient) -> None:
    answer = await http.get("/_ml/anomaly/x?y=1")
    expected = {"error": "no handler found for uri [/_ml/anomaly/x?y=1] and method [GET]"}
    assert (answer.status_code, answer.json()) == (400, expected)


async def test_wrong_method(http: httpx.AsyncClient) -> None:
    path = "/_inference/completion/one/_update"
    answer = await http.post(path)
    reason = f"Incorrect HTTP method for uri [{path}] and method [POST], allowed: [PUT]"
    assert answer.json() == {"error": reason, "status": 405}
    assert answer.headers["Allow"] == "PUT"
    assert (await http.head("/_inference/one")).status_code == 405, "there is no HEAD on endpoints"


PARAMETERS = [
    ("/_inference/one?a=1", "parameter: [a]"),
    ("/_inference/one?b=1&a=1&pretty", "parameters: [a], [b]"),
    ("/?timeout=1s", "parameter: [timeout]"),
]


@pytest.mark.parametrize(("path", "named"), PARAMETERS)
async def test_unknown_parameters(http: httpx.AsyncClient, path: str, named: str) -> None:
    expected = f"request [{path.partition('?')[0]}] contains unrecognized {named}"
    assert Refusal.of(await http.get(path)) == Refusal(400, "illegal_argument_exception", expected)


async def test_bodies_where_none_belongs(http: httpx.AsyncClient) -> None:
    answer = await http.request("GET", "/_inference/one", json={})
    expected = "request [GET /_inference/one] does not support having a body"
    assert Refusal.of(answer) == Refusal(400, "illegal_argument_exception", expected)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_unsupported_content_type(http: httpx.AsyncClient, content_type: str) -> None:
    answer = await http.put("/_inference/completion/one", content=b"{}", headers={"Content-Type": content_type})
    expected = {"error": f"Content-Type header [{content_type}] is not supported", "status": 406}
    assert (answer.status_code, answer.json()) == (406, expected)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=UTF-8", "application/vnd.elasticsearch+json; compatible-with=9"],
)
async def test_supported_content_types(http: httpx.AsyncClient, content_type: str) -> None:
    body = json.dumps(openai()).encode()
    headers = {"Content-Type": content_type} | ({"Accept": content_type} if "vnd" in content_type else {})
    ok(await http.put("/_inference/completion/one", content=body, headers=headers))


@pytest.mark.parametrize(
    ("version", "compatible", "fine"), [("9.5.0", 9, True), ("9.5.0", 8, True), ("9.5.0", 7, False), ("8.19.0", 9, False)]
)
async def test_compatibility_headers(version: str, compatible: int, fine: bool) -> None:
    accept = f"application/vnd.elasticsearch+json;compatible-with={compatible}"
    async with world(version) as here:
        answer = await here.http.get("/", headers={"Accept": accept})
        if fine:
            assert answer.headers["Content-Type"] == accept
        else:
            assert Refusal.of(answer).type == "media_type_header_exception"


VENDOR = "application/vnd.elasticsearch+json;compatible-with="
JSON = "application/json"
BOTH = "A compatible version is required on both Content-Type and Accept headers if either one has requested a compatible version"
MUST_MATCH = f"{BOTH} and the compatible versions must match."
PAIRS: list[Any] = [
    pytest.param("9.5.0", f"{VENDOR}9", f"{VENDOR}9", None, id="both of this major"),
    pytest.param("9.5.0", f"{VENDOR}8", f"{VENDOR}8", None, id="both of the one before"),
    pytest.param("8.19.0", f"{VENDOR}8", f"{VENDOR}8", None, id="a client of 8 with a server of 8"),
    pytest.param("9.5.0", f"{VENDOR}9", JSON, f"{BOTH}.", id="only Accept"),
    pytest.param("9.5.0", JSON, f"{VENDOR}9", f"{BOTH}.", id="only Content-Type"),
    pytest.param("9.5.0", f"{VENDOR}8", f"{VENDOR}9", MUST_MATCH, id="two versions"),
    pytest.param("9.5.0", JSON, f"{VENDOR}8", MUST_MATCH, id="only Content-Type, of the one before"),
    pytest.param(
        "9.5.0", f"{VENDOR}10", f"{VENDOR}10", "Accept version must be either version 9 or 8, but found 10.", id="newer"
    ),
    pytest.param(
        "8.19.0", f"{VENDOR}9", f"{VENDOR}9", "Accept version must be either version 8 or 7, but found 9.", id="a client of 9"
    ),
]


@pytest.mark.parametrize(("version", "accept", "content_type", "refused"), PAIRS)
async def test_vendor_types_of_both_headers(version: str, accept: str, content_type: str, refused: str | None) -> None:
    async with world(version) as here:
        headers = {"Accept": accept, "Content-Type": content_type}
        answer = await here.http.put("/_inference/completion/one", content=json.dumps(openai()), headers=headers)
        if refused is None:
            ok(answer)
            assert answer.headers["Content-Type"] == accept
            return
        refusal = Refusal.of(answer)
        assert (refusal.status, refusal.type) == (400, "media_type_header_exception")
        assert refusal.reason.startswith(refused)


async def test_without_a_body_its_type_does_not_matter(http: httpx.AsyncClient) -> None:
    ok(await http.get("/", headers={"Accept": f"{VENDOR}8", "Content-Type": f"{VENDOR}9"}))
    ok(await http.get("/", headers={"Content-Type": "text/plain"}))


@pytest.mark.parametrize(
    ("path", "allowed"), [("/_inference/completion/one/_update", "PUT"), ("/_inference/completion/one", "DELETE,GET,POST,PUT")]
)
async def test_options_list_the_methods(http: httpx.AsyncClient, path: str, allowed: str) -> None:
    answer = await http.options(path)
    assert (answer.status_code, answer.headers["Allow"], answer.text) == (200, allowed, "")


async def test_headers_of_every_answer(http: httpx.AsyncClient) -> None:
    for path in ("/", "/_inference/none", "/no/such/path/x"):
        answer = await http.get(path)
        assert answer.headers["X-elastic-product"] == "Elasticsearch"
        assert answer.headers["Content-Type"] == "application/json"


async def test_pretty(http: httpx.AsyncClient) -> None:
    assert (await http.get("/?pretty")).text.startswith('{\n  "name"')


@pytest.mark.parametrize("text", ["30", "x", "1y", "-5s"])
async def test_bad_time_values(http: httpx.AsyncClient, text: str) -> None:
    answer = await http.put("/_inference/completion/one", json=openai(), params={"timeout": text})
    expected = f"failed to parse setting [timeout] with value [{text}] as a time value: unit is missing or unrecognized"
    assert Refusal.of(answer) == Refusal(400, "illegal_argument_exception", expected)


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_root_license_and_health(version: str) -> None:
    async with world(version) as here:
        root = ok(await here.http.get("/"))
        assert (root["version"]["number"], root["cluster_uuid"]) == (version, here.standin.state.cluster.uuid)
        assert root["tagline"] == "You Know, for Search"
        assert ok(await here.http.get("/_cluster/health"))["status"] == "green"
        assert ok(await here.http.get("/_license"))["license"]["status"] == "active"
        here.standin.change_cluster(license_status="expired", health="red")
        assert ok(await here.http.get("/_license"))["license"]["status"] == "expired"
        assert ok(await here.http.get("/_cluster/health"))["status"] == "red"


async def test_percent_escapes_in_paths(http: httpx.AsyncClient) -> None:
    assert Refusal.of(await http.get("/_inference/a%2Fb")).reason == "Inference endpoint not found [a/b]"


NAMES = st.sampled_from(["one", "model", "x", "_all", "*", "completion", "rerank", "any", ".elser-2-elasticsearch", "é b", "a,b"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 400) | st.floats(allow_nan=False) | st.text(max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2), max_leaves=5
)
CHUNKING = {"strategy": "recursive", "max_chunk_size": 50, "separators": ["a"], "separator_group": "markdown"}
ADAPTIVE = {"enabled": True, "min_number_of_allocations": 1, "max_number_of_allocations": 2}
INFERENCE = {"model_id": "one", "input_output": [{"input_field": "a", "output_field": "b"}], "inference_config": {"ner": {}}}
SET = {"field": "a", "value": "{{b}}", "if": "ctx.a == 1", "on_failure": [{"drop": {}}]}
DOCS = [{"_index": "one", "_id": "1", "_version": 1, "_source": {"a": ["x", {"b": 1}], "c": "2024-01-01"}}]
RUN = [
    {"rename": {"field": "a.1.b", "target_field": "d"}},
    {"convert": {"field": "a.0", "type": "auto", "ignore_failure": True}},
    {"date": {"field": "c", "formats": ["yyyy-MM-dd"], "timezone": "Europe/Berlin", "output_format": "EEE HH:mm"}},
    {"foreach": {"field": "a", "processor": {"gsub": {"field": "_ingest._value", "pattern": "(x)", "replacement": "$1"}}}},
    {"json": {"field": "c", "add_to_root": True, "on_failure": [{"split": {"field": "c", "separator": "-"}}]}},
    {"append": {"field": "a", "value": ["{{c}}"], "allow_duplicates": False}},
    {"remove": {"keep": ["a"]}},
]
KNN = {"field": "v", "query_vector": [1, 2], "k": 1, "num_candidates": 2, "filter": {"term": {"k": "x"}}, "similarity": 0.5}
FIELD = {"type": "semantic_text", "inference_id": "one", "model_settings": {"dimensions": 3}}
SKELETONS: list[Json] = [
    openai(dimensions=8, similarity="cosine", rate_limit={"requests_per_minute": 1}) | {"task_settings": {"headers": {"a": "b"}}},
    openai() | {"task_type": "text_embedding", "chunking_settings": CHUNKING},
    elser(num_allocations=1, adaptive_allocations=ADAPTIVE) | {"task_type": "sparse_embedding"},
    {"task_type": "completion", "service_settings": {"api_key": "k"}, "task_settings": {"user": "u"}},
    {"task_type": "sparse_embedding", "service_settings": {"num_allocations": 2}},
    {"task_type": "sparse_embedding", "service_settings": {"adaptive_allocations": ADAPTIVE}, "chunking_settings": CHUNKING},
    {"service": "elasticsearch", "service_settings": {"deployment_id": "model"}},
    {"input": ["a"], "query": "q", "top_n": 1, "task_settings": {"top_n": 1}},
    {"input": "a", "input_type": "search"},
    {"messages": [{"role": "user", "content": "a"}]},
    {"processors": [{"inference": INFERENCE}, {"foreach": {"field": "a", "processor": {"set": SET}}}], "version": 1, "_meta": {}},
    {"mappings": {"properties": {"a": FIELD, "b": {"properties": {"c": FIELD}}}}, "settings": {"index": {"final_pipeline": "x"}}},
    {"index_patterns": ["a"], "template": {"settings": {"a": 1}}, "composed_of": ["b"], "priority": 3},
    {"pipeline": {"processors": RUN, "on_failure": [{"set": SET}], "field_access_pattern": "flexible"}, "docs": DOCS},
    {"pipeline": {"processors": [{"inference": INFERENCE}, {"pipeline": {"name": "one"}}]}, "docs": DOCS},
    {"a": "a text", "v": [1, 2], "w": {"x": 1.5}, "n": 3, "k": "x", "o": {"p": [{"q": None}]}},
    {"query": {"bool": {"must": [{"match": {"k": "x"}}], "should": {"exists": {"field": "a"}}, "minimum_should_match": 1}}},
    {"query": {"semantic": {"field": "a", "query": "x"}}, "size": 3, "from": 1, "min_score": 0.5, "_source": {"includes": ["a"]}},
    {"knn": KNN, "query": {"sparse_vector": {"field": "w", "query_vector": {"x": 1.0}}}, "_source": ["a.*"]},
    {"persistent": {"xpack": {"ml": {"max_inference_processors": 3}}}},
    {"cluster": ["all"], "index": [{"names": ["a"], "privileges": ["all"]}]},
    {"number_of_allocations": 2, "adaptive_allocations": ADAPTIVE},
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths to every value inside a JSON value."""
    yield at
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in children:
        yield from places(item, (*at, key))


def replaced(value: Any, at: tuple[Any, ...], new: Any) -> Any:
    """A copy of a JSON value with another value at a path."""
    if not at:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[at[0]] = replaced(copy[at[0]], at[1:], new)
    return copy


@st.composite
def bodies(draw: st.DrawFn) -> Any:
    """A sensible body with one value in it replaced by nonsense."""
    skeleton = draw(st.sampled_from(SKELETONS))
    return replaced(skeleton, draw(st.sampled_from(sorted(places(skeleton), key=str))), draw(VALUES))


async def furnished() -> StandIn:
    """A stand-in that holds one of everything."""
    async with world() as here:
        ok(await here.create(openai(), "completion"))
        ok(await here.create(elser(), "sparse_embedding", "model"))
        ok(await here.http.put("/_ingest/pipeline/one", json={"processors": []}))
        ok(await here.http.put("/one", json={"mappings": {"properties": {"a": FIELD}}}))
        vectors = {"v": {"type": "dense_vector", "dims": 2}, "w": {"type": "sparse_vector"}, "k": {"type": "keyword"}}
        ok(await here.http.put("/one/_mapping", json={"properties": vectors}))
        given = {"v": [1, 2], "w": {"x": 1.5}, "k": "x", "o": {"p": [1]}}
        assert (await here.http.put("/one/_doc/one?refresh", json=given)).status_code == 201
        ok(await here.http.put("/_index_template/one", json={"index_patterns": ["x"]}))
        return here.standin


STANDIN = asyncio.run(furnished())


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A request to any route, with any JSON in it."""
    route = draw(st.sampled_from(ROUTES))
    segments = tuple(draw(NAMES) if part.startswith("{") else part for part in route.path.split("/") if part)
    body = json.dumps(draw(bodies())).encode() if route.body else b""
    known = sorted(route.known_params(STANDIN.state.version))
    query = draw(st.dictionaries(st.sampled_from(known), st.sampled_from(["", "true", "1", "30s", "x"]), max_size=2))
    path = "/" + "/".join(segments)
    return Request(route.method, path, query, {"content-type": "application/json"}, body, segments, path)


@settings(max_examples=400, deadline=None)
@given(requests())
def test_the_core_answers_every_request(request: Request) -> None:
    step = handle(STANDIN.state, request, STANDIN.clock.now())
    assert isinstance(step, Step)
    if isinstance(step.outcome, Response):
        assert step.outcome.status in {200, 201, 400, 403, 404, 405, 406, 409, 429, 500, 501}
        json.dumps(step.outcome.body)
