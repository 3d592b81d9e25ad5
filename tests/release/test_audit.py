"""An audit never says that there are no vulnerabilities where it could not look."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.release.audit import KNOWN, Findings, findings
from tests.release.osv import serving
from tests.release.versions import ReleaseError

ROOT = Path(__file__).parents[2]
PROVEN = {"==".join(KNOWN): "PYSEC-2018-28"}


def _row(name: str, *ids: str) -> dict[str, object]:
    return {"name": name, "version": "1", "vulns": [{"id": each, "fix_versions": [], "aliases": []} for each in ids]}


def test_what_is_found_is_told() -> None:
    report = {"dependencies": [_row("a"), _row("b", "PYSEC-1", "PYSEC-2")], "fixes": []}
    lines = ("b 1: PYSEC-1, mended in no version yet", "b 1: PYSEC-2, mended in no version yet")
    assert findings(report) == Findings(2, lines)


def test_what_was_skipped_is_no_good_news() -> None:
    skipped = {"name": "b", "skip_reason": "Dependency not found on PyPI and could not be audited: b (1)"}
    with pytest.raises(ReleaseError, match=r"no data on vulnerabilities:\nb: Dependency not found"):
        findings({"dependencies": [_row("a"), skipped], "fixes": []})


def _audit(*options: str) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "tests.release", "audit", "--service", "osv", *options)
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.full
@pytest.mark.parametrize(
    ("known", "code", "said"),
    [
        ({}, 2, "no data on vulnerabilities: that of requests 2.19.1"),
        (PROVEN, 0, "locked packages looked up, 0 known vulnerabilities"),
        (PROVEN | {"kopf": "PYSEC-2099-1"}, 1, ": PYSEC-2099-1, mended in no version yet"),
    ],
    ids=["a service without data", "nothing known", "one is known"],
)
def test_what_the_service_knows_decides(known: dict[str, str], code: int, said: str) -> None:
    with serving(known) as url:
        done = _audit("--osv-url", url)
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done.stdout + done.stderr


@pytest.mark.full
def test_a_service_that_is_not_there_is_no_good_news() -> None:
    with serving({}) as url:
        pass
    done = _audit("--osv-url", url)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("no data on vulnerabilities: ")
