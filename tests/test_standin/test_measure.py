"""What the stand-in's own work grows with, counted in calls of Python functions: never timed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import pytest

from tests.standin.measure import Timing, answered, core_alone, create, filled, over_a_socket, request
from tests.standin.messages import Request

FEW, MANY = 20, 400


def calls_of(run: Callable[[], object]) -> int:
    """How many Python functions are called while it runs; the least of a few runs, as garbage is collected in some."""
    return min(_calls_of(run) for _ in range(3))


def _calls_of(run: Callable[[], object]) -> int:
    count = 0

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(before)
    return count


CONSTANT: dict[str, Request] = {
    "create": create(100_000),
    "get one": request("GET", "/_inference/endpoint-1"),
    "update": request("PUT", "/_inference/text_embedding/endpoint-1/_update", {"task_settings": {"user": "u"}}),
    "delete": request("DELETE", "/_inference/endpoint-1"),
    "infer": request("POST", "/_inference/endpoint-1", {"input": "a"}),
}


@pytest.mark.parametrize("asked", CONSTANT.values(), ids=CONSTANT)
def test_work_that_does_not_grow_with_the_endpoints(asked: Request) -> None:
    many = filled(MANY)
    few = replace(many, endpoints=dict(list(many.endpoints.items())[:FEW]))
    for state in (few, many):
        answered(state, asked)  # what is cached is cached
    counts = [calls_of(lambda state=state: answered(state, asked)) for state in (few, many)]  # type: ignore[misc]
    assert counts[0] == counts[1]
    assert counts[0] < 600


def test_listing_costs_a_few_calls_for_each_endpoint() -> None:
    everything = request("GET", "/_inference/_all")
    states = [answered(filled(number), everything) for number in (FEW, MANY)]
    counts = [calls_of(lambda state=state: answered(state, everything)) for state in states]  # type: ignore[misc]
    assert (counts[1] - counts[0]) / (MANY - FEW) < 10


def test_the_measurement_can_be_made() -> None:
    timings = [*core_alone(3, 2), *over_a_socket(3, 2)]
    assert len({timing.what for timing in timings}) == 9
    row = Timing("a call", (0.001, 0.002, 0.003)).row()
    assert row.startswith("a call ")
    assert "2.000  (0." in row
