"""Facts of the inference API that are at home in no other table: routes, error types, orders of checks, fields.

tests/standin/README.md says where each table of facts is tested, and which facts are not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standin import Cluster, Provider, StandIn
from tests.standin.catalogue import services
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, World, answer_after, invalid, ok, request_invalid, status, world
from tests.test_standin.samples import SECRET, elser, openai, sample, secret_name

STANDIN = Path(__file__).parents[1] / "standin"
CHAT = {"messages": [{"role": "user", "content": "a"}]}
ROUTES: list[tuple[str, str, Any]] = [
    ("PUT", "/_inference/completion/new", openai()),
    ("PUT", "/_inference/new", openai() | {"task_type": "completion"}),
    ("PUT", "/_inference/completion/new?timeout=5s", openai()),
    ("PUT", "/_inference/completion/one/_update", {"task_settings": {"user": "u"}}),
    ("PUT", "/_inference/one/_update", {"task_type": "completion", "task_settings": {"user": "u"}}),
    ("PUT", "/_inference/completion/one/_update?timeout=5s&master_timeout=5s", {"task_settings": {"user": "u"}}),
    ("GET", "/_inference", None),
    ("GET", "/_inference/_all", None),
    ("GET", "/_inference/*", None),
    ("GET", "/_inference/one", None),
    ("GET", "/_inference/one?return_minimal_config=true", None),
    ("GET", "/_inference/completion/_all", None),
    ("GET", "/_inference/completion/one", None),
    ("GET", "/_inference/COMPLETION/one", None),
    ("GET", "/_inference/%20Completion%20/one", None),
    ("DELETE", "/_inference/completion/one", None),
    ("DELETE", "/_inference/one", None),
    ("DELETE", "/_inference/one?force=true", None),
    ("DELETE", "/_inference/one?dry_run=true", None),
    ("POST", "/_inference/completion/one", {"input": "a"}),
    ("POST", "/_inference/one?timeout=5s", {"input": "a"}),
    ("POST", "/_inference/completion/one/_stream", {"input": "a"}),
    ("POST", "/_inference/one/_stream?timeout=5s", {"input": "a"}),
    ("POST", "/_inference/chat_completion/chat/_stream", CHAT),
    ("GET", "/_inference/_services", None),
    ("GET", "/_inference/_services/rerank", None),
    ("GET", "/_ml/trained_models/_stats", None),
    ("GET", "/_ml/trained_models/model/_stats", None),
    ("GET", "/", None),
    ("GET", "/_cluster/health", None),
    ("GET", "/_license", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES, ids=[f"{method} {path}" for method, path, _ in ROUTES])
async def test_routes(http: httpx.AsyncClient, method: str, path: str, body: Any) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    ok(await http.put("/_inference/chat_completion/chat", json=openai()))
    ok(await http.put("/_inference/sparse_embedding/model", json=elser()))
    answer = await http.request(method, path, json=body)
    assert answer.status_code == 200, answer.text


TYPES: dict[str, tuple[str, str, Any, int]] = {
    "status_exception": ("PUT", "/_inference/completion/one", {}, 400),
    "resource_not_found_exception": ("GET", "/_inference/none", None, 404),
    "resource_already_exists_exception": ("PUT", "/_inference/completion/taken", openai(), 400),
    "action_request_validation_exception": ("PUT", "/_inference/completion/A", openai(), 400),
    "validation_exception": ("PUT", "/_inference/completion/one", openai(model_id=""), 400),
    "illegal_argument_exception": ("DELETE", "/_inference/taken?force=maybe", None, 400),
    "parse_exception": ("PUT", "/_inference/completion/one", None, 400),
    "x_content_parse_exception": ("POST", "/_inference/taken", {"nonsense": 1}, 400),
    "security_exception": ("PUT", "/_inference/completion/unlicensed", openai(), 403),
    "illegal_state_exception": ("GET", "/_inference/broken", None, 500),
    "timeout_exception": ("POST", "/_inference/taken?timeout=1s", {"input": "a"}, 429),
}


@pytest.mark.parametrize("kind", TYPES)
async def test_error_types_and_their_status(kind: str) -> None:
    method, path, body, code = TYPES[kind]
    async with world() as here:
        ok(await here.create(openai(), "completion", "taken"))
        ok(await here.create(openai(), "completion", "broken"))
        await here.http.post("/_standin/endpoints/broken", json={"broken": True})
        if kind == "security_exception":
            here.standin.change_cluster(license_type="basic")
        if kind == "timeout_exception":
            here.standin.change_provider(latency=9)
            answer = await answer_after(here, 1, here.http.request(method, path, json=body))
        else:
            answer = await here.http.request(method, path, json=body)
        error = answer.json()["error"]
        assert (error["type"], answer.status_code, answer.json()["status"]) == (kind, code, code)
        assert error["root_cause"][0] == {name: item for name, item in error.items() if name != "root_cause"}


ORDER_OF_CREATE: dict[str, tuple[str, Json, str]] = {
    "the id before everything": ("A", {"task_type": "bad"}, "Validation Failed: 1: Invalid inference_id; 'A'"),
    "the task type before the service": ("one", {"task_type": "bad", "service": "nobody"}, "Unknown task_type [bad]"),
    "the service before its settings": ("one", {"service": "nobody", "service_settings": 1}, "Unknown service [nobody]"),
    "a deployment of the id before the settings": ("model", openai(x=1), "Inference endpoint IDs must be unique."),
    "the settings before the provider": ("one", openai(x=1, api_key="bad"), "Configuration contains settings"),
    "the provider before a taken id": ("taken", openai(api_key="bad"), "Could not complete inference endpoint creation"),
    "a taken id at last": ("taken", openai(), "Inference endpoint [taken] already exists"),
}


@pytest.mark.parametrize(("name", "body", "begin"), ORDER_OF_CREATE.values(), ids=ORDER_OF_CREATE)
async def test_order_of_the_checks_of_a_create(name: str, body: Json, begin: str) -> None:
    async with world(provider=Provider(refused=frozenset({"bad"}))) as here:
        ok(await here.create(openai(), "completion", "taken"))
        ok(await here.create(elser(), "sparse_embedding", "model"))
        assert Refusal.of(await here.create(body, "completion", name)).reason.startswith(begin)


Prepare = Callable[[World], Awaitable[Any]]


async def missing(here: World) -> None:
    here.standin.change_cluster(license_type="basic")


async def unlicensed(here: World) -> None:
    ok(await here.create(openai()))
    here.standin.change_cluster(license_type="basic")


async def refused(here: World) -> None:
    ok(await here.create(openai()))
    here.standin.refuse_key("bad")


ORDER_OF_UPDATE: dict[str, tuple[Prepare, str, Json, str]] = {
    "the endpoint before the licence": (missing, "one", {"task_settings": {}}, "The inference endpoint [one] does not exist"),
    "a default endpoint before the licence": (missing, ".rerank-v1-elasticsearch", {"task_settings": {}}, "Default endpoint"),
    "the licence before the task type": (unlicensed, "one", {"task_type": "rerank"}, "current license is non-compliant"),
    "the settings before the provider": (
        refused,
        "one",
        {"service_settings": {"api_key": "bad", "x": 1}},
        "Configuration contains",
    ),
    "the provider at last": (refused, "one", {"service_settings": {"api_key": "bad"}}, "Could not complete inference endpoint"),
}


@pytest.mark.parametrize(("prepare", "name", "body", "begin"), ORDER_OF_UPDATE.values(), ids=ORDER_OF_UPDATE)
async def test_order_of_the_checks_of_an_update(prepare: Prepare, name: str, body: Json, begin: str) -> None:
    async with world() as here:
        await prepare(here)
        task = "rerank" if name.startswith(".") else "any" if "task_type" in body else "text_embedding"
        assert Refusal.of(await here.update(body, task, name)).reason.startswith(begin)


@pytest.mark.parametrize("name", [".elser-2-elasticsearch", ".elser-2-elastic", ".mine"])
async def test_reserved_ids_already_fail_the_check_of_ids(name: str) -> None:
    async with world(cluster=Cluster(eis=True)) as here:
        rule = "can contain lowercase alphanumeric (a-z and 0-9), hyphens or underscores; must start and end with alphanumeric"
        expected = request_invalid(f"Invalid inference_id; '{name}' {rule}")
        assert Refusal.of(await here.create(openai(), name=name)) == expected


async def test_a_setting_that_users_may_not_give(http: httpx.AsyncClient) -> None:
    answer = await http.put("/_inference/text_embedding/one", json=openai(dimensions_set_by_user=True))
    assert Refusal.of(answer) == invalid("[service_settings] does not allow the setting [dimensions_set_by_user]")


@pytest.mark.parametrize(("task", "seconds"), [("text_embedding", 30), ("completion", 120), ("chat_completion", 120)])
async def test_default_timeouts_of_the_validation(task: str, seconds: int) -> None:
    async with world(provider=Provider(latency=1000)) as here:
        answer = await answer_after(here, seconds, here.create(openai(), task))
        shown = "30s" if seconds == 30 else "2m"
        cause = answer.json()["error"]["caused_by"]
        assert cause["reason"] == f"Request timed out after [{shown}] for inference id [one]"


async def test_what_the_server_keeps_to_itself(http: httpx.AsyncClient, standin: StandIn) -> None:
    shown = ok(await http.put("/_inference/text_embedding/one", json=openai(dimensions=8)))
    assert standin.endpoints["one"].hidden == {"dimensions_set_by_user": True}
    assert "dimensions_set_by_user" not in str(shown)


WITH_SECRETS = [service for service in services().values() if secret_name(service, sample(service, service.task_types[0]))]


@pytest.mark.parametrize("service", WITH_SECRETS, ids=lambda one: one.name)
async def test_no_secret_is_ever_shown(http: httpx.AsyncClient, standin: StandIn, service: Any) -> None:
    task = service.task_types[0]
    body = sample(service, task)
    answers = [await http.put(f"/_inference/{task}/one", json=body), await http.get("/_inference/one")]
    ok(answers[0])
    assert SECRET in str(standin.endpoints["one"].secrets)
    assert SECRET not in "".join(answer.text for answer in answers)


CHUNKING: dict[str, tuple[Json, Json | Refusal]] = {
    "word of nine": (
        {"strategy": "word", "max_chunk_size": 9, "overlap": 1},
        invalid("[chunking_settings] Invalid value [9.0]. [max_chunk_size] must be a greater than or equal to [10.0]"),
    ),
    "word without overlap": (
        {"strategy": "word", "max_chunk_size": 10},
        invalid("[chunking_settings] does not contain the required setting [overlap]"),
    ),
    "foreign field of word": (
        {"strategy": "word", "max_chunk_size": 10, "overlap": 1, "sentence_overlap": 1},
        invalid("Word based chunking settings can not have the following settings: [sentence_overlap]"),
    ),
    "foreign field of recursive": (
        {"strategy": "recursive", "max_chunk_size": 10, "overlap": 1},
        invalid("Recursive chunking settings can not have the following settings: [overlap]"),
    ),
    "sentence without overlap": (
        {"strategy": "sentence", "max_chunk_size": 20},
        {"strategy": "sentence", "max_chunk_size": 20, "sentence_overlap": 1},
    ),
}


@pytest.mark.parametrize(("given", "expected"), CHUNKING.values(), ids=CHUNKING)
async def test_bounds_of_chunking(http: httpx.AsyncClient, given: Json, expected: Json | Refusal) -> None:
    answer = await http.put("/_inference/text_embedding/one", json=openai() | {"chunking_settings": given})
    assert (ok(answer)["chunking_settings"] if answer.is_success else Refusal.of(answer)) == expected


@pytest.mark.parametrize("group", ["markdown", "plaintext"])
async def test_groups_of_separators(http: httpx.AsyncClient, group: str) -> None:
    given = {"strategy": "recursive", "max_chunk_size": 50, "separator_group": group}
    shown = ok(await http.put("/_inference/text_embedding/one", json=openai() | {"chunking_settings": given}))
    assert len(shown["chunking_settings"]["separators"]) > 1


URL = "https://p.example/v2"
MUTABLE: dict[str, tuple[str, str, Json]] = {
    "openai": ("openai", "text_embedding", {"organization_id": "o", "max_input_tokens": 9}),
    "groq": ("groq", "chat_completion", {"organization_id": "o"}),
    "amazon_sagemaker": ("amazon_sagemaker", "completion", {"batch_size": 9}),
    "googlevertexai": ("googlevertexai", "text_embedding", {"max_batch_size": 9}),
    "custom": (
        "custom",
        "text_embedding",
        {
            "url": URL,
            "headers": {"X": "y"},
            "query_parameters": [["a", "b"]],
            "request": '{"new": ${input}}',
            "response": {"json_parser": {"text_embeddings": "$.new"}},
            "batch_size": 9,
            "input_type": {"default": "d"},
            "max_input_tokens": 9,
        },
    ),
}


@pytest.mark.parametrize(("service", "task", "changes"), MUTABLE.values(), ids=MUTABLE)
async def test_settings_that_may_change_since_9_4(service: str, task: str, changes: Json) -> None:
    async with world() as here:
        ok(await here.create(sample(services()[service], task), task))
        limit = {"rate_limit": {"requests_per_minute": 7}} if service != "amazon_sagemaker" else {}
        given = changes | limit
        shown = ok(await here.update({"service_settings": given}, task))["service_settings"]
        assert {name: shown[name] for name in given} == given


@pytest.mark.parametrize("name", ["model_id", "dimensions", "similarity", "url"])
async def test_settings_that_never_change(name: str) -> None:
    values: Json = {"model_id": "other", "dimensions": 9, "similarity": "cosine", "url": URL}
    async with world() as here:
        ok(await here.create(openai()))
        answer = await here.update({"service_settings": {name: values[name]}})
        expected = f"Configuration contains settings [{{{name}={values[name]}}}] unknown to the [openai] service"
        assert Refusal.of(answer) == status(400, expected)


STATS: Json = {
    "model_id": str,
    "model_size_stats": {"model_size_bytes": int, "required_native_memory_bytes": int},
    "pipeline_count": int,
    "inference_stats": {
        "failure_count": int,
        "inference_count": int,
        "cache_miss_count": int,
        "missing_all_fields_count": int,
        "timestamp": int,
    },
    "deployment_stats": {
        "deployment_id": str,
        "model_id": str,
        "threads_per_allocation": int,
        "number_of_allocations": int,
        "adaptive_allocations": {"enabled": bool, "min_number_of_allocations": int, "max_number_of_allocations": int},
        "queue_capacity": int,
        "state": str,
        "allocation_status": {"allocation_count": int, "target_allocation_count": int, "state": str},
        "cache_size": str,
        "priority": str,
        "start_time": int,
        "peak_throughput_per_minute": int,
        "nodes": list,
    },
}
NODE: Json = {
    "node": dict,
    "routing_state": {"routing_state": str},
    "inference_count": int,
    "average_inference_time_ms": float,
    "last_access": int,
    "number_of_pending_requests": int,
    "start_time": int,
    "threads_per_allocation": int,
    "number_of_allocations": int,
    "peak_throughput_per_minute": int,
    "throughput_last_minute": int,
}


def fits(value: Any, shape: Any) -> bool:
    """Whether a JSON value has exactly the fields of a shape, with the types that it names."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and value.keys() == shape.keys() and all(fits(value[key], shape[key]) for key in shape)
    return type(value) is shape


async def test_fields_of_the_statistics_of_models() -> None:
    adaptive = {"enabled": True, "min_number_of_allocations": 0, "max_number_of_allocations": 4}
    async with world() as here:
        ok(await here.create(elser(adaptive_allocations=adaptive), "sparse_embedding"))
        (row,) = ok(await here.http.get("/_ml/trained_models/.elser_model_2/_stats"))["trained_model_stats"]
        assert fits(row, STATS), row
        (node,) = row["deployment_stats"]["nodes"]
        assert fits(node, NODE), node
        ((_, found),) = node["node"].items()
        assert set(found) == {"name", "ephemeral_id", "transport_address", "external_id", "attributes", "roles"}


CONFIGURATION = {"label", "required", "sensitive", "updatable", "type", "supported_task_types"}


async def test_fields_of_the_catalogue_of_services(http: httpx.AsyncClient) -> None:
    for service in (await http.get("/_inference/_services")).json():
        assert list(service) == ["service", "name", "task_types", "configurations"]
        for configuration in service["configurations"].values():
            assert CONFIGURATION <= set(configuration) <= CONFIGURATION | {"description", "default_value"}
            assert None not in configuration.values()


FOUND = [path for path in sorted(STANDIN.rglob("*.py")) if "nverified" in path.read_text()]


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_is_unverified_says_what_would_settle_it(path: Path) -> None:
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if "nverified" in line:
            around = " ".join(lines[max(0, number - 2) : number + 4])
            assert re.search(r"settle|worth|depend", around), f"{path.name}:{number + 1}: {line.strip()}"
