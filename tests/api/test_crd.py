"""The CRDs: laws for every kind, agreement with the models, and the parts that users meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from inference_operator.api.crd import KINDS, Kind, manifest, manifests, schema
from inference_operator.api.inference_endpoint import InferenceEndpoint, InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.api.services import catalogue
from tests.api.schema_faults import faults

kinds = pytest.mark.parametrize("kind", KINDS, ids=[kind.name for kind in KINDS])
ROOT = schema(InferenceEndpoint)
SPEC, STATUS = ROOT["properties"]["spec"], ROOT["properties"]["status"]
SETTINGS = SPEC["properties"]["serviceSettings"]
REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}


def nodes(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each schema of the tree with its path."""
    yield path, tree
    for name, child in tree.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if key in tree:
            yield from nodes(tree[key], f"{path}[]")


@kinds
def test_every_field_says_what_it_is(kind: Kind) -> None:
    # `metadata` is Kubernetes' own, and the items of a plain list are explained by the list.
    mute = [path for path, node in nodes(schema(kind.model)) if "description" not in node and path != ".metadata"]

    assert [path for path in mute if not path.endswith("[]")] == []


@kinds
def test_every_field_has_a_type_or_is_open(kind: Kind) -> None:
    for path, node in nodes(schema(kind.model)):
        assert "type" in node or node.get("x-kubernetes-preserve-unknown-fields"), path


@kinds
def test_nothing_is_said_that_a_structural_schema_has_not(kind: Kind) -> None:
    for path, node in nodes(schema(kind.model)):
        assert not node.keys() & {"$ref", "$defs", "allOf", "anyOf", "const", "nullable", "title", "uniqueItems"}, path
        assert not ("properties" in node and "additionalProperties" in node), path


@kinds
def test_whatever_a_user_writes_is_bounded(kind: Kind) -> None:
    bounds = {"string": "maxLength", "array": "maxItems"}
    for path, node in nodes(schema(kind.model)["properties"]["spec"]):
        bound = "maxProperties" if path and node.get("x-kubernetes-preserve-unknown-fields") else None
        bound = bounds.get(node.get("type", ""), bound)
        assert bound is None or "enum" in node or bound in node, path


@kinds
def test_every_rule_tells_what_to_do(kind: Kind) -> None:
    rules = [rule for _, node in nodes(schema(kind.model)) for rule in node.get("x-kubernetes-validations", [])]

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
    paths += [field["jsonPath"] for field in version["selectableFields"]]

    for path in paths:
        assert path.replace('[?(@.type=="Ready")]', "[]") in known, path


def test_names_of_the_inference_endpoint() -> None:
    crd = manifests()["inference-operator.io_inferenceendpoints.yaml"]

    assert crd["metadata"]["name"] == "inferenceendpoints.inference-operator.io"
    assert crd["spec"]["names"]["shortNames"] == ["infep"]
    assert crd["spec"]["names"]["categories"] == ["inference"]
    assert crd["spec"]["scope"] == "Namespaced"


def test_a_new_object_is_in_progress_before_the_operator_has_seen_it() -> None:
    assert STATUS["default"] == {"observedGeneration": -1}
    assert [path for path, node in nodes(STATUS) if path and "default" in node] == []


def test_conditions_are_merged_by_type() -> None:
    conditions = STATUS["properties"]["conditions"]

    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]


def defaulted(node: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """Fill in what the API server would."""
    filled = dict(value)
    for name, child in node.get("properties", {}).items():
        if name not in filled and "default" in child:
            filled[name] = child["default"]
        if isinstance(filled.get(name), dict):
            filled[name] = defaulted(child, filled[name])
    return filled


def test_the_defaults_of_the_api_server_are_those_of_the_model() -> None:
    minimal = {"taskType": "rerank", "service": "cohere"}

    spec = InferenceEndpointSpec.model_validate(defaulted(SPEC, minimal))

    assert spec == InferenceEndpointSpec.model_validate(minimal)
    assert {key for key, value in spec.body().items() if value != {}} == defaulted(SPEC, minimal).keys()


SECRETS = sorted(catalogue().sensitive_names())


def test_the_known_secrets_are_those_of_the_catalogue() -> None:
    assert sorted(SETTINGS["properties"]) == SECRETS


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "value",
    [
        "plain",
        ["plain"],
        {"plain": "plain"},
        {"valueFrom": "plain"},
        {"valueFrom": {"plain": "plain"}},
        {"valueFrom": {"secretKeyRef": "plain"}},
        {"valueFrom": REFERENCE["valueFrom"] | {"plain": "plain"}},
        REFERENCE | {"plain": "plain"},
    ],
    ids=str,
)
def test_a_known_secret_in_plain_text_is_refused(name: str, value: object) -> None:
    assert list(faults(SETTINGS, {name: value})) != []


@pytest.mark.parametrize("name", SECRETS)
def test_a_known_secret_by_reference_is_accepted(name: str) -> None:
    assert list(faults(SETTINGS, {name: REFERENCE})) == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_known_secret_is_never_typed_so_that_no_error_can_quote_it(name: str) -> None:
    for path, node in nodes(SETTINGS["properties"][name], name):
        if path.rpartition(".")[2] not in ("name", "key", "optional", "as"):
            assert "type" not in node, path
            assert node["x-kubernetes-preserve-unknown-fields"] is True, path
            assert node["maxLength"] == 0, path
            assert "x-kubernetes-validations" not in node, path


@pytest.mark.parametrize(
    ("value", "accepted"),
    [
        ({}, True),
        ({"a": REFERENCE, "b": REFERENCE}, True),
        ({"a": REFERENCE, "b": "plain"}, False),
        ({"a": {}}, False),
        ({"a": {"value": "plain"}}, False),
        ({"a": {**REFERENCE, "value": "plain", "more": 1}}, False),
        ({f"p{index}": REFERENCE for index in range(33)}, False),
    ],
    ids=["none", "all by reference", "one in plain text", "an empty one", "a foreign key", "keys beside", "too many"],
)
def test_each_value_of_the_secret_map_is_a_reference(value: dict[str, Any], accepted: bool) -> None:
    assert (list(faults(SETTINGS, {"secret_parameters": value})) == []) is accepted


# What CEL alone says is made right by construction here; tests/cluster has the API server judge it.
IDS = st.from_regex(r"[a-z0-9]([a-z0-9_.\-]{0,40}[a-z0-9])?", fullmatch=True)
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=63)
TASKS = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
BLOCK = st.dictionaries(st.text(max_size=10).filter(lambda name: name not in SECRETS), JSON, max_size=4)
REFS = st.fixed_dictionaries({"name": NAMES}, optional={"namespace": NAMES, "serviceName": NAMES, "authSecretName": NAMES})
REFS |= st.fixed_dictionaries({"secretName": NAMES}, optional={"namespace": NAMES})
PROBES = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "interval": st.sampled_from(["10s", "15m", "720h", "1h30m"]),
        "input": st.text(min_size=1, max_size=50),
    },
)


def choice(field: str) -> st.SearchStrategy[str]:
    return st.sampled_from(SPEC["properties"][field]["enum"])


SPECS = st.fixed_dictionaries(
    {"taskType": TASKS, "service": IDS},
    optional={
        "elasticsearchRef": REFS,
        "inferenceId": IDS,
        "serviceSettings": BLOCK,
        "taskSettings": BLOCK,
        "chunkingSettings": BLOCK,
        "timeout": st.sampled_from(["1ms", "30s", "2m", "59m60s"]),
        "probe": PROBES,
        "forceDelete": st.booleans(),
        "suspend": st.booleans(),
        **{name: choice(name) for name in SPEC["properties"] if name.endswith("Policy")},
    },
)


@given(SPECS)
def test_what_the_schema_accepts_the_model_reads_and_writes_back_so_that_the_schema_accepts_it(spec: dict[str, Any]) -> None:
    assert list(faults(SPEC, spec)) == []

    read = InferenceEndpointSpec.model_validate(spec)

    assert list(faults(SPEC, read.body())) == []
    assert read.body().items() >= {key: value for key, value in spec.items() if key != "probe"}.items()
    assert InferenceEndpointSpec.model_validate(read.body()) == read


def an_object(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in node:
        return st.dictionaries(st.text(max_size=10), JSON, max_size=3)
    fields = {name: generated(child) for name, child in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def a_string(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True).filter(lambda text: len(text) <= node["maxLength"])
    return st.text(min_size=node.get("minLength", 0), max_size=min(node.get("maxLength", 20), 20))


def generated(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return any value that the schema accepts, of the types that the status uses."""
    match node["type"]:
        case "object":
            return an_object(node)
        case "array":
            return st.lists(generated(node["items"]), max_size=node.get("maxItems", 5))
        case "string":
            return a_string(node)
        case "integer":
            return st.integers(node.get("minimum", -(2**63)), 2**63 - 1)
        case other:
            raise AssertionError(other)


@given(generated(STATUS))
def test_any_stored_status_is_read_and_written_back_so_that_the_schema_accepts_it(status: dict[str, Any]) -> None:
    read = InferenceEndpointStatus.model_validate(status)

    assert list(faults(STATUS, read.body())) == []
    assert InferenceEndpointStatus.model_validate(read.body()) == read


WRONG: list[tuple[str, dict[str, Any]]] = [
    ("no service", {"service": ...}),
    ("an unknown policy", {"driftPolicy": "Ignore"}),
    ("text for a switch", {"suspend": "maybe"}),
    ("a list of settings", {"taskSettings": []}),
    ("a number for the id", {"inferenceId": 7}),
    ("an id too long", {"inferenceId": "a" * 507}),
    ("an input too long", {"probe": {"input": "a" * 4097}}),
    ("too many settings", {"serviceSettings": {f"s{index}": index for index in range(129)}}),
]


@pytest.mark.parametrize("change", [row[1] for row in WRONG], ids=[row[0] for row in WRONG])
def test_schema_and_model_refuse_the_same(change: dict[str, Any]) -> None:
    spec = {"taskType": "rerank", "service": "cohere", **change}
    spec = {key: value for key, value in spec.items() if value is not ...}

    assert list(faults(SPEC, spec)) != []
    with pytest.raises(ValidationError):
        InferenceEndpointSpec.model_validate(spec)
