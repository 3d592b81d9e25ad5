"""What users see of the CRD: the answer to create, columns, selectors, `kubectl explain`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cluster.crd_documents import REFERENCE, Way, document, own_namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.crd_documents import Namespaced
    from tests.controlplane import ControlPlane


@pytest.fixture(scope="module")
def api(plane: ControlPlane) -> Iterator[Namespaced]:
    with own_namespace(plane) as asked:
        yield asked


def test_the_answer_to_create_has_all_defaults_and_says_that_nobody_has_seen_it_yet(api: Namespaced) -> None:
    shown = api.create(document("fresh"))

    assert shown["status"] == {"observedGeneration": -1}
    assert shown["spec"] == {
        "taskType": "text_embedding",
        "service": "openai",
        "adoptionPolicy": "IfIdentical",
        "replacePolicy": "Never",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "forceDelete": False,
        "suspend": False,
        "timeout": "30s",
        "probe": {"enabled": False, "interval": "1h", "input": "ping"},
    }


def test_a_part_of_the_probe_is_completed(api: Namespaced) -> None:
    body = document(probe={"enabled": True})

    shown = api.answer(Way.CREATE, body)

    assert shown["spec"]["probe"] == {"enabled": True, "interval": "1h", "input": "ping"}


def test_a_reference_is_stored_as_it_was_written(api: Namespaced) -> None:
    body = document(serviceSettings={"api_key": REFERENCE, "secret_parameters": {"a": REFERENCE}, "other": REFERENCE})

    shown = api.answer(Way.CREATE, body)

    assert shown["spec"]["serviceSettings"] == json.loads(body)["spec"]["serviceSettings"]


def test_the_status_is_a_subresource_and_no_part_of_an_apply(api: Namespaced) -> None:
    body = json.loads(document("no-status")) | {"status": {"observedGeneration": 7}}

    shown = api.create(json.dumps(body))

    assert shown["status"] == {"observedGeneration": -1}


READY = {
    "observedGeneration": 1,
    "inferenceId": "shown",
    "cluster": {"uuid": "xq3Z", "version": "9.2.0"},
    "model": {"id": ".elser_model_2", "dimensions": 384},
    "deployment": {"id": "shown", "state": "started", "allocationCount": 2, "targetAllocationCount": 2},
    "conditions": [
        {
            "type": "Ready",
            "status": "True",
            "reason": "Available",
            "message": "The endpoint can be used.",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "observedGeneration": 1,
        }
    ],
}


@pytest.fixture(scope="module")
def shown(api: Namespaced) -> str:
    """The name of an endpoint with a status as the operator writes it."""
    api.create(document("shown", service="elasticsearch", taskType="sparse_embedding"))
    patch = f"--patch={json.dumps({'status': READY})}"
    api.kubectl("patch", "infep", "shown", "--subresource=status", "--type=merge", patch)
    return "shown"


def table(plane: Namespaced, *args: str) -> list[list[str]]:
    """Run `kubectl get` and return its lines, split into cells; no cell is empty or has a space in these tests."""
    lines = plane.kubectl("get", *args).splitlines()
    return [line.split() for line in lines]


def test_the_columns_tell_at_a_glance(api: Namespaced, shown: str) -> None:
    header, row = table(api, "infep", shown)

    assert header == ["NAME", "READY", "REASON", "SERVICE", "TASK", "MODEL", "AGE"]
    assert row[:-1] == ["shown", "True", "Available", "elasticsearch", "sparse_embedding", ".elser_model_2"]


def test_the_wide_columns_tell_more(api: Namespaced, shown: str) -> None:
    header, row = table(api, "infep", shown, "--output=wide")

    wide = dict(zip(header, row, strict=True))
    assert header[6:] == ["ID", "CLUSTER", "ALLOCATIONS", "DIMENSIONS", "AGE"]
    assert (wide["ID"], wide["CLUSTER"], wide["ALLOCATIONS"], wide["DIMENSIONS"]) == ("shown", "xq3Z", "2", "384")


@pytest.mark.parametrize("name", ["infep", "inferenceendpoint", "inferenceendpoints", "inference"])
def test_the_kind_is_found_by_its_names_and_its_category(api: Namespaced, shown: str, name: str) -> None:
    found = api.kubectl("get", name, "--output=name").split()

    assert f"inferenceendpoint.inference-operator.io/{shown}" in found


@pytest.mark.parametrize(
    ("selector", "found"),
    [
        ("spec.service=elasticsearch", True),
        ("spec.taskType=sparse_embedding", True),
        ("spec.service=elasticsearch,spec.taskType=sparse_embedding", True),
        ("spec.service=elasticsearch,spec.taskType=rerank", False),
        ("spec.service!=elasticsearch", False),
    ],
)
def test_endpoints_are_selected_by_service_and_task_type(api: Namespaced, shown: str, selector: str, found: bool) -> None:
    names = api.kubectl("get", "infep", f"--field-selector={selector}", "--output=name")

    assert (f"/{shown}\n" in names) is found


def test_kubectl_waits_for_ready(api: Namespaced, shown: str) -> None:
    said = api.kubectl("wait", "--for=condition=Ready", f"infep/{shown}", "--timeout=10s")

    assert "condition met" in said


def test_a_condition_of_a_type_stands_once(api: Namespaced, shown: str) -> None:
    again = json.dumps({"status": {"conditions": READY["conditions"] * 2}})  # type: ignore[operator]

    error = api.kubectl_refusal(
        "patch", "infep", shown, "--subresource=status", "--type=merge", f"--patch={again}", "--dry-run=server"
    )

    assert "Duplicate value" in error


def test_explain_is_a_manual(api: Namespaced) -> None:
    spec = api.kubectl("explain", "inferenceendpoint.spec")
    words = " ".join(spec.split())

    assert "service <string> -required-" in words
    assert "taskType <string> -required-" in words
    assert "enum: Never, IfIdentical, Always" in words
    assert "What happens to the endpoint when this object is deleted. Delete: it is deleted, too." in words
    assert "Default: metadata.name." in words


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("spec.serviceSettings", "api_key <Object> Secret: provider API key. Write {valueFrom: {secretKeyRef:"),
        ("spec.serviceSettings.api_key.valueFrom.secretKeyRef", "One trailing newline is stripped."),
        ("spec.elasticsearchRef", "Name of the Elasticsearch object of ECK."),
        ("spec.probe", "Each probe calls the provider and may cost money."),
        ("status.conditions", "Why the condition has this status"),
        ("status.deployment", "adaptive allocations scaled an idle model to zero, which is healthy"),
    ],
)
def test_explain_goes_into_detail(api: Namespaced, field: str, text: str) -> None:
    assert text in " ".join(api.kubectl("explain", f"infep.{field}").split())


@pytest.mark.parametrize("plural", ["inferenceendpoints", "ingestpipelines"])
def test_the_schema_has_no_fault_that_the_api_server_reports(api: Namespaced, plural: str) -> None:
    crd = json.loads(api.kubectl("get", "crd", f"{plural}.inference-operator.io", "--output=json"))

    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}


# --- pipelines --------------------------------------------------------------------------------------------------------


def test_a_new_pipeline_has_all_defaults_and_keeps_its_processors_in_order(api: Namespaced) -> None:
    processors = [{"b": {"z": 1, "a": [{"x": None}]}}, {"a": {}}, {"b": {"big": 2**53 + 1, "whole": 1.5}}]

    shown = api.create(document("fresh", "IngestPipeline", processors=processors))

    assert shown["status"] == {"observedGeneration": -1}
    assert shown["spec"] == {
        "processors": processors,
        "deprecated": False,
        "fieldAccessPattern": "classic",
        "adoptionPolicy": "IfIdentical",
        "driftPolicy": "Correct",
        "deletionPolicy": "Delete",
        "managementPolicy": "Manage",
        "forceDelete": False,
        "suspend": False,
    }


def test_kubernetes_turns_whole_floats_into_integers_which_the_comparison_must_bear(api: Namespaced) -> None:
    body = document("floats", "IngestPipeline", processors=[{"set": {"field": "a", "value": 1.0}}])

    shown = api.create(body)

    assert json.dumps(shown["spec"]["processors"]) == '[{"set": {"field": "a", "value": 1}}]'


@pytest.fixture(scope="module")
def shown_pipeline(api: Namespaced) -> str:
    """The name of a pipeline with a status as the operator writes it."""
    api.create(document("shown", "IngestPipeline"))
    conditions = READY["conditions"]
    status = {"observedGeneration": 1, "processors": 0, "endpoints": ["a", "b"], "pipelineId": "shown", "conditions": conditions}
    patch = f"--patch={json.dumps({'status': status})}"
    api.kubectl("patch", "ingp", "shown", "--subresource=status", "--type=merge", patch)
    return "shown"


def test_the_columns_of_a_pipeline_tell_how_much_it_does_and_what_it_needs(api: Namespaced, shown_pipeline: str) -> None:
    header, row = table(api, "ingp", shown_pipeline)

    assert header == ["NAME", "READY", "REASON", "PROCESSORS", "ENDPOINTS", "AGE"]
    assert row[:-1] == ["shown", "True", "Available", "0", '["a","b"]']


@pytest.mark.parametrize("name", ["ingestpipeline", "inference"])
def test_a_pipeline_is_found_by_its_names_and_its_category(api: Namespaced, shown_pipeline: str, name: str) -> None:
    found = api.kubectl("get", name, "--output=name").split()

    assert f"ingestpipeline.inference-operator.io/{shown_pipeline}" in found


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("spec", "processors <[]Object> -required- The steps in order, each an object with one key"),
        ("spec.tests.expect", "True: the pipeline drops the document."),
        ("status.tests", "While they fail, Elasticsearch keeps the pipeline that it had."),
    ],
)
def test_explain_is_a_manual_of_pipelines_too(api: Namespaced, field: str, text: str) -> None:
    assert text in " ".join(api.kubectl("explain", f"ingp.{field}").split())
