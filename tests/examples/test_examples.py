"""Every example file says something that the operator understands, and nothing that a user should not copy."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from inference_operator.api.crd import manifests
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.ingest_pipeline import IngestPipeline
from inference_operator.api.services import Service, catalogue
from inference_operator.core.endpoint.references import MalformedReference, blocks, inline_secrets, references
from tests.examples.catalogue_of_examples import (
    EXAMPLES,
    GITOPS,
    Resource,
    endpoint,
    example_files,
    header,
    inference_id,
    manifest_files,
    of_kind,
    resources,
    stated_version,
)

PLACEHOLDER = "replace-me"
SCHEMAS = {
    manifest["spec"]["names"]["kind"]: manifest["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for manifest in manifests().values()
}

ONE_OF: Mapping[str, tuple[frozenset[str], ...]] = {
    "amazon_sagemaker": (frozenset({"similarity"}), frozenset({"element_type"})),  # with api elastic and text_embedding
    "azureopenai": (frozenset({"api_key", "entra_id", "client_secret"}),),
    "elasticsearch": (frozenset({"num_allocations", "adaptive_allocations", "deployment_id"}),),
    "elser": (frozenset({"num_allocations", "adaptive_allocations"}),),
    "googlevertexai": (frozenset({"location"}), frozenset({"model_id"}), frozenset({"project_id"})),
    "openai": (frozenset({"api_key", "client_secret"}),),
}
"""What a create request needs besides the settings that are always required: exactly one of each set."""


def name_of(path: Path) -> str:
    return path.relative_to(EXAMPLES).as_posix()


each_service = pytest.mark.parametrize("path", example_files(), ids=name_of)
each_manifest = pytest.mark.parametrize("path", manifest_files(), ids=name_of)
each_endpoint = pytest.mark.parametrize(
    "path", [path for path in manifest_files() if of_kind(path, "InferenceEndpoint")], ids=name_of
)
each_pipeline = pytest.mark.parametrize(
    "path", [path for path in manifest_files() if of_kind(path, "IngestPipeline")], ids=name_of
)


def known(resource: Resource) -> Service:
    service = catalogue().find(resource["spec"]["service"])
    assert service is not None
    return service


def test_every_service_of_the_catalogue_has_an_example_named_after_it() -> None:
    shown = {path.name: endpoint(path)["spec"]["service"] for path in example_files()}
    assert set(shown.values()) == set(catalogue().services)
    for service in catalogue().services:
        assert shown[f"{service}.yaml"] == service


def test_the_examples_cover_every_task_type() -> None:
    shown = {endpoint(path)["spec"]["taskType"] for path in example_files()}
    assert shown == {task for service in catalogue().services.values() for task in service.task_types}


def test_no_two_examples_hold_the_same_object() -> None:
    # Otherwise deleting one example would take the Secret of another. The forms of one connection may replace each other.
    files = [path for path in manifest_files() if path.parent != EXAMPLES / "connection"]
    named = [(item["kind"], item["metadata"]["name"]) for path in files for item in resources(path)]
    assert len(named) == len(set(named))


@each_manifest
def test_a_file_is_json_in_the_clothes_of_yaml(path: Path) -> None:
    # YAML reads an unquoted 2024-10-21 as a date, and `on` as true; json refuses the first, the schema the second.
    assert json.loads(json.dumps(resources(path))) == resources(path)


@each_manifest
def test_a_file_leaves_the_namespace_to_the_user(path: Path) -> None:
    assert all("namespace" not in item["metadata"] for item in resources(path))


@each_service
def test_a_secret_stands_before_the_endpoint_that_needs_it(path: Path) -> None:
    kinds = [item["kind"] for item in resources(path)]
    assert kinds in (["InferenceEndpoint"], ["Secret", "InferenceEndpoint"])


@each_service
def test_the_file_says_how_to_create_its_secret_without_committing_it(path: Path) -> None:
    for secret in of_kind(path, "Secret"):
        text = path.read_text(encoding="utf-8")
        assert f"kubectl create secret generic {secret['metadata']['name']} " in text
        assert all(f"--from-file={key}=" in text for key in secret["stringData"])


@each_manifest
def test_secrets_hold_placeholders_only(path: Path) -> None:
    public = {"url", "username", "roles", "roles.yml"}
    for secret in of_kind(path, "Secret"):
        assert "data" not in secret
        for key, value in secret["stringData"].items():
            assert key in public or PLACEHOLDER in value, key


@each_service
def test_the_file_says_which_elasticsearch_it_needs(path: Path) -> None:
    service, stated = known(endpoint(path)), stated_version(path)
    if service.min_version is None:
        assert stated is None
        assert "build of Elasticsearch" in header(path)
    else:
        assert stated is not None
        assert stated >= service.min_version[:2]


@each_service
def test_the_file_says_what_to_change(path: Path) -> None:
    assert " Change: " in header(path)


@each_endpoint
def test_the_operator_reads_the_endpoint(path: Path) -> None:
    for resource in of_kind(path, "InferenceEndpoint"):
        parsed = InferenceEndpoint.parse(resource)
        assert parsed.external_id == inference_id(resource)


@each_pipeline
def test_the_operator_reads_the_pipeline(path: Path) -> None:
    for resource in of_kind(path, "IngestPipeline"):
        assert IngestPipeline.parse(resource).external_id == resource["metadata"]["name"]


@each_manifest
def test_the_crd_knows_every_field(path: Path) -> None:
    for resource in (item for item in resources(path) if item["kind"] in SCHEMAS):
        assert list(_unknown(resource["spec"], SCHEMAS[resource["kind"]]["properties"]["spec"], "spec")) == []


@each_endpoint
def test_the_service_knows_the_task_and_every_setting(path: Path) -> None:
    for resource in of_kind(path, "InferenceEndpoint"):
        spec, service = resource["spec"], known(resource)
        task = spec["taskType"]
        assert task in service.task_types
        for name in spec.get("serviceSettings", {}):
            assert task in service.service_settings[name].task_types, name
        for name in spec.get("taskSettings", {}):
            assert task in service.task_settings[name].task_types, name
        assert service.chunking or "chunkingSettings" not in spec


@each_endpoint
def test_enumerated_settings_have_values_that_the_service_knows(path: Path) -> None:
    for resource in of_kind(path, "InferenceEndpoint"):
        spec, service = resource["spec"], known(resource)
        for given, settings in (
            (spec.get("serviceSettings", {}), service.service_settings),
            (spec.get("taskSettings", {}), service.task_settings),
        ):
            for name, value in given.items():
                assert not settings[name].values or value in settings[name].values, name


@each_endpoint
def test_required_settings_are_there(path: Path) -> None:
    for resource in of_kind(path, "InferenceEndpoint"):
        spec, service = resource["spec"], known(resource)
        given, task = spec.get("serviceSettings", {}), spec["taskType"]
        assert _required(service.service_settings, task) <= set(given)
        assert _required(service.task_settings, task) <= set(spec.get("taskSettings", {}))
        for alternatives in ONE_OF.get(service.name, ()):
            assert len(alternatives & set(given)) == 1


def test_every_service_with_a_condition_has_a_row() -> None:
    # A service whose secret is not simply required has a rule of its own; the others of the table are in-cluster models,
    # and settings that depend on others.
    by_choice = {
        service.name
        for service in catalogue().services.values()
        if service.sensitive_names and not any(service.service_settings[name].required for name in service.sensitive_names)
    }
    assert by_choice - {"llama"} <= set(ONE_OF)  # llama: a server without authentication needs no key


@each_endpoint
def test_secrets_are_references_to_a_secret_of_the_same_file(path: Path) -> None:
    held = {item["metadata"]["name"]: set(item["stringData"]) for item in of_kind(path, "Secret")}
    if path.parent.name == "first-endpoint":  # here each object has a file
        held = {
            item["metadata"]["name"]: set(item["stringData"])
            for sibling in path.parent.glob("*.yaml")
            for item in of_kind(sibling, "Secret")
        }
    if path.parent.parent == GITOPS:  # keys do not belong into Git
        assert held == {}
        held = {"openai": {"api-key"}}
    for resource in of_kind(path, "InferenceEndpoint"):
        parsed = InferenceEndpoint.parse(resource)
        assert inline_secrets(blocks(parsed.spec)["serviceSettings"], known(resource).sensitive_names) == ()
        for reference in references(parsed.spec):
            assert not isinstance(reference, MalformedReference)
            assert reference.selector.key in held[reference.selector.name]


def test_services_with_a_secret_use_it() -> None:
    for path in example_files():
        service = known(endpoint(path))
        assert bool(of_kind(path, "Secret")) == bool(service.sensitive_names), name_of(path)


def _required(settings: Mapping[str, Any], task: str) -> set[str]:
    return {name for name, setting in settings.items() if setting.required and task in setting.task_types}


def _unknown(node: Any, schema: Mapping[str, Any], path: str) -> Iterator[str]:
    """Fields that the API server would drop, or refuse under strict validation."""
    if not isinstance(node, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    for key, value in node.items():
        below = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
        if below is None:
            yield f"{path}.{key}"
        else:
            yield from _unknown(value, below, f"{path}.{key}")
