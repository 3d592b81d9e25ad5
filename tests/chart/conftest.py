"""Fixtures of the chart's tests: the real helm, and where a test asks for it, the real control plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.rendering import Helm
from tests.controlplane import ControlPlane, ensure_binaries

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def helm(tmp_path_factory: pytest.TempPathFactory) -> Helm:
    return Helm(ensure_binaries()["helm"], tmp_path_factory.mktemp("helm"))


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    with ControlPlane() as running:
        yield running
