"""Prometheus and promtool are built before the first test that needs them, whose timeout must not count minutes of compiling."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane import ensure_binaries
from tests.controlplane.binaries import ensure_prometheus


def pytest_collection_finish(session: pytest.Session) -> None:
    """See above. Without the long tests nothing is built."""
    needed = any(item.get_closest_marker("full") and "tests/monitoring" in item.nodeid for item in session.items)
    if needed and not session.config.option.collectonly:
        capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            ensure_binaries()
            ensure_prometheus()
