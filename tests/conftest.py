"""What holds for all tests: those that share a control plane run on one worker, so that it is started once."""

from __future__ import annotations

from pathlib import Path

import pytest

_SHARE_A_CONTROL_PLANE = ("cluster", "chart")


@pytest.hookimpl(tryfirst=True)  # before xdist, which reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of these folders for `--dist loadgroup`."""
    here = Path(__file__).parent
    for item in items:
        folder = item.path.relative_to(here).parts[0]
        if folder in _SHARE_A_CONTROL_PLANE:
            item.add_marker(pytest.mark.xdist_group(folder))
