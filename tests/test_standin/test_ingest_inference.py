"""The `inference` processor answers from endpoints and models, and is found as a reference with the server's gaps."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import ManualClock, StandIn, vectors
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, answer_after, ok, world
from tests.test_standin.ingesting import after, create_endpoints, failure, put, simulate, told
from tests.test_standin.samples import SECRET, elser

STATUS = "status_exception"


def inference(model_id: str, **options: Any) -> list[Json]:
    return [{"inference": {"model_id": model_id, **options}}]


def pair(source: str, target: str) -> Json:
    return {"input_field": source, "output_field": target}


async def test_text_in_vector_out(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    found = await after(http, inference("dense", input_output=pair("text", "vector")), {"text": "a"})
    direct = ok(await http.post("/_inference/dense", json={"input": "a"}))["text_embedding"][0]["embedding"]
    assert found == {"text": "a", "vector": direct, "model_id": "dense"}


async def test_text_in_tokens_out(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    found = await after(http, inference("sparse", input_output=pair("text", "ml.tokens")), {"text": "red shoe"})
    assert set(found["ml"]["tokens"]) == {"red", "shoe"}
    assert found["ml"]["model_id"] == "sparse", "the model is told beside the result"


async def test_text_in_answer_out(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    found = await after(http, inference("chat", input_output=[pair("text", "answer")]), {"text": "why"})
    assert isinstance(found["answer"], str)


async def test_several_inputs_are_one_request(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    pairs = [pair("a", "x"), pair("b", "y")]
    found = await after(http, inference("dense", input_output=pairs), {"a": "1", "b": "2"})
    assert found["x"] != found["y"]
    assert found["model_id"] == "dense"


async def test_a_missing_input(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    processors = inference("dense", input_output=pair("text", "vector"))
    assert await failure(http, processors, {}) == (
        "illegal_argument_exception",
        "field [text] not present as part of path [text]",
    )
    processors[0]["inference"]["ignore_missing"] = True
    assert await after(http, processors, {}) == {}


async def test_an_input_that_is_no_text(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    expected = "input field [text] cannot be processed because it is not a text field"
    found = await failure(http, inference("dense", input_output=pair("text", "vector")), {"text": 1})
    assert found == ("illegal_argument_exception", expected)


async def test_a_result_that_is_there_already_is_appended(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    found = await after(http, inference("chat", input_output=pair("text", "answer")), {"text": "why", "answer": "x"})
    assert found["answer"][0] == "x"
    assert len(found["answer"]) == 2


async def test_inference_in_foreach(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    inner = inference("dense", input_output=pair("_ingest._value.text", "_ingest._value.vector"))[0]
    found = await after(http, [{"foreach": {"field": "parts", "processor": inner}}], {"parts": [{"text": "a"}, {"text": "b"}]})
    assert [len(part["vector"]) for part in found["parts"]] == [8, 8]


async def test_an_unknown_model(http: httpx.AsyncClient) -> None:
    """Which words it is depends on the form: the older one looks for a trained model."""
    reason = "[none] is not an inference service model or a deployed ml model"
    assert await failure(http, inference("none", input_output=pair("text", "v")), {"text": "a"}) == (STATUS, reason)
    missing = ("resource_not_found_exception", "Could not find trained model [none]")
    assert await failure(http, inference("none"), {"text_field": "a"}) == missing


async def test_an_endpoint_takes_no_documents(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    reason = "[dense] is configured for the _inference API and does not accept documents as input"
    processors = inference("dense", target_field="x", field_map={"text": "text_field"})
    assert await failure(http, processors, {"text": "a"}) == (STATUS, reason)


async def test_a_deployed_model_takes_documents(http: httpx.AsyncClient) -> None:
    await http.put("/_inference/sparse_embedding/one", json=elser())
    model = inference(".elser_model_2", field_map={"text": "text_field"})
    found = await after(http, model, {"text": "red"})
    assert found["ml"]["inference"] == {"predicted_value": vectors.sparse("red"), "model_id": ".elser_model_2"}
    tagged = [{"inference": model[0]["inference"] | {"tag": "t"}}]
    assert list((await after(http, tagged, {"text": "red"}))["ml"]["inference"]) == ["t"]


async def test_a_refused_key_is_the_document_s_error(http: httpx.AsyncClient, standin: StandIn) -> None:
    await create_endpoints(http)
    standin.refuse_key(SECRET)
    found = await simulate(http, inference("dense", input_output=pair("text", "v")), {"text": "a"})
    assert "401" in found["error"]["reason"]
    assert SECRET not in str(found)
    (result,) = await told(http, inference("dense", input_output=pair("text", "v"), tag="t"), {"text": "a"})
    assert (result["status"], result["tag"]) == ("error", "t")


async def test_a_failed_inference_can_be_handled(http: httpx.AsyncClient) -> None:
    handler = {"set": {"field": "why", "copy_from": "_ingest.on_failure_processor_type"}}
    processors = inference("none", input_output=pair("text", "v"), on_failure=[handler])
    assert await after(http, processors, {"text": "a"}) == {"text": "a", "why": "inference"}


async def test_a_slow_endpoint_is_waited_for() -> None:
    async with world() as here:
        await create_endpoints(here.http)
        here.standin.change_provider(latency=2.0)
        body = {
            "pipeline": {"processors": inference("dense", input_output=pair("text", "v"))},
            "docs": [{"_source": {"text": "a"}}],
        }
        answer = await answer_after(here, 2.0, here.http.post("/_ingest/pipeline/_simulate", json=body))
        assert len(ok(answer)["docs"][0]["doc"]["_source"]["v"]) == 8


_INCOMPATIBLE = "option is incompatible with [input_output]. "
_UNSUPPORTED = "processor [inference] doesn't support one or more provided configuration parameters"
MIXED: dict[str, tuple[Json, str]] = {
    "target_field": (
        {"input_output": pair("a", "b"), "target_field": "c"},
        f"[target_field] {_INCOMPATIBLE}Use the [output_field] option to specify where to write the inference results to.",
    ),
    "field_map": ({"input_output": pair("a", "b"), "field_map": {}}, f"{_UNSUPPORTED} [field_map]"),
    "an input twice": (
        {"input_output": [pair("a", "b"), pair("a", "c")]},
        "[input_field] names must be unique but [a] is repeated",
    ),
    "an output twice": (
        {"input_output": [pair("a", "b"), pair("c", "b")]},
        "[output_field] names must be unique but [b] is repeated",
    ),
    "a text": ({"input_output": "a"}, "[input_output] property isn't a map or list of maps"),
    "a list of texts": ({"input_output": ["a"]}, "[input_output] property isn't a list of maps"),
}


@pytest.mark.parametrize(("options", "reason"), MIXED.values(), ids=MIXED)
async def test_input_output_excludes_the_older_form(http: httpx.AsyncClient, options: Json, reason: str) -> None:
    assert Refusal.of(await put(http, {"processors": inference("m", **options)})) == Refusal(400, "parse_exception", reason)


def nested(depth: int) -> Json:
    """A set processor whose handlers are nested so deep, with an inference at the bottom."""
    processor: Json = {"inference": {"model_id": "one"}}
    for _ in range(depth - 1):
        processor = {"set": {"field": "a", "value": 1, "on_failure": [processor]}}
    return processor


WALKED: dict[str, tuple[Json, bool]] = {
    "processors": ({"processors": inference("one")}, True),
    "on_failure of the pipeline": ({"processors": [], "on_failure": inference("one")}, False),
    "on_failure of a processor": ({"processors": [nested(2)]}, True),
    "on_failure of an inference": ({"processors": inference("x", on_failure=inference("one"))}, False),
    "inside of foreach": ({"processors": [{"foreach": {"field": "a", "processor": inference("one")[0]}}]}, True),
    "on_failure of foreach": (
        {"processors": [{"foreach": {"field": "a", "processor": {"drop": {}}, "on_failure": inference("one")}}]},
        False,
    ),
    "with a condition": ({"processors": inference("one", **{"if": "ctx.a == 1"})}, True),
    "as a template": ({"processors": inference("{{one}}")}, False),
    "depth 10": ({"processors": [nested(10)]}, True),
    "depth 11": ({"processors": [nested(11)]}, False),
}


@pytest.mark.parametrize(("body", "counts"), WALKED.values(), ids=WALKED)
async def test_what_counts_as_a_reference(http: httpx.AsyncClient, clock: ManualClock, body: Json, counts: bool) -> None:
    ok(
        await http.put(
            "/_inference/completion/one", json={"service": "openai", "service_settings": {"api_key": "k", "model_id": "m"}}
        )
    )
    ok(await put(http, body))
    dry = ok(await http.delete("/_inference/one", params={"dry_run": "true"}))
    assert dry["pipelines"] == (["p1"] if counts else [])


async def test_a_called_pipeline_counts_by_itself(http: httpx.AsyncClient) -> None:
    await create_endpoints(http)
    ok(await put(http, {"processors": [{"pipeline": {"name": "p2"}}]}))
    ok(await put(http, {"processors": inference("dense")}, "p2"))
    assert ok(await http.delete("/_inference/dense", params={"dry_run": "true"}))["pipelines"] == ["p2"]


FIELD = {"type": "semantic_text", "inference_id": "dense"}
INDICES: dict[str, tuple[Json, bool]] = {
    "inference_id": ({"a": FIELD}, True),
    "search_inference_id": ({"a": {"type": "semantic_text", "inference_id": "x", "search_inference_id": "dense"}}, True),
    "several fields": ({"a": FIELD, "b": {"properties": {"c": FIELD}}}, True),
    "another id": ({"a": {"type": "semantic_text", "inference_id": "x"}}, False),
    "no semantic field": ({"a": {"type": "text"}}, False),
}


@pytest.mark.parametrize(("properties", "counts"), INDICES.values(), ids=INDICES)
async def test_which_indices_count_as_a_reference(http: httpx.AsyncClient, properties: Json, counts: bool) -> None:
    await create_endpoints(http)
    ok(await http.put("/i1", json={"mappings": {"properties": properties}}))
    template = {"index_patterns": ["i*"], "template": {"mappings": {"properties": {"a": FIELD}}}}
    ok(await http.put("/_index_template/t1", json=template))
    dry = ok(await http.delete("/_inference/dense", params={"dry_run": "true"}))
    assert dry["indexes"] == (["i1"] if counts else []), "an index counts once, a template never"
