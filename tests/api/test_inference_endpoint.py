"""Reading objects: defaults, what is refused and by which words, and that no value is ever repeated."""

from __future__ import annotations

import copy
import traceback
from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpoint, InferenceEndpointStatus
from inference_operator.api.invalid import InvalidObject
from inference_operator.api.meta import Condition, ValueFrom, ValueType
from inference_operator.api.policies import (
    AdoptionPolicy,
    DeletionPolicy,
    DriftPolicy,
    ManagementPolicy,
    ReplacePolicy,
)

CANARY = "sk-canary-5f1c"


def document(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "inference-operator.io/v1alpha1",
        "kind": "InferenceEndpoint",
        "metadata": {"name": "products", "namespace": "search", "uid": "u-1", "generation": 3, "managedFields": [{}]},
        "spec": {"taskType": "text_embedding", "service": "openai", **spec},
    }


def test_what_is_left_out_has_the_documented_default() -> None:
    spec = InferenceEndpoint.parse(document()).spec

    assert spec.elasticsearch_ref is None
    assert (spec.service_settings, spec.task_settings, spec.chunking_settings) == ({}, {}, None)
    assert spec.adoption_policy is AdoptionPolicy.IF_IDENTICAL
    assert spec.replace_policy is ReplacePolicy.NEVER
    assert spec.drift_policy is DriftPolicy.CORRECT
    assert spec.deletion_policy is DeletionPolicy.DELETE
    assert spec.management_policy is ManagementPolicy.MANAGE
    assert (spec.force_delete, spec.suspend) == (False, False)
    assert spec.timeout_seconds == 30
    assert (spec.probe.enabled, spec.probe.interval, spec.probe.input) == (False, "1h", "ping")


def test_an_object_without_status_was_not_yet_observed() -> None:
    assert InferenceEndpoint.parse(document()).status == InferenceEndpointStatus(observed_generation=-1)


def test_the_id_is_that_of_the_spec() -> None:
    assert InferenceEndpoint.parse(document(inferenceId="other")).external_id == "other"


def test_the_id_is_the_name_of_the_object_when_the_spec_has_none() -> None:
    assert InferenceEndpoint.parse(document()).external_id == "products"


def test_settings_are_read_as_they_are() -> None:
    settings = {"model_id": "m", "nested": {"a": [1, None, {"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}}

    assert InferenceEndpoint.parse(document(serviceSettings=settings)).spec.service_settings == settings


def test_fields_of_a_newer_release_are_ignored() -> None:
    assert InferenceEndpoint.parse(document(tomorrow=True)).spec.service == "openai"


INVALID = [
    ("the service is missing", {"service": ...}, "spec.service", "Field required"),
    ("the task type is missing", {"taskType": ...}, "spec.taskType", "Field required"),
    ("the id has upper-case letters", {"inferenceId": CANARY.upper()}, "spec.inferenceId", "lower-case"),
    ("the id is _all", {"inferenceId": "_all"}, "spec.inferenceId", "starts and ends with a letter or digit"),
    ("the id ends with a dot", {"inferenceId": "a."}, "spec.inferenceId", "starts and ends"),
    ("the id has a line break at its end", {"inferenceId": "a\n"}, "spec.inferenceId", "starts and ends"),
    ("the id is empty", {"inferenceId": ""}, "spec.inferenceId", "starts and ends"),
    ("the id is too long", {"inferenceId": "a" * 507}, "spec.inferenceId", "at most 506"),
    ("a reserved id is to be managed", {"inferenceId": ".elser-2"}, "spec", "set managementPolicy: Observe"),
    ("the task type would leave its part of the URL", {"taskType": "a/../_all"}, "spec.taskType", "task type"),
    ("the service has a space", {"service": f"{CANARY} "}, "spec.service", "name of a service"),
    ("an unknown policy", {"adoptionPolicy": CANARY}, "spec.adoptionPolicy", "'Never', 'IfIdentical' or 'Always'"),
    ("a timeout without unit", {"timeout": "30"}, "spec.timeout", "from 1ms to 1h"),
    ("a timeout of more than an hour", {"timeout": "61m"}, "spec.timeout", "from 1ms to 1h"),
    ("a timeout of nothing", {"timeout": "0s"}, "spec.timeout", "from 1ms to 1h"),
    ("a probe too often", {"probe": {"interval": "9s"}}, "spec.probe.interval", "from 10s to 720h"),
    ("a probe with empty input", {"probe": {"input": ""}}, "spec.probe.input", "at least 1 character"),
    ("settings that are text", {"serviceSettings": CANARY}, "spec.serviceSettings", "valid dictionary"),
    ("a reference to nothing", {"elasticsearchRef": {}}, "spec.elasticsearchRef", "exactly one of name"),
    (
        "a reference to two clusters",
        {"elasticsearchRef": {"name": "a", "secretName": "b"}},
        "spec.elasticsearchRef",
        "exactly one of name",
    ),
    (
        "ECK's Service of a cluster by Secret",
        {"elasticsearchRef": {"secretName": "b", "serviceName": "c"}},
        "spec.elasticsearchRef",
        "only together with name",
    ),
    (
        "ECK's credentials of a cluster by Secret",
        {"elasticsearchRef": {"secretName": "b", "authSecretName": "c"}},
        "spec.elasticsearchRef",
        "only together with name",
    ),
    *(
        (f"a host for a {field}", {"elasticsearchRef": {"name": "a", field: f"{CANARY}.example.com:8443/x"}}, path, form)
        for field, form in (
            ("name", "the name of an object consists of"),
            ("namespace", "the name of a Service or namespace consists of"),
            ("serviceName", "the name of a Service or namespace consists of"),
            ("authSecretName", "the name of an object consists of"),
        )
        for path in (f"spec.elasticsearchRef.{field}",)
    ),
]


@pytest.mark.parametrize(("change", "path", "message"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_what_is_invalid_is_refused_by_field_and_reason(change: dict[str, Any], path: str, message: str) -> None:
    body = document(**change)
    body["spec"] = {key: value for key, value in body["spec"].items() if value is not ...}

    with pytest.raises(InvalidObject) as caught:
        InferenceEndpoint.parse(body)

    assert caught.value.path == path
    assert message in caught.value.message
    assert str(caught.value) == f"{path}: {caught.value.message}"


@pytest.mark.parametrize("change", [row[1] for row in INVALID], ids=[row[0] for row in INVALID])
def test_a_refusal_repeats_no_value_not_even_in_a_traceback(change: dict[str, Any]) -> None:
    body = document(taskSettings={"deep": [CANARY]}, **{k: v for k, v in change.items() if k != "serviceSettings"})
    body["spec"] = {key: value for key, value in body["spec"].items() if value is not ...}
    body["spec"]["serviceSettings"] = {"api_key": CANARY} if "serviceSettings" not in change else CANARY
    del body["metadata"]["uid"]

    with pytest.raises(InvalidObject) as caught:
        InferenceEndpoint.parse(body)

    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert CANARY.upper() not in str(caught.value)
    assert caught.value.__context__ is None


def test_an_object_without_metadata_is_refused() -> None:
    body = document()
    del body["metadata"]

    with pytest.raises(InvalidObject) as caught:
        InferenceEndpoint.parse(body)

    assert caught.value.path == "metadata"


ACCEPTED = [
    ("a dot, a hyphen and an underscore inside the id", {"inferenceId": "tencentcloudapi_bge_base_zh-v1.5"}),
    ("an id of one letter", {"inferenceId": "a"}),
    ("an id as long as a document id allows", {"inferenceId": "a" * 506}),
    ("a reserved id, observed", {"inferenceId": ".elser-2-elasticsearch", "managementPolicy": "Observe"}),
    ("a task type of tomorrow", {"taskType": "video_embedding"}),
    ("a service of tomorrow", {"service": "Oracle_OCI.gen-ai"}),
    ("a cluster of ECK with everything", {"elasticsearchRef": {"name": "a", "namespace": "b", "serviceName": "c"}}),
    ("less power than superuser", {"elasticsearchRef": {"name": "a", "authSecretName": "d"}}),
    ("a connection Secret in another namespace", {"elasticsearchRef": {"secretName": "a", "namespace": "b"}}),
    ("the shortest timeout", {"timeout": "1ms"}),
    ("the longest timeout in parts", {"timeout": "59m60s"}),
    ("the longest interval", {"probe": {"enabled": True, "interval": "720h"}}),
]


@pytest.mark.parametrize("change", [row[1] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_is_valid_is_read_and_written_back_the_same(change: dict[str, Any]) -> None:
    body = document(**change)

    written = InferenceEndpoint.parse(copy.deepcopy(body)).spec.body()

    assert {key: written[key] for key in change if key != "probe"} == {k: v for k, v in change.items() if k != "probe"}
    assert written.get("probe", {}).items() >= change.get("probe", {}).items()


def test_the_body_keeps_the_nulls_inside_of_settings_and_drops_what_is_not_set() -> None:
    spec = InferenceEndpoint.parse(document(serviceSettings={"a": None, "b": []})).spec

    body = spec.body()

    assert body["serviceSettings"] == {"a": None, "b": []}
    assert "inferenceId" not in body
    assert "chunkingSettings" not in body


def test_a_status_is_written_with_the_names_of_the_api() -> None:
    condition = Condition(
        type="Ready",
        status="True",
        reason="Available",
        message="ok",
        observed_generation=2,
        last_transition_time="2026-01-01T00:00:00Z",
    )
    status = InferenceEndpointStatus(observed_generation=2, conditions=(condition,))

    body = status.body()

    assert body == {
        "observedGeneration": 2,
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "Available",
                "message": "ok",
                "observedGeneration": 2,
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ],
    }
    assert InferenceEndpointStatus.model_validate(body) == status


def test_a_value_reference_is_a_string_unless_it_says_otherwise() -> None:
    assert ValueFrom.model_validate({"secretKeyRef": {"name": "a", "key": "b"}}).as_ is ValueType.STRING
    assert ValueFrom.model_validate({"configMapKeyRef": {"name": "a", "key": "b"}, "as": "json"}).as_ is ValueType.JSON


MALFORMED = [
    ("no source", {}),
    ("two sources", {"secretKeyRef": {"name": "a", "key": "b"}, "configMapKeyRef": {"name": "a", "key": "b"}}),
    ("a misspelt source", {"secretKeyReff": {"name": "a", "key": "b"}}),
    ("a misspelt field of the selector", {"secretKeyRef": {"name": "a", "key": "b", "optionall": True}}),
    ("no key", {"secretKeyRef": {"name": "a"}}),
    ("an empty name", {"secretKeyRef": {"name": "", "key": "b"}}),
    ("an unknown type", {"secretKeyRef": {"name": "a", "key": "b"}, "as": "yaml"}),
]


@pytest.mark.parametrize("value", [row[1] for row in MALFORMED], ids=[row[0] for row in MALFORMED])
def test_a_malformed_reference_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ValueFrom.model_validate(value)
