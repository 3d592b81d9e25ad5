"""Fixtures of the tests against a real API server: one control plane for a whole run, and a namespace for each test."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cluster.letting_go import clear
from tests.controlplane import ControlPlane, ensure_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator

_CRDS = Path(__file__).resolve().parents[2] / "crds"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build the binaries before the first test, whose timeout must not count minutes of compiling."""
    needed = any("plane" in getattr(item, "fixturenames", ()) for item in session.items)
    if needed and not session.config.option.collectonly:
        capture: Any = session.config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled():
            ensure_binaries()


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """A running control plane that serves the CRDs of `crds/`."""
    with ControlPlane() as started:
        if any(_CRDS.glob("*.yaml")):
            started.kubectl("apply", "--server-side", f"--filename={_CRDS}")
            # A file is called GROUP_PLURAL.yaml, a CRD PLURAL.GROUP.
            started.await_established(*(".".join(reversed(path.stem.split("_"))) for path in _CRDS.glob("*.yaml")))
        yield started


@pytest.fixture
def namespace(plane: ControlPlane) -> Iterator[str]:
    """The name of a new namespace. Our objects in it are deleted afterwards, without waiting for their end."""
    name = f"test-{secrets.token_hex(4)}"
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    clear(plane, name)
