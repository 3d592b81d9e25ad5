"""The way from pydantic's JSON schema to a structural one: each construct, and that doing it again changes nothing."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.api.structural import NotStructural, structural, without_defaults

ROWS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("a title is dropped", {"title": "A", "type": "string"}, {"type": "string"}),
    ("a constant is an enum of one", {"const": "a", "type": "string"}, {"type": "string", "enum": ["a"]}),
    ("an integer has 64 bits", {"type": "integer"}, {"type": "integer", "format": "int64"}),
    ("a number keeps its own format", {"type": "integer", "format": "int32"}, {"type": "integer", "format": "int32"}),
    (
        "null says that a field may be left out",
        {"anyOf": [{"type": "string", "maxLength": 3}, {"type": "null"}], "default": None},
        {"type": "string", "maxLength": 3},
    ),
    (
        "a reference is replaced by its target, and what stands beside it wins",
        {"$ref": "#/$defs/A", "description": "mine", "$defs": {"A": {"type": "string", "description": "its"}}},
        {"description": "mine", "type": "string"},
    ),
    (
        "a reference inside of a target is replaced, too",
        {
            "$defs": {"A": {"type": "array", "items": {"$ref": "#/$defs/B"}}, "B": {"type": "boolean"}},
            "anyOf": [{"$ref": "#/$defs/A"}, {"type": "null"}],
        },
        {"type": "array", "items": {"type": "boolean"}},
    ),
    (
        "an open object keeps what is unknown",
        {"type": "object", "additionalProperties": True},
        {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    ),
    (
        "a map has a schema for its values",
        {"type": "object", "additionalProperties": {"type": "string", "title": "A"}},
        {"type": "object", "additionalProperties": {"type": "string"}},
    ),
    ("a closed object is closed by pruning", {"type": "object", "additionalProperties": False}, {"type": "object"}),
    ("an empty default goes without saying", {"type": "object", "default": {}}, {"type": "object"}),
    ("false is a default", {"type": "boolean", "default": False}, {"type": "boolean", "default": False}),
    ("an empty text is a default", {"type": "string", "default": ""}, {"type": "string", "default": ""}),
    ("a description is one line", {"type": "string", "description": "a\n  b"}, {"description": "a b", "type": "string"}),
    (
        "a property may be called like a keyword",
        {"type": "object", "properties": {"title": {"type": "string"}, "anyOf": {"type": "string"}}},
        {"type": "object", "properties": {"title": {"type": "string"}, "anyOf": {"type": "string"}}},
    ),
]


@pytest.mark.parametrize(("schema", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_each_construct_has_a_structural_form(schema: dict[str, Any], expected: dict[str, Any]) -> None:
    assert structural(schema) == expected
    assert structural(expected) == expected


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "anyOf"),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "oneOf"),
        ({"not": {"type": "string"}}, "not"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "object", "properties": {"a": {"patternProperties": {}}}}, "patternProperties"),
    ],
)
def test_what_has_no_structural_form_is_refused_by_name(schema: dict[str, Any], keyword: str) -> None:
    with pytest.raises(NotStructural, match=keyword):
        structural(schema)


def test_doing_it_again_changes_nothing() -> None:
    once = structural(InferenceEndpoint.model_json_schema())

    assert structural(once) == once


def test_defaults_go_at_every_depth_but_a_property_of_that_name_stays() -> None:
    schema = {
        "type": "object",
        "default": {"a": 1},
        "properties": {
            "default": {"type": "string", "default": "x"},
            "list": {"type": "array", "items": {"type": "string", "default": "x"}},
            "map": {"type": "object", "additionalProperties": {"type": "string", "default": "x"}},
        },
    }

    assert without_defaults(schema) == {
        "type": "object",
        "properties": {
            "default": {"type": "string"},
            "list": {"type": "array", "items": {"type": "string"}},
            "map": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    }
