"""Indices and templates: the few calls that references need."""

from __future__ import annotations

import httpx

from tests.standin import StandIn
from tests.test_standin.asking import Refusal, ok

SEMANTIC = {"properties": {"t": {"type": "semantic_text", "inference_id": "one"}}}


async def test_life_of_an_index(http: httpx.AsyncClient) -> None:
    created = ok(await http.put("/i1", json={"mappings": SEMANTIC, "settings": {"number_of_shards": 2}}))
    assert created == {"acknowledged": True, "shards_acknowledged": True, "index": "i1"}
    shown = ok(await http.get("/i1"))["i1"]
    assert shown["mappings"] == SEMANTIC
    assert shown["settings"]["index"]["number_of_shards"] == "2"
    assert (await http.head("/i1")).status_code == 200
    taken = Refusal.of(await http.put("/i1"))
    assert (taken.status, taken.type) == (400, "resource_already_exists_exception")
    assert ok(await http.delete("/i1")) == {"acknowledged": True}
    missing = Refusal(404, "index_not_found_exception", "no such index [i1]")
    for method in ("GET", "DELETE"):
        assert Refusal.of(await http.request(method, "/i1")) == missing
    assert (await http.head("/i1")).status_code == 404


async def test_invalid_names(http: httpx.AsyncClient) -> None:
    for name in ("Upper", "_x", "a b"):
        assert Refusal.of(await http.put(f"/{name}")).type == "invalid_index_name_exception"
    assert Refusal.of(await http.get("/_nothing")).type == "invalid_index_name_exception"


async def test_mappings_grow(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/i1"))
    ok(await http.put("/i1/_mapping", json=SEMANTIC))
    assert standin.state.indices["i1"].inference_fields[0].inference_id == "one"
    assert ok(await http.get("/_mapping")) == {"i1": {"mappings": SEMANTIC}}
    assert ok(await http.get("/i*/_mapping")) == ok(await http.get("/i1/_mapping"))


async def test_a_semantic_field_without_an_id_uses_the_default_endpoint(http: httpx.AsyncClient, standin: StandIn) -> None:
    ok(await http.put("/i1", json={"mappings": {"properties": {"t": {"type": "semantic_text"}}}}))
    (field,) = standin.state.indices["i1"].inference_fields
    assert (field.inference_id, field.search_inference_id) == (".elser-2-elasticsearch", ".elser-2-elasticsearch")


async def test_settings(http: httpx.AsyncClient) -> None:
    ok(await http.put("/i1", json={"settings": {"index": {"default_pipeline": "p1"}}}))
    flat = ok(await http.get("/i1/_settings", params={"flat_settings": "true"}))["i1"]["settings"]
    assert flat["index.default_pipeline"] == "p1"
    ok(await http.put("/i1/_settings", json={"index": {"default_pipeline": None, "hidden": True}}))
    settings = ok(await http.get("/_settings"))["i1"]["settings"]["index"]
    assert "default_pipeline" not in settings
    assert settings["hidden"] == "true"


async def test_settings_by_name_leave_out_the_indices_that_have_none(http: httpx.AsyncClient) -> None:
    ok(await http.put("/i1", json={"settings": {"default_pipeline": "p1", "final_pipeline": "p2"}}))
    ok(await http.put("/i2", json={"settings": {"number_of_shards": 2}}))
    both = ok(await http.get("/_all/_settings/index.default_pipeline,index.final_pipeline", params={"flat_settings": "true"}))
    assert both == {"i1": {"settings": {"index.default_pipeline": "p1", "index.final_pipeline": "p2"}}}
    assert ok(await http.get("/i*/_settings/*.final_*")) == {"i1": {"settings": {"index": {"final_pipeline": "p2"}}}}
    assert ok(await http.get("/i2/_settings/index.final_pipeline")) == {}


async def test_templates(http: httpx.AsyncClient) -> None:
    body = {"index_patterns": "i*", "template": {"settings": {"number_of_shards": 1}}}
    ok(await http.put("/_index_template/t1", json=body))
    (shown,) = ok(await http.get("/_index_template/t*"))["index_templates"]
    assert shown["index_template"]["index_patterns"] == ["i*"]
    assert shown["index_template"]["template"]["settings"] == {"index": {"number_of_shards": "1"}}
    ok(await http.put("/_component_template/c1", json={"template": {}}))
    assert ok(await http.get("/_component_template"))["component_templates"][0]["name"] == "c1"
    ok(await http.delete("/_index_template/t1"))
    ok(await http.delete("/_component_template/c1"))
    missing = Refusal(404, "resource_not_found_exception", "index template matching [t1] not found")
    assert Refusal.of(await http.get("/_index_template/t1")) == missing
    assert Refusal.of(await http.delete("/_index_template/t1")) == missing
    assert Refusal.of(await http.put("/_index_template/t1", json={})).status == 400
