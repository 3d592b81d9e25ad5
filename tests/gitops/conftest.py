"""Builds the programs of these tests before the first one, whose timeout must not count minutes of compiling."""

from __future__ import annotations

from typing import Any

import pytest

from tests.controlplane import ensure_binaries, ensure_kustomize_controller


def pytest_collection_finish(session: pytest.Session) -> None:
    needed = any("flux" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            ensure_binaries()
            ensure_kustomize_controller()
