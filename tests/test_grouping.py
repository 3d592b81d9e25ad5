"""Tests that share something long run on one worker: xdist is told so by the end of their ids."""

from __future__ import annotations

import pytest


def _told(request: pytest.FixtureRequest) -> str:
    """The group that xdist reads from the id; empty where one process runs all tests."""
    nodeid: str = request.node.nodeid
    return nodeid.rpartition("]")[2].rpartition("::")[2].partition("@")[2]


def test_a_module_is_a_group(request: pytest.FixtureRequest) -> None:
    grouped = request.config.getoption("loadgroup", default=False)
    assert _told(request) == ("test_grouping.py" if grouped else "")


@pytest.mark.xdist_group("of-its-own")
@pytest.mark.parametrize("address", ["a@b"])
def test_a_test_may_name_its_group(request: pytest.FixtureRequest, address: str) -> None:
    assert address in request.node.nodeid
    grouped = request.config.getoption("loadgroup", default=False)
    assert _told(request) == ("of-its-own" if grouped else "")
