"""What holds for all tests: how often laws are tried, and which tests run on one worker, so that they share a control plane."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog
from _pytest.nodeid import NodeId

_HERE = Path(__file__).parent
_SHARE_A_CONTROL_PLANE = ("cluster", "chart")
_SHARE_IT_WHERE_THEY_NEED_ONE = ("docs",)
_START_THEIR_OWN = (
    "test_controlplane_ends",
    "test_demo",
    "test_operator",
    "test_scenarios",
)

hypothesis.settings.register_profile("dev", max_examples=10, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=30, deadline=None)
hypothesis.settings.register_profile("night", max_examples=200, deadline=None)


def pytest_configure() -> None:
    """How often laws without a number of examples of their own are tried; `--hypothesis-profile` goes over it."""
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
    plain = structlog.processors.KeyValueRenderer(sort_keys=True, key_order=["level", "event"])
    told: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        plain,
    ]
    structlog.configure(processors=told)  # its own default aligns and colours what only a failing test shows


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Leave what was imported and collected to no collector of garbage: nothing of it goes, and a look at it takes 0.3 s."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests for `--dist loadgroup`: by what they share, otherwise by module.

    What is shared is long, and goes first, so that no worker is left alone with it in the end; `--no-loadscope-reorder` keeps
    the order.
    """
    if not items or not items[0].config.pluginmanager.hasplugin("xdist"):
        return  # nobody would know the marker
    alone: list[pytest.Item] = []
    shared: list[pytest.Item] = []
    for item in items:
        group = _shared(item)
        (shared if group else alone).append(item)
        _put(item, group or item.path.relative_to(_HERE).as_posix())
    items[:] = shared + alone


def _put(item: pytest.Item, group: str) -> None:
    """Into a group, of which xdist learns by the end of the test's id.

    xdist 3.8 puts the marker's name there itself, but where pytest kept the id before 9.2: with this one nothing is grouped,
    and nothing says so.
    """
    item.add_marker(pytest.mark.xdist_group(group))
    if item.config.getoption("loadgroup", default=False):
        item._id = NodeId.parse(f"{item.nodeid}@{group}")


def _shared(item: pytest.Item) -> str | None:
    """What a test names itself, or what its folder shares; None where it shares nothing beyond its module."""
    if marker := item.get_closest_marker("xdist_group"):
        return str(marker.args[0])
    folder, module = item.path.relative_to(_HERE).parts[0], item.path.stem
    if folder in _SHARE_A_CONTROL_PLANE:
        return module if module in _START_THEIR_OWN else folder
    needs_one = "plane" in getattr(item, "fixturenames", ())
    return folder if folder in _SHARE_IT_WHERE_THEY_NEED_ONE and needs_one else None
