"""From a spec to the body that is sent, and from an answer to the pipeline that it holds."""

from __future__ import annotations

from typing import Any

import pytest

from inference_operator.core.pipeline.stamp import OWNER_KEY, Stamp
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline, desired_of, observed_of
from tests.core_pipeline.bodies import spec

PROCESSORS: list[dict[str, Any]] = [{"drop": {}}]
STAMP = Stamp("k1", "search", "products", "u1")


def test_the_body_has_the_names_of_elasticsearch() -> None:
    wanted = spec(
        description="d",
        version=3,
        onFailure=[{"set": {"field": "a", "value": 1}}],
        meta={"team": "search"},
        deprecated=True,
        fieldAccessPattern="flexible",
    )

    assert desired_of(wanted, "products") == DesiredPipeline(
        "products",
        {
            "description": "d",
            "version": 3,
            "processors": PROCESSORS,
            "on_failure": [{"set": {"field": "a", "value": 1}}],
            "_meta": {"team": "search"},
            "deprecated": True,
            "field_access_pattern": "flexible",
        },
    )


@pytest.mark.parametrize("meta", [{}, {OWNER_KEY: {"uid": "forged"}}], ids=["empty", "a forged mark"])
def test_what_says_nothing_is_not_sent_so_that_every_version_takes_it(meta: dict[str, Any]) -> None:
    wanted = spec(deprecated=False, fieldAccessPattern="classic", meta=meta)
    assert desired_of(wanted, "a").body == {"processors": PROCESSORS}


def test_empty_texts_zeros_and_nulls_inside_are_values() -> None:
    wanted = spec(description="", version=0, processors=[{"drop": None}])
    assert desired_of(wanted, "a").body == {"description": "", "version": 0, "processors": [{"drop": None}]}


def test_dates_and_the_mark_are_not_part_of_the_pipeline() -> None:
    document = {
        "processors": PROCESSORS,
        "_meta": {"a": 1, OWNER_KEY: STAMP.document},
        "created_date_millis": 1,
        "modified_date_millis": 2,
        "created_date": "2026-01-01T00:00:00.000Z",
        "modified_date": "2026-01-01T00:00:00.000Z",
    }
    assert observed_of("a", document) == ObservedPipeline("a", {"processors": PROCESSORS, "_meta": {"a": 1}}, STAMP)


def test_a_mark_that_nobody_understands_is_taken_out_all_the_same() -> None:
    assert observed_of("a", {"processors": [], "_meta": {OWNER_KEY: "?"}}) == ObservedPipeline("a", {"processors": []}, None)


@pytest.mark.parametrize(("body", "count"), [({"processors": PROCESSORS * 3}, 3), ({}, 0), ({"processors": None}, 0)])
def test_processors_are_counted(body: dict[str, Any], count: int) -> None:
    assert observed_of("a", body).processors == count
