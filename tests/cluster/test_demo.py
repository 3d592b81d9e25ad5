"""The demo, as a person without a terminal sees it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo.story import KEY, ROTATED, STEPS

ROOT = Path(__file__).parents[2]


def play(**environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("ELASTICSEARCH_", "KEEP"))}
    return subprocess.run(
        [sys.executable, "-m", "tests.demo"],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


@pytest.mark.full  # as long as everything else here together; `make demo` itself says the same
def test_every_step_is_seen_to_hold_and_said_plainly() -> None:
    done = play()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n✓ ") == len(STEPS) + 1
    assert "✗" not in done.stdout
    assert "\x1b" not in done.stdout
    for secret in (KEY, ROTATED):
        assert secret not in done.stdout


def test_a_cluster_that_is_not_there_is_told_and_ends_with_1() -> None:
    done = play(ELASTICSEARCH_URL="http://127.0.0.1:9")
    assert done.returncode == 1
    assert "http://127.0.0.1:9 does not answer" in done.stdout
    assert "Traceback" not in done.stderr
