"""Rows of the ingest facts that are at home in no other table: keys of a body, forms of `model_id`, what nobody enforces."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.standin import StandIn, vectors
from tests.standin.messages import Json
from tests.test_standin.asking import Refusal, ok
from tests.test_standin.ingesting import after, put
from tests.test_standin.samples import elser

TYPES: dict[str, tuple[Json, str]] = {
    "description": ({"description": 1}, "[description] property isn't a string, but of type [java.lang.Integer]"),
    "processors": ({"processors": {}}, "[processors] property isn't a list, but of type [java.util.HashMap]"),
    "on_failure": ({"on_failure": "x"}, "[on_failure] property isn't a list, but of type [java.lang.String]"),
    "version": ({"version": "x"}, "[version] property cannot be converted to an int [x]"),
    "_meta": ({"_meta": [1]}, "[_meta] property isn't a map, but of type [java.util.ArrayList]"),
    "deprecated": ({"deprecated": 1.5}, "[deprecated] property isn't a boolean, but of type [java.lang.Double]"),
    "field_access_pattern": (
        {"field_access_pattern": 3_000_000_000},
        "[field_access_pattern] property isn't a string, but of type [java.lang.Long]",
    ),
}


@pytest.mark.parametrize(("given", "reason"), TYPES.values(), ids=TYPES)
async def test_types_of_the_keys(http: httpx.AsyncClient, given: Json, reason: str) -> None:
    answer = await put(http, {"processors": []} | given)
    assert Refusal.of(answer) == Refusal(400, "parse_exception", reason)
    assert answer.json()["error"]["property_name"] == next(iter(given))


async def test_no_processors_are_enough(http: httpx.AsyncClient) -> None:
    ok(await put(http, {"processors": []}))


async def test_the_version_is_free(http: httpx.AsyncClient, standin: StandIn) -> None:
    for version in (5, 3, 7, None, 1):
        body: Json = {"processors": []} if version is None else {"processors": [], "version": version}
        ok(await put(http, body))
        assert standin.state.pipelines["p1"].body.get("version") == version


async def test_a_secret_in_a_processor_is_readable(http: httpx.AsyncClient) -> None:
    ok(await put(http, {"processors": [{"set": {"field": "a", "value": "s3cret"}}]}))
    assert "s3cret" in (await http.get("/_ingest/pipeline/p1")).text


async def test_a_body_that_is_no_json(http: httpx.AsyncClient) -> None:
    headers = {"Content-Type": "application/json"}
    refused = Refusal.of(await http.put("/_ingest/pipeline/p1", content=b"{", headers=headers))
    assert (refused.status, refused.type) == (400, "x_content_parse_exception")


async def test_managed_is_a_mark_that_nobody_enforces(http: httpx.AsyncClient) -> None:
    ok(await put(http, {"processors": [], "_meta": {"managed": True, "managed_by": "somebody"}}))
    ok(await put(http, {"processors": []}))
    ok(await http.delete("/_ingest/pipeline/p1"))


CONFIGS = (
    "classification",
    "regression",
    "fill_mask",
    "ner",
    "pass_through",
    "question_answering",
    "text_classification",
    "text_embedding",
    "text_expansion",
    "text_similarity",
    "zero_shot_classification",
)


@pytest.mark.parametrize("kind", CONFIGS)
async def test_every_type_of_inference_config(http: httpx.AsyncClient, kind: str) -> None:
    ok(await put(http, {"processors": [{"inference": {"model_id": "m", "inference_config": {kind: {}}}}]}))


async def test_learning_to_rank_is_not_for_ingest(http: httpx.AsyncClient) -> None:
    refused = await put(http, {"processors": [{"inference": {"model_id": "m", "inference_config": {"learning_to_rank": {}}}}]})
    assert Refusal.of(refused).reason.startswith("unrecognized inference configuration type [learning_to_rank].")


@pytest.mark.parametrize("model_id", ["one", ".elser_model_2", "mine"])
async def test_what_model_id_may_name(http: httpx.AsyncClient, model_id: str) -> None:
    """An endpoint, a model that is deployed, or its deployment."""
    ok(await http.put("/_inference/sparse_embedding/one", json=elser()))
    ok(await http.post("/_ml/trained_models/.elser_model_2/deployment/_start", params={"deployment_id": "mine"}))
    pair = {"input_field": "t", "output_field": "v"}
    found = await after(http, [{"inference": {"model_id": model_id, "input_output": pair}}], {"t": "red"})
    assert found == {"t": "red", "v": vectors.sparse("red"), "model_id": model_id}


OPTIONS: dict[str, tuple[Json, str]] = {
    "tag": ({"tag": 1}, "[tag] property isn't a string, but of type [java.lang.Integer]"),
    "description": ({"description": []}, "[description] property isn't a string, but of type [java.util.ArrayList]"),
    "if": ({"if": 1}, "[script] property isn't a map or string, but of type [java.lang.Integer]"),
    "ignore_failure": ({"ignore_failure": "yes"}, "[ignore_failure] property isn't a boolean, but of type [java.lang.String]"),
    "on_failure": ({"on_failure": {}}, "[on_failure] property isn't a list, but of type [java.util.HashMap]"),
}


@pytest.mark.parametrize(("given", "reason"), OPTIONS.values(), ids=OPTIONS)
async def test_types_of_the_options_of_all_processors(http: httpx.AsyncClient, given: Json, reason: str) -> None:
    answer = await put(http, {"processors": [{"drop": given}]})
    assert Refusal.of(answer) == Refusal(400, "parse_exception", reason)


async def test_a_condition_as_an_object(http: httpx.AsyncClient) -> None:
    condition: Any = {"lang": "painless", "source": "ctx.a == 1"}
    assert await after(http, [{"set": {"field": "b", "value": 2, "if": condition}}], {"a": 1}) == {"a": 1, "b": 2}


async def test_hidden_indices_hold_an_endpoint_too(http: httpx.AsyncClient) -> None:
    ok(await http.put("/_inference/sparse_embedding/one", json=elser()))
    field = {"type": "semantic_text", "inference_id": "one"}
    body = {"mappings": {"properties": {"t": field}}, "settings": {"index.hidden": True}}
    ok(await http.put("/hidden", json=body))
    assert ok(await http.delete("/_inference/one", params={"dry_run": "true"}))["indexes"] == ["hidden"]
