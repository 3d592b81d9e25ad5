"""The CRDs: laws for every kind, agreement with the models, and the parts that users meet."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inference_operator.api.crd import KINDS, Kind, manifest, manifests, schema
from inference_operator.api.inference_endpoint import KIND as INFERENCE_ENDPOINT
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import KIND as INGEST_PIPELINE
from inference_operator.api.ingest_pipeline import IngestPipeline
from tests.api.schema_faults import faults
from tests.api.schema_nodes import nodes
from tests.api.spec_strategies import ENDPOINTS, PIPELINES, generated

kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
MODELS: dict[str, type[InferenceEndpoint | IngestPipeline]] = {
    INFERENCE_ENDPOINT: InferenceEndpoint,
    INGEST_PIPELINE: IngestPipeline,
}
MINIMAL: dict[str, dict[str, Any]] = {
    INFERENCE_ENDPOINT: {"taskType": "rerank", "service": "cohere"},
    INGEST_PIPELINE: {"processors": []},
}


WHOLE = {kind.name: schema(kind.model) for kind in KINDS}
SCHEMAS = {kind.name: WHOLE[kind.name]["properties"] for kind in KINDS}


def block(kind: Kind, name: str) -> dict[str, Any]:
    """The schema of the spec or the status."""
    found: dict[str, Any] = SCHEMAS[kind.name][name]
    return found


def spec_model(kind: Kind) -> Any:
    return MODELS[kind.name].model_fields["spec"].annotation


def status_model(kind: Kind) -> Any:
    return MODELS[kind.name].model_fields["status"].annotation


@kinds
def test_every_field_says_what_it_is(kind: Kind) -> None:
    # `metadata` is Kubernetes' own, and the items of a plain list are explained by the list.
    mute = [path for path, node in nodes(WHOLE[kind.name]) if "description" not in node and path != ".metadata"]

    assert [path for path in mute if not path.endswith("[]")] == []


@kinds
def test_every_field_has_a_type_or_is_open(kind: Kind) -> None:
    for path, node in nodes(WHOLE[kind.name]):
        assert "type" in node or node.get("x-kubernetes-preserve-unknown-fields"), path


@kinds
def test_nothing_is_said_that_a_structural_schema_has_not(kind: Kind) -> None:
    for path, node in nodes(WHOLE[kind.name]):
        assert not node.keys() & {"$ref", "$defs", "allOf", "anyOf", "const", "nullable", "title", "uniqueItems"}, path
        assert not ("properties" in node and "additionalProperties" in node), path


@kinds
def test_whatever_a_user_writes_is_bounded(kind: Kind) -> None:
    bounds = {"string": "maxLength", "array": "maxItems"}
    for path, node in nodes(WHOLE[kind.name]["properties"]["spec"]):
        bound = "maxProperties" if path and node.get("x-kubernetes-preserve-unknown-fields") else None
        bound = bounds.get(node.get("type", ""), bound)
        assert bound is None or "enum" in node or bound in node, path


@kinds
def test_every_rule_tells_what_to_do(kind: Kind) -> None:
    rules = [rule for _, node in nodes(WHOLE[kind.name]) for rule in node.get("x-kubernetes-validations", [])]

    assert rules
    for rule in rules:
        assert len(rule["message"]) > 20, rule
        assert "\n" not in rule["message"]


@kinds
def test_columns_and_selectable_fields_point_at_fields_that_exist(kind: Kind) -> None:
    version = manifest(kind)["spec"]["versions"][0]
    root = version["schema"]["openAPIV3Schema"]
    known = {path for path, _ in nodes(root)} | {".metadata.creationTimestamp"}
    paths = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
    paths += [field["jsonPath"] for field in version.get("selectableFields", [])]

    for path in paths:
        assert path.replace('[?(@.type=="Ready")]', "[]") in known, path


@pytest.mark.parametrize(
    ("name", "plural", "short"),
    [(INFERENCE_ENDPOINT, "inferenceendpoints", "infep"), (INGEST_PIPELINE, "ingestpipelines", "ingp")],
)
def test_the_names_of_a_kind(name: str, plural: str, short: str) -> None:
    crd = manifests()[f"inference-operator.io_{plural}.yaml"]

    assert crd["metadata"]["name"] == f"{plural}.inference-operator.io"
    assert crd["spec"]["names"]["kind"] == name
    assert crd["spec"]["names"]["shortNames"] == [short]
    assert crd["spec"]["names"]["categories"] == ["inference"]
    assert crd["spec"]["scope"] == "Namespaced"


@kinds
def test_nothing_stands_in_the_manifest_that_the_api_server_would_leave_out(kind: Kind) -> None:
    assert [] not in manifest(kind)["spec"]["versions"][0].values()


@kinds
def test_a_new_object_is_in_progress_before_the_operator_has_seen_it(kind: Kind) -> None:
    status = block(kind, "status")

    assert status["default"] == {"observedGeneration": -1}
    assert [path for path, node in nodes(status) if path and "default" in node] == []


@kinds
def test_conditions_are_merged_by_type(kind: Kind) -> None:
    conditions = block(kind, "status")["properties"]["conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def test_tests_of_a_pipeline_are_merged_by_name() -> None:
    tests = schema(IngestPipeline)["properties"]["spec"]["properties"]["tests"]

    assert tests["x-kubernetes-list-type"] == "map"
    assert tests["x-kubernetes-list-map-keys"] == ["name"]


def defaulted(node: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the API server would."""
    filled = dict(value)
    for name, child in node.get("properties", {}).items():
        if name not in filled and "default" in child:
            filled[name] = child["default"]
        if isinstance(filled.get(name), dict):
            filled[name] = defaulted(child, filled[name])
    return filled


@kinds
def test_the_defaults_of_the_api_server_are_those_of_the_model(kind: Kind) -> None:
    minimal, model = MINIMAL[kind.name], spec_model(kind)

    spec = model.model_validate(defaulted(block(kind, "spec"), minimal))

    assert spec == model.model_validate(minimal)
    assert {key for key, value in spec.body().items() if value != {}} == defaulted(block(kind, "spec"), minimal).keys()


SPECS = {INFERENCE_ENDPOINT: ENDPOINTS, INGEST_PIPELINE: PIPELINES}
STATUSES = {kind.name: generated(block(kind, "status")) for kind in KINDS}


@kinds
@given(data=st.data())
def test_what_the_schema_accepts_the_model_reads_and_writes_back_so_that_the_schema_accepts_it(
    kind: Kind, data: st.DataObject
) -> None:
    accepted, model = block(kind, "spec"), spec_model(kind)
    spec = data.draw(SPECS[kind.name])
    assert list(faults(accepted, spec)) == []

    read = model.model_validate(spec)

    assert list(faults(accepted, read.body())) == []
    assert read.body().items() >= {key: value for key, value in spec.items() if key != "probe" and value != []}.items()
    assert model.model_validate(read.body()) == read


@kinds
@given(data=st.data())
def test_any_stored_status_is_read_and_written_back_so_that_the_schema_accepts_it(kind: Kind, data: st.DataObject) -> None:
    accepted, model = block(kind, "status"), status_model(kind)
    read = model.model_validate(data.draw(STATUSES[kind.name]))

    assert list(faults(accepted, read.body())) == []
    assert model.model_validate(read.body()) == read


WRONG: list[tuple[str, str, dict[str, Any]]] = [
    (INFERENCE_ENDPOINT, "no service", {"service": ...}),
    (INFERENCE_ENDPOINT, "an unknown policy", {"driftPolicy": "Ignore"}),
    (INFERENCE_ENDPOINT, "text for a switch", {"suspend": "maybe"}),
    (INFERENCE_ENDPOINT, "a list of settings", {"taskSettings": []}),
    (INFERENCE_ENDPOINT, "a number for the id", {"inferenceId": 7}),
    (INFERENCE_ENDPOINT, "an id too long", {"inferenceId": "a" * 507}),
    (INFERENCE_ENDPOINT, "an input too long", {"probe": {"input": "a" * 4097}}),
    (INFERENCE_ENDPOINT, "too many settings", {"serviceSettings": {f"s{index}": index for index in range(129)}}),
    (INGEST_PIPELINE, "no processors", {"processors": ...}),
    (INGEST_PIPELINE, "processors that are an object", {"processors": {"drop": {}}}),
    (INGEST_PIPELINE, "a processor of no type", {"processors": [{}]}),
    (INGEST_PIPELINE, "a processor of two types", {"processors": [{"drop": {}, "fail": {}}]}),
    (INGEST_PIPELINE, "a processor that is text", {"processors": ["drop"]}),
    (INGEST_PIPELINE, "too many processors", {"processors": [{"drop": {}}] * 1001}),
    (INGEST_PIPELINE, "no handlers of a failure", {"onFailure": []}),
    (INGEST_PIPELINE, "a version beyond Elasticsearch's", {"version": 2**31}),
    (INGEST_PIPELINE, "a version before Elasticsearch's", {"version": -(2**31) - 1}),
    (INGEST_PIPELINE, "another way to find fields", {"fieldAccessPattern": "loose"}),
    (INGEST_PIPELINE, "an id too long", {"pipelineId": "a" * 256}),
    (INGEST_PIPELINE, "a test of no document", {"tests": [{"name": "a", "documents": [], "expect": []}]}),
    (INGEST_PIPELINE, "a test without a name", {"tests": [{"documents": [{"_source": {}}], "expect": [{"dropped": True}]}]}),
    (
        INGEST_PIPELINE,
        "a document that is not dropped",
        {"tests": [{"name": "a", "documents": [{"_source": {}}], "expect": [{"dropped": False}]}]},
    ),
]


@pytest.mark.parametrize(("name", "change"), [row[::2] for row in WRONG], ids=[f"{row[0]}: {row[1]}" for row in WRONG])
def test_schema_and_model_refuse_the_same(name: str, change: dict[str, Any]) -> None:
    (kind,) = (kind for kind in KINDS if kind.name == name)
    spec = {key: value for key, value in {**MINIMAL[name], **change}.items() if value is not ...}

    assert list(faults(block(kind, "spec"), spec)) != []
    with pytest.raises(ValidationError):
        spec_model(kind).model_validate(spec)
