"""The tables reach every branch of the planner: a rule that no row asks for is a rule that nobody specified.

Measured over the tables alone. The laws would hit most branches by chance, which specifies nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from coverage import Coverage

CHECKOUT = Path(__file__).parents[2]
CORE = "operator/inference_operator/core"
PLANNER = (
    "rules",
    "advance",
    "conditions",
    "news",
    *(f"endpoint/{name}" for name in ("plan", "replacing", "model", "situation")),
    *(f"pipeline/{name}" for name in ("plan", "situation", "status")),
)
TABLES = (
    "tests/core/test_plan*.py",
    "tests/core/test_status*.py",
    "tests/core/test_news.py",
    "tests/core_pipeline/test_plan*.py",
)


def test_tables_reach_every_branch_of_the_planner(tmp_path: Path) -> None:
    data = tmp_path / "coverage"
    modules = [f"{CORE}/{name}.py" for name in PLANNER]
    tables = sorted(str(path.relative_to(CHECKOUT)) for pattern in TABLES for path in CHECKOUT.glob(pattern))
    measured = subprocess.run(
        [
            *(sys.executable, "-m", "coverage", "run", "--branch", f"--include={','.join(modules)}"),
            *("-m", "pytest", "-q", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist"),
            *(table for table in tables if not table.endswith("_laws.py")),
        ],
        cwd=CHECKOUT,
        env={**os.environ, "COVERAGE_FILE": str(data)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert measured.returncode == 0, measured.stdout
    assert not list(_missing(data, modules)), "write a row for each, or delete what no row can ask for"


def _missing(data: Path, modules: list[str]) -> Iterator[str]:
    """`rules.py: 70 is never reached`, `rules.py: never from 65 to 70`; a way out of a function has no line to lead to."""
    report = data.with_suffix(".json")
    coverage = Coverage(data_file=data)
    coverage.load()
    coverage.json_report(outfile=str(report))
    found: dict[str, Any] = json.loads(report.read_text())["files"]
    for module in modules:
        measured = next(each for name, each in found.items() if name.endswith(module))
        yield from (f"{module}: {line} is never reached" for line in measured["missing_lines"])
        for start, end in measured["missing_branches"]:
            yield f"{module}: never from {start} " + (f"to {end}" if end > 0 else "to the end of the function")
