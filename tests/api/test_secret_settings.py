"""The schema of a settings block: known secrets must be references, and nothing in it lets an error quote one."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.api.crd import schema
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.services import catalogue
from tests.api.schema_faults import faults
from tests.api.schema_nodes import nodes

SETTINGS = schema(InferenceEndpoint)["properties"]["spec"]["properties"]["serviceSettings"]
REFERENCE = {"valueFrom": {"secretKeyRef": {"name": "openai", "key": "api-key"}}}
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
