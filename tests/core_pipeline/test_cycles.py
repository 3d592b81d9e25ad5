"""Circles of calls: found, the shortest, through the pipeline that is asked about."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.core.pipeline.cycles import cycle_through

ROWS: list[tuple[str, dict[str, list[str]], tuple[str, ...] | None]] = [
    ("nobody is called", {}, None),
    ("a chain", {"a": ["b"], "b": ["c"]}, None),
    ("itself", {"a": ["a"]}, ("a", "a")),
    ("each other", {"a": ["b"], "b": ["a"]}, ("a", "b", "a")),
    ("a circle elsewhere", {"a": ["b"], "b": ["c"], "c": ["b"]}, None),
    ("the shorter of two", {"a": ["b", "c"], "b": ["x"], "x": ["a"], "c": ["a"]}, ("a", "c", "a")),
    ("the first by name of two", {"a": ["c", "b"], "b": ["a"], "c": ["a"]}, ("a", "b", "a")),
    ("a diamond", {"a": ["b", "c"], "b": ["d"], "c": ["d"]}, None),
]


@pytest.mark.parametrize(("calls", "cycle"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_circles(calls: dict[str, list[str]], cycle: tuple[str, ...] | None) -> None:
    assert cycle_through("a", calls) == cycle


def test_a_long_way_round() -> None:
    size = 20_000
    calls = {str(number): [str((number + 1) % size)] for number in range(size)}
    cycle = cycle_through("0", calls)
    assert cycle is not None
    assert len(cycle) == size + 1


GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6)


@given(GRAPHS)
def test_a_circle_consists_of_calls_and_there_is_none_only_if_there_is_no_way_back(graph: dict[str, list[str]]) -> None:
    cycle = cycle_through("a", graph)
    reached: set[str] = set()
    for _ in range(6):
        reached |= {called for caller in ("a", *reached) for called in graph.get(caller, [])}
    assert (cycle is not None) == ("a" in reached)
    if cycle is not None:
        assert cycle[0] == cycle[-1] == "a"
        assert all(called in graph[caller] for caller, called in pairwise(cycle))
