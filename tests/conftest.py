"""What holds for all tests: those that share a control plane run on one worker, so that it is started once."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARE_A_CONTROL_PLANE = ("cluster", "chart")
_START_THEIR_OWN = ("test_controlplane", "test_controlplane_ends", "test_demo", "test_operator", "test_operator_starts")


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of these folders for `--dist loadgroup`; modules with a control plane of their own are a group each."""
    here = Path(__file__).parent
    for item in items:
        folder, name = item.path.relative_to(here).parts[0], item.path.stem
        if folder in _SHARE_A_CONTROL_PLANE:
            item.add_marker(pytest.mark.xdist_group(name if name in _START_THEIR_OWN else folder))
