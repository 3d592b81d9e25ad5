"""Every alert fires when it should, says what it should, and is silent otherwise: promtool, of Prometheus, is the judge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.alert_cases import FIRING, Fires, Silent
from tests.monitoring.programs import promtool
from tests.monitoring.quiet_alert_cases import QUIET
from tests.monitoring.rules import ALERTS, alerts

pytestmark = pytest.mark.full


def run(folder: Path, case: Fires | Silent, expected: list[dict[str, Any]]) -> None:
    """Let promtool play one case. Raises CommandFailedError with what it saw instead."""
    rule_test = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "alert_rule_test": [{"eval_time": f"{case.at}m", "alertname": case.alert, "exp_alerts": expected}],
    }
    file = folder / "case.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [rule_test]}))
    promtool("test", "rules", str(file))


def test_prometheus_takes_the_rules() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(ALERTS))


@pytest.mark.parametrize("case", FIRING, ids=lambda case: case.alert)
def test_it_fires(case: Fires, tmp_path: Path) -> None:
    annotations = {"summary": case.summary, "description": case.description, "runbook_url": f"docs/runbooks/{case.alert}.md"}
    run(tmp_path, case, [{"exp_labels": case.labels | {"severity": case.severity}, "exp_annotations": annotations}])


@pytest.mark.parametrize("case", QUIET, ids=lambda case: f"{case.alert}: {case.why}")
def test_it_is_silent(case: Silent, tmp_path: Path) -> None:
    run(tmp_path, case, [])


@pytest.mark.parametrize("cases", [FIRING, QUIET], ids=["fires", "silent"])
def test_no_alert_is_left_out(cases: tuple[Fires | Silent, ...]) -> None:
    assert {case.alert for case in cases} == set(alerts())
