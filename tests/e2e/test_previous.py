"""Which chart an upgrade begins with."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.chart.rendering import CHART, CHECKOUT
from tests.e2e.suite.previous import previous_chart

if TYPE_CHECKING:
    from pathlib import Path

NAMED = ("-c", "user.name=nobody", "-c", "user.email=nobody@example.com")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One in which the chart is of version 0.10.0, without a release."""
    made = tmp_path / "checkout"
    (made / CHART.relative_to(CHECKOUT)).mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", str(made)], check=True)
    commit(made, "0.10.0")
    return made


def commit(checkout: Path, version: str, *tags: str) -> None:
    chart = checkout / CHART.relative_to(CHECKOUT) / "Chart.yaml"
    chart.write_text(f"name: {CHART.name}\nversion: {version}\n")
    for words in (["add", "."], [*NAMED, "commit", "--quiet", "--message=a release"], *(["tag", tag] for tag in tags)):
        subprocess.run(["git", *words], cwd=checkout, check=True)


def version_of(chart: Path) -> str:
    found: str = yaml.safe_load((chart / "Chart.yaml").read_text())["version"]
    return found


def test_before_the_second_release_it_is_the_same_chart_under_a_lower_number(checkout: Path, tmp_path: Path) -> None:
    assert version_of(previous_chart(tmp_path / "out", checkout)) == "0.0.0"


def test_then_it_is_the_newest_release_below_this_one(checkout: Path, tmp_path: Path) -> None:
    for version in ("0.2.0", "0.9.1", "0.11.0"):
        commit(checkout, version, f"v{version}", f"vague-{version}")
    commit(checkout, "0.10.0", "v0.10.0")
    assert version_of(previous_chart(tmp_path / "out", checkout)) == "0.9.1"


def test_the_chart_of_this_checkout_can_be_the_one_before(tmp_path: Path) -> None:
    chart = previous_chart(tmp_path / "out")
    assert version_of(chart) != version_of(CHART)
    assert {path.name for path in (chart / "templates").iterdir()} >= {"deployment.yaml", "rbac.yaml"}
