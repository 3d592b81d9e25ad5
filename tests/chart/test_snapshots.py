"""What the chart renders is what the snapshots show. After a change that is meant: `make snapshots`, and look at the diff."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chart.snapshotting import FOLDER, SETS, rendered

if TYPE_CHECKING:
    from tests.chart.rendering import Helm


@pytest.mark.parametrize("name", SETS)
def test_the_chart_renders_what_the_snapshot_shows(helm: Helm, name: str) -> None:
    assert rendered(helm, name) == (FOLDER / f"{name}.yaml").read_text("utf-8"), "run `make snapshots` if this is meant"


def test_every_snapshot_is_of_a_set_that_is_rendered() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(SETS)
