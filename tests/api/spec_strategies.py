"""Specs of every kind that the API server takes, and any value that a schema accepts, for hypothesis.

What CEL alone says is made right by construction here; tests/cluster has the API server judge it.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from inference_operator.api.crd import schema
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.meta import ApiModel
from inference_operator.api.services import catalogue

_SECRETS = catalogue().sensitive_names()

IDS = st.from_regex(r"[a-z0-9]([a-z0-9_.\-]{0,40}[a-z0-9])?", fullmatch=True)
NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=63)
TASKS = st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=10), JSON, max_size=4)
BLOCK = st.dictionaries(st.text(max_size=10).filter(lambda name: name not in _SECRETS), JSON, max_size=4)
LABELS = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
OBJECTS = st.lists(LABELS, min_size=1, max_size=3).map(".".join)
REFS = st.fixed_dictionaries({"name": OBJECTS}, optional={"namespace": LABELS, "serviceName": LABELS, "authSecretName": OBJECTS})
REFS |= st.fixed_dictionaries({"secretName": OBJECTS}, optional={"namespace": LABELS})
PROBES = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "interval": st.sampled_from(["10s", "15m", "720h", "1h30m"]),
        "input": st.text(min_size=1, max_size=50),
    },
)


def policies(model: type[ApiModel]) -> dict[str, st.SearchStrategy[Any]]:
    """What every kind has: policies, switches, the cluster."""
    fields = schema(model)["properties"]["spec"]["properties"]
    choices = {name: st.sampled_from(field["enum"]) for name, field in fields.items() if name.endswith("Policy")}
    return {"elasticsearchRef": REFS, "forceDelete": st.booleans(), "suspend": st.booleans(), **choices}


ENDPOINTS = st.fixed_dictionaries(
    {"taskType": TASKS, "service": IDS},
    optional={
        "inferenceId": IDS,
        "serviceSettings": BLOCK,
        "taskSettings": BLOCK,
        "chunkingSettings": BLOCK,
        "timeout": st.sampled_from(["1ms", "30s", "2m", "59m60s"]),
        "probe": PROBES,
        **policies(InferenceEndpoint),
    },
)

PROCESSORS = st.lists(st.dictionaries(st.text(max_size=10), JSON, min_size=1, max_size=1), max_size=4)
DOCUMENTS = st.fixed_dictionaries({"_source": OBJECT}, optional={"_index": NAMES, "_id": NAMES, "_routing": NAMES})
OUTCOMES = st.one_of(
    st.fixed_dictionaries({"_source": OBJECT}, optional={"_index": NAMES, "_id": NAMES}),
    st.fixed_dictionaries({"_routing": NAMES}),
    st.just({"dropped": True}),
    st.fixed_dictionaries({"error": NAMES}),
)


@st.composite
def _test(draw: st.DrawFn, name: str) -> dict[str, Any]:
    size = draw(st.integers(1, 3))
    documents, expect = (draw(st.lists(each, min_size=size, max_size=size)) for each in (DOCUMENTS, OUTCOMES))
    return {"name": name, "documents": documents, "expect": expect}


TESTS = st.integers(0, 2).flatmap(lambda count: st.tuples(*(_test(f"test {number}") for number in range(count)))).map(list)
PIPELINES = st.fixed_dictionaries(
    {"processors": PROCESSORS},
    optional={
        "pipelineId": st.from_regex(r"[.]?[a-zA-Z0-9@][a-zA-Z0-9_.@+\-]{0,40}", fullmatch=True),
        "description": st.text(max_size=50),
        "version": st.integers(-(2**31), 2**31 - 1),
        "onFailure": PROCESSORS.filter(bool),
        "meta": OBJECT,
        "deprecated": st.booleans(),
        "fieldAccessPattern": st.sampled_from(["classic", "flexible"]),
        "tests": TESTS,
        **policies(IngestPipeline),
    },
)


def _an_object(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in node:
        return st.dictionaries(st.text(max_size=10), JSON, max_size=3)
    fields = {name: generated(child) for name, child in node["properties"].items()}
    required = {name: fields.pop(name) for name in node.get("required", ())}
    return st.fixed_dictionaries(required, optional=fields)


def _a_string(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "enum" in node:
        return st.sampled_from(node["enum"])
    if "pattern" in node:
        return st.from_regex(node["pattern"], fullmatch=True).filter(lambda text: len(text) <= node["maxLength"])
    return st.text(min_size=node.get("minLength", 0), max_size=min(node.get("maxLength", 20), 20))


def generated(node: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return any value that the schema accepts, of the types that the status uses."""
    match node["type"]:
        case "object":
            return _an_object(node)
        case "array":
            return st.lists(generated(node["items"]), max_size=node.get("maxItems", 5))
        case "string":
            return _a_string(node)
        case "integer":
            return st.integers(node.get("minimum", -(2**63)), 2**63 - 1)
        case other:
            raise AssertionError(other)
