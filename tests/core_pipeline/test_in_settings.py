"""Pipelines that the settings of indices and templates name, in every form that settings have."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from inference_operator.core.pipeline.in_settings import pipelines_in_settings, pipelines_in_template
from tests.core_pipeline.bodies import JSON

ROWS: list[tuple[str, Any, set[str]]] = [
    ("flat", {"index.default_pipeline": "a", "index.final_pipeline": "b"}, {"a", "b"}),
    ("nested", {"index": {"default_pipeline": "a", "final_pipeline": "b"}}, {"a", "b"}),
    ("without the prefix", {"default_pipeline": "a", "final_pipeline": "b"}, {"a", "b"}),
    ("both at once", {"index": {"default_pipeline": "a"}, "index.final_pipeline": "a"}, {"a"}),
    ("none", {"index.default_pipeline": "_none", "index.final_pipeline": None}, set()),
    ("other settings", {"index": {"number_of_shards": "1", "lifecycle": {"default_pipeline": "a"}}}, set()),
    ("no settings", None, set()),
]


@pytest.mark.parametrize(("settings", "names"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_settings(settings: Any, names: set[str]) -> None:
    assert pipelines_in_settings(settings) == names
    assert pipelines_in_template({"template": {"settings": settings}}) == names


@given(JSON)
def test_whatever_stands_there_is_read_without_an_error(value: Any) -> None:
    for template in (value, {"template": value}, {"template": {"settings": value}}):
        pipelines_in_template(template)
    assert pipelines_in_settings(value) == frozenset()
