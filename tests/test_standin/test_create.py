"""Section "Create" of the facts: the order of checks, each refusal with its words, what is stored and shown."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import Cluster, Provider, StandIn
from tests.standin.messages import Json
from tests.test_standin.asking import ALL_VERSIONS, Refusal, answer_after, invalid, ok, request_invalid, status, world
from tests.test_standin.samples import openai

INVALID_ID = (
    "Invalid inference_id; '{}' can contain lowercase alphanumeric (a-z and 0-9), hyphens or underscores; "
    "must start and end with alphanumeric"
)
VALIDATION_FAILED = "Could not complete inference endpoint creation as validation call to service threw an exception."


def body(service: str, **settings: Any) -> Json:
    return {"service": service, "service_settings": settings}


COHERE = {"api_key": "k", "model_id": "m"}
REFUSALS: dict[str, tuple[str, Json, Refusal]] = {
    "no service": (
        "completion",
        {"service_settings": {}},
        status(400, "Inference endpoint configuration is missing the [service] setting"),
    ),
    "unknown service": ("completion", body("nobody"), status(400, "Unknown service [nobody]")),
    "no service_settings": (
        "completion",
        {"service": "openai"},
        status(400, "Missing required field [service_settings]"),
    ),
    "wrong task type for the service": (
        "rerank",
        openai(),
        status(400, "The [openai] service does not support task type [rerank]"),
    ),
    "missing required setting": (
        "rerank",
        body("cohere", model_id="m"),
        invalid("[service_settings] does not contain the required setting [api_key]"),
    ),
    "several missing settings are numbered": (
        "completion",
        body("alibabacloud-ai-search", api_key="k", host="h"),
        invalid(
            "[service_settings] does not contain the required setting [service_id]",
            "[service_settings] does not contain the required setting [workspace]",
        ),
    ),
    "one of several required": (
        "completion",
        body("openai", model_id="m"),
        invalid("[service_settings] does not contain one of the required settings [api_key, client_secret]"),
    ),
    "missing required task setting": (
        "completion",
        body("anthropic", **COHERE),
        invalid("[task_settings] does not contain the required setting [max_tokens]"),
    ),
    "empty string": (
        "rerank",
        body("cohere", api_key="k", model_id=""),
        invalid("[service_settings] Invalid value empty string. [model_id] must be a non-empty string"),
    ),
    "not a positive integer": (
        "text_embedding",
        openai(dimensions=-1),
        invalid("[service_settings] Invalid value [-1]. [dimensions] must be a positive integer"),
    ),
    "wrong JSON type": (
        "text_embedding",
        openai(dimensions="x"),
        invalid("field [dimensions] is not of the expected type. The value [x] cannot be converted to a [Integer]"),
    ),
    "wrong JSON type of a secret prints the value": (
        "completion",
        openai(api_key=["leaked"]),
        invalid("field [api_key] is not of the expected type. The value [[leaked]] cannot be converted to a [String]"),
    ),
    "bad enum": (
        "text_embedding",
        openai(similarity="x"),
        invalid("[service_settings] Invalid value [x] received. [similarity] must be one of [cosine, dot_product, l2_norm]"),
    ),
    "bad URL": (
        "text_embedding",
        openai(url="http://a b"),
        invalid(
            "[service_settings] Invalid url [http://a b] received for field [url]. Error: unable to parse url [http://a b]. "
            "Reason: Illegal character in path at index 8: http://a b"
        ),
    ),
    "unknown setting in service_settings prints the value": (
        "completion",
        openai(apikey="leaked", n=1),
        status(400, "Configuration contains settings [{apikey=leaked, n=1}] unknown to the [openai] service"),
    ),
    "unknown setting at the top": (
        "completion",
        openai() | {"foo": {"a": [True, None]}},
        status(400, "Configuration contains settings [{foo={a=[true, null]}}] unknown to the [openai] service"),
    ),
    "unknown setting in task_settings": (
        "completion",
        openai() | {"task_settings": {"foo": "bar"}},
        status(400, "Configuration contains settings [{foo=bar}] unknown to the [openai] service"),
    ),
    "chunking settings for a task without chunking": (
        "completion",
        openai() | {"chunking_settings": {"strategy": "none"}},
        status(400, "Configuration contains settings [{chunking_settings={strategy=none}}] unknown to the [openai] service"),
    ),
    "unknown setting in rate_limit": (
        "completion",
        openai(rate_limit={"x": 1}),
        status(
            400,
            "Configuration contains unknown settings [{x=1}] while parsing field [rate_limit] for settings [service_settings]",
        ),
    ),
    "setting not allowed": (
        "text_embedding",
        body("amazonbedrock", access_key="a", secret_key="s", model="m", region="r", dimensions=8),
        invalid("[service_settings] does not allow the setting [dimensions]"),
    ),
    "both keys": (
        "completion",
        body("azureopenai", api_key="k", entra_id="e", api_version="v", deployment_id="d", resource_name="r"),
        invalid("[secret_settings] must have only one of the [api_key] or the [entra_id] key set"),
    ),
    "a setting that another one requires": (
        "text_embedding",
        body(
            "amazon_sagemaker", access_key="a", secret_key="s", endpoint_name="e", region="r", api="elastic", similarity="cosine"
        ),
        invalid("[service_settings] does not contain the required setting [element_type]"),
    ),
    "unknown task type in the body": (
        "completion",
        openai() | {"task_type": "bad"},
        status(400, "Unknown task_type [bad]"),
    ),
    "task type any in the body": (
        "completion",
        openai() | {"task_type": "any"},
        status(400, "task_type [any] is not valid type for inference"),
    ),
    "conflicting task types": (
        "completion",
        openai() | {"task_type": "rerank"},
        status(
            400,
            "Cannot resolve conflicting task_type parameter in the request URL [completion] and the request body [rerank]",
        ),
    ),
    "unknown task type in the URL": ("bad", openai(), status(400, "Unknown task_type [bad]")),
}


@pytest.mark.parametrize(("task", "request_body", "refusal"), REFUSALS.values(), ids=REFUSALS)
async def test_refused(http: httpx.AsyncClient, standin: StandIn, task: str, request_body: Json, refusal: Refusal) -> None:
    assert Refusal.of(await http.put(f"/_inference/{task}/one", json=request_body)) == refusal
    assert not standin.endpoints


@pytest.mark.parametrize("name", ["Upper", "-a", "a_", "a b", ".a", "_all"])
async def test_id_is_checked_before_the_body(http: httpx.AsyncClient, name: str) -> None:
    answer = await http.put(f"/_inference/completion/{name}", content=b"{", headers={"Content-Type": "application/json"})
    assert Refusal.of(answer) == request_invalid(INVALID_ID.format(name))


@pytest.mark.parametrize("name", ["a", "9", "tencentcloudapi_bge_base_zh-v1.5", "a" * 300])
async def test_ids_that_pass(http: httpx.AsyncClient, name: str) -> None:
    assert ok(await http.put(f"/_inference/completion/{name}", json=openai()))["inference_id"] == name


@pytest.mark.parametrize("content", [b"", b"  "])
async def test_empty_body(http: httpx.AsyncClient, content: bytes) -> None:
    answer = await http.put("/_inference/completion/one", content=content, headers={"Content-Type": "application/json"})
    assert Refusal.of(answer) == Refusal(400, "parse_exception", "request body is required")


async def test_body_that_is_not_json(http: httpx.AsyncClient) -> None:
    answer = await http.put("/_inference/completion/one", content=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "x_content_parse_exception")


async def test_short_form_takes_the_task_type_from_the_body(http: httpx.AsyncClient) -> None:
    assert ok(await http.put("/_inference/one", json=openai() | {"task_type": "Completion "}))["task_type"] == "completion"
    missing = await http.put("/_inference/two", json=openai())
    assert Refusal.of(missing) == status(400, "model is missing required setting [task_type]")


async def test_a_taken_id_is_found_only_after_the_provider_was_asked(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/_inference/completion/one", json=openai()))
    taken = Refusal(400, "resource_already_exists_exception", "Inference endpoint [one] already exists")
    assert Refusal.of(await http.put("/_inference/completion/one", json=openai())) == taken
    standin.refuse_key("wrong")
    refused = await http.put("/_inference/completion/one", json=openai(api_key="wrong"))
    assert Refusal.of(refused) == status(400, VALIDATION_FAILED)
    unparsable = await http.put("/_inference/completion/one", json=openai(foo=1))
    assert "unknown to the [openai] service" in unparsable.text


async def test_provider_refusal_is_a_400_with_its_cause(http: httpx.AsyncClient, standin: StandIn) -> None:
    standin.refuse_key("wrong")
    answer = await http.put("/_inference/completion/one", json=openai(api_key="wrong"))
    error = answer.json()["error"]
    assert Refusal.of(answer) == status(400, VALIDATION_FAILED)
    assert error["caused_by"]["type"] == "status_exception"
    assert "inference entity id [one] status [401]" in error["caused_by"]["reason"]
    assert error["root_cause"] == [error["caused_by"]]
    assert "wrong" not in answer.text
    assert not standin.endpoints
    standin.accept_key("wrong")
    ok(await http.put("/_inference/completion/one", json=openai(api_key="wrong")))


async def test_provider_that_answers_nothing() -> None:
    async with world(provider=Provider(silent=frozenset({"openai"}))) as here:
        expected = "Could not complete inference endpoint creation as validation call to service returned null response."
        assert Refusal.of(await here.create(openai())) == status(400, expected)


async def test_provider_that_can_not_be_reached() -> None:
    async with world(provider=Provider(unreachable=frozenset({"openai"}))) as here:
        answer = await here.create(openai())
        assert Refusal.of(answer) == status(400, VALIDATION_FAILED)
        assert answer.json()["error"]["caused_by"]["type"] == "connect_exception"


TIMEOUTS = {
    "8.19.0": ("status_exception", "Request timed out waiting to be sent after [5s]"),
    "9.2.0": ("status_exception", "Request timed out waiting to be sent after [5s]"),
    "9.5.0": ("timeout_exception", "Request timed out after [5s] for inference id [one]"),
}


@pytest.mark.parametrize("version", TIMEOUTS)
async def test_provider_that_is_too_slow(version: str) -> None:
    async with world(version, provider=Provider(latency=60)) as here:
        answer = await answer_after(here, 5, here.create(openai(), timeout="5s"))
        assert Refusal.of(answer) == status(400, VALIDATION_FAILED)
        cause = answer.json()["error"]["caused_by"]
        assert (cause["type"], cause["reason"]) == TIMEOUTS[version]


@pytest.mark.parametrize("cluster", [Cluster(license_type="basic"), Cluster(license_status="expired")])
async def test_licence(cluster: Cluster) -> None:
    async with world(cluster=cluster) as here:
        answer = await here.create(openai())
        assert Refusal.of(answer) == Refusal(403, "security_exception", "current license is non-compliant for [inference]")
        assert answer.json()["error"]["license.expired.feature"] == "inference"
        unknown = await here.create({"service": "nobody"})
        assert unknown.status_code == 403, "the licence is checked before the service"
        assert ok(await here.http.get("/_inference/_all"))["endpoints"]


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_words_of_an_unknown_setting(version: str) -> None:
    async with world(version) as here:
        begin = "Model configuration" if version == "8.17.0" else "Configuration"
        expected = f"{begin} contains settings [{{foo=bar}}] unknown to the [openai] service"
        assert Refusal.of(await here.create(openai(foo="bar"))) == status(400, expected)


@pytest.mark.parametrize("version", ALL_VERSIONS)
async def test_query_timeout_came_with_8_19_and_9_1(version: str) -> None:
    async with world(version) as here:
        answer = await here.create(openai(), timeout="10s")
        if version == "8.17.0":
            expected = "request [/_inference/text_embedding/one] contains unrecognized parameter: [timeout]"
            assert Refusal.of(answer) == Refusal(400, "illegal_argument_exception", expected)
        else:
            ok(answer)


SINCE = {
    ("chat_completion", "openai"): ("8.19.0", "9.2.0", "9.5.0"),
    ("embedding", "openai"): ("9.5.0",),
    ("completion", "deepseek"): ("8.19.0", "9.2.0", "9.5.0"),
    ("completion", "fireworksai"): ("9.5.0",),
}


@pytest.mark.parametrize("version", ALL_VERSIONS)
@pytest.mark.parametrize(("task", "service"), SINCE)
async def test_task_types_and_services_come_with_versions(version: str, task: str, service: str) -> None:
    async with world(version) as here:
        answer = await here.create(body(service, **COHERE), task)
        if version in SINCE[task, service]:
            ok(answer)
        else:
            kind = f"Unknown service [{service}]" if service != "openai" else f"Unknown task_type [{task}]"
            assert Refusal.of(answer) == status(400, kind)


async def test_oauth_settings_are_unknown_before_their_version() -> None:
    async with world("9.2.0") as here:
        answer = await here.create(openai(client_id="c"))
        expected = "Configuration contains settings [{client_id=c}] unknown to the [openai] service"
        assert Refusal.of(answer) == status(400, expected)
        missing = await here.create(body("openai", model_id="m"))
        assert Refusal.of(missing) == invalid("[service_settings] does not contain the required setting [api_key]")
    async with world("9.5.0") as here:
        oauth = {"client_id": "c", "client_secret": "s", "scopes": ["x"], "token_url": "https://t.example"}
        ok(await here.create(body("openai", model_id="m", **oauth)))


async def test_id_of_a_trained_model_deployment(http: httpx.AsyncClient) -> None:
    ok(await http.post("/_ml/trained_models/.elser_model_2/deployment/_start", params={"deployment_id": "one"}))
    answer = await http.put("/_inference/completion/one", json=openai())
    assert Refusal.of(answer) == status(
        400,
        "Inference endpoint IDs must be unique. Requested inference endpoint ID [one] matches existing trained model ID(s) "
        "but must not.",
    )


@pytest.mark.parametrize("version", ["9.2.0", "9.3.0"])
async def test_mappings_that_remember_another_model(version: str) -> None:
    remembered = {"task_type": "text_embedding", "dimensions": 8, "similarity": "cosine"}
    field = {"type": "semantic_text", "inference_id": "one", "model_settings": remembered}
    async with world(version) as here:
        for name in ("i1", "i2"):
            ok(await here.http.put(f"/{name}", json={"mappings": {"properties": {"t": field}}}))
        answer = await here.create(openai(dimensions=16))
        if version == "9.2.0":
            ok(answer)
            return
        assert Refusal.of(answer) == status(
            400,
            "Inference endpoint [one] could not be created because the inference_id is being used in mappings with "
            "incompatible settings for indices: [i1, i2]. Please either use a different inference_id or update the index "
            "mappings to refer to a different inference_id.",
        )
        ok(await here.create(openai(dimensions=8, similarity="cosine")))
