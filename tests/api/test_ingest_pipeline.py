"""Reading pipelines: defaults, what is refused and by which words, and that no value is ever repeated."""

from __future__ import annotations

import copy
import traceback
from typing import Any

import pytest

from inference_operator.api.ingest_pipeline import IngestPipeline, IngestPipelineStatus
from inference_operator.api.invalid import InvalidObject
from inference_operator.api.managed import ManagedObject
from inference_operator.api.pipeline_tests import Expectation
from inference_operator.api.policies import (
    AdoptionPolicy,
    DeletionPolicy,
    DriftPolicy,
    FieldAccessPattern,
    ManagementPolicy,
)

CANARY = "canary-77e1"
DOCUMENT = {"_source": {"text": CANARY}}


def document(**spec: Any) -> dict[str, Any]:
    fields = {"processors": [{"set": {"field": "a", "value": CANARY}}], **spec}
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "IngestPipeline",
        "metadata": {"name": "products", "namespace": "search", "uid": "u-1", "generation": 3},
        "spec": {key: value for key, value in fields.items() if value is not ...},
    }


def a_test(*expect: dict[str, Any], documents: int = 1) -> dict[str, Any]:
    return {"tests": [{"name": "a", "documents": [DOCUMENT] * documents, "expect": list(expect)}]}


def test_what_is_left_out_has_the_documented_default() -> None:
    spec = IngestPipeline.parse(document()).spec

    assert spec.elasticsearch_ref is None
    assert (spec.description, spec.version, spec.on_failure, spec.meta) == (None, None, None, None)
    assert (spec.deprecated, spec.field_access_pattern) == (False, FieldAccessPattern.CLASSIC)
    assert spec.tests == ()
    assert spec.adoption_policy is AdoptionPolicy.IF_IDENTICAL
    assert spec.drift_policy is DriftPolicy.CORRECT
    assert spec.deletion_policy is DeletionPolicy.DELETE
    assert spec.management_policy is ManagementPolicy.MANAGE
    assert (spec.force_delete, spec.suspend) == (False, False)


def test_an_object_without_status_was_not_yet_observed() -> None:
    assert IngestPipeline.parse(document()).status == IngestPipelineStatus(observed_generation=-1)


def test_the_id_is_that_of_the_spec_and_else_the_name_of_the_object() -> None:
    named: ManagedObject = IngestPipeline.parse(document(pipelineId="other"))
    assert named.external_id == "other"
    assert IngestPipeline.parse(document()).external_id == "products"


def test_processors_are_read_as_they_are_references_to_secrets_included() -> None:
    reference = {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}
    processors = [{"set": {"field": "a", "value": reference}}, {"drop": None}, {"tomorrow": {"deep": [1, None, 1.5]}}]

    assert IngestPipeline.parse(document(processors=processors)).spec.processors == tuple(processors)


def test_a_pipeline_without_processors_is_written_with_its_empty_list() -> None:
    assert IngestPipeline.parse(document(processors=[])).spec.body()["processors"] == []


INVALID = [
    ("no processors", {"processors": ...}, "spec.processors", "Field required"),
    ("a processor of two types", {"processors": [{"drop": {}, CANARY: {}}]}, "spec.processors[0]", "at most 1"),
    ("a processor of no type", {"processors": [{"drop": {}}, {}]}, "spec.processors[1]", "at least 1"),
    ("a processor that is text", {"processors": [CANARY]}, "spec.processors[0]", "valid dictionary"),
    ("an empty list of handlers", {"onFailure": []}, "spec.onFailure", "at least 1"),
    ("an id with a comma", {"pipelineId": f"a,{CANARY}"}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id with a wildcard", {"pipelineId": f"{CANARY}*"}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id with a slash", {"pipelineId": f"a/{CANARY}"}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id with a line break", {"pipelineId": f"{CANARY}\n"}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id with a leading underscore", {"pipelineId": "_simulate"}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id of dots", {"pipelineId": ".."}, "spec.pipelineId", "a pipeline id consists of"),
    ("an empty id", {"pipelineId": ""}, "spec.pipelineId", "a pipeline id consists of"),
    ("an id too long", {"pipelineId": "a" * 256}, "spec.pipelineId", "at most 255"),
    ("a version beyond 32 bits", {"version": 2**31}, "spec.version", "less than or equal to 2147483647"),
    ("a version that is text", {"version": CANARY}, "spec.version", "valid integer"),
    ("meta that is a list", {"meta": [CANARY]}, "spec.meta", "valid dictionary"),
    ("fewer expectations than documents", a_test({"dropped": True}, documents=2), "spec.tests[0]", "the same length"),
    ("an expectation of nothing", a_test({}), "spec.tests[0].expect[0]", "expect one outcome"),
    ("two outcomes", a_test({"dropped": True, "error": CANARY}), "spec.tests[0].expect[0]", "expect one outcome"),
    ("a document and an error", a_test({"_id": CANARY, "error": "a"}), "spec.tests[0].expect[0]", "expect one outcome"),
    ("not dropped", a_test({"dropped": False}), "spec.tests[0].expect[0].dropped", "should be True"),
    ("an error of no text", a_test({"error": ""}), "spec.tests[0].expect[0].error", "at least 1"),
    ("two tests of one name", {"tests": a_test({"dropped": True})["tests"] * 2}, "spec", "the same name"),
]


@pytest.mark.parametrize(("change", "path", "message"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_what_is_invalid_is_refused_by_field_and_reason_and_not_repeated(change: dict[str, Any], path: str, message: str) -> None:
    with pytest.raises(InvalidObject) as caught:
        IngestPipeline.parse(document(**change))

    assert caught.value.path == path
    assert message in caught.value.message
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


ACCEPTED = [
    ("a hook of Elastic's integrations", {"pipelineId": "logs-nginx.access@custom"}),
    ("an id with a leading dot", {"pipelineId": ".mine-1"}),
    ("an id with upper-case letters", {"pipelineId": "MyPipeline+1"}),
    ("an id as long as Elasticsearch likes it", {"pipelineId": "a" * 255}),
    ("a version of zero", {"version": 0}),
    ("meta without content", {"meta": {}}),
    ("meta with nulls", {"meta": {"a": None}}),
    ("flexible access to fields", {"fieldAccessPattern": "flexible"}),
    ("a test of each outcome", a_test({"_source": {}, "_id": "1"}, {"dropped": True}, {"error": "a"}, documents=3)),
]


@pytest.mark.parametrize("change", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_is_valid_is_read_and_written_back_the_same(change: dict[str, Any]) -> None:
    written = IngestPipeline.parse(copy.deepcopy(document(**change))).spec.body()

    assert {key: written[key] for key in change} == change


def test_an_expectation_tells_its_document_in_the_words_of_elasticsearch() -> None:
    expected = {"_source": {"a": None}, "_index": "i", "_id": "1", "_routing": "r"}

    assert Expectation.model_validate(expected).document == expected
    assert Expectation.model_validate({"error": "a"}).document == {}
