"""What holds for all tests: how often laws are tried, and which tests run on one worker, so that they share a control plane."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

_SHARE_A_CONTROL_PLANE = ("cluster", "chart")
_SHARE_IT_WHERE_THEY_NEED_ONE = ("docs",)
_START_THEIR_OWN = (
    "test_controlplane_ends",
    "test_demo",
    "test_operator",
    "test_operator_starts",
    "test_scenarios",
)

hypothesis.settings.register_profile("dev", max_examples=10, deadline=None)
hypothesis.settings.register_profile("ci", max_examples=30, deadline=None)
hypothesis.settings.register_profile("night", max_examples=200, deadline=None)


def pytest_configure() -> None:
    """How often laws without a number of examples of their own are tried; `--hypothesis-profile` goes over it."""
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of these folders for `--dist loadgroup`; modules with a control plane of their own are a group each."""
    here = Path(__file__).parent
    for item in items:
        folder, name = item.path.relative_to(here).parts[0], item.path.stem
        if group := _group(folder, name, getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.xdist_group(group))


def _group(folder: str, module: str, fixtures: list[str] | tuple[str, ...]) -> str | None:
    if folder in _SHARE_A_CONTROL_PLANE:
        return module if module in _START_THEIR_OWN else folder
    return folder if folder in _SHARE_IT_WHERE_THEY_NEED_ONE and "plane" in fixtures else None
