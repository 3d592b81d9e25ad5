"""The tests of the official client once more, with the 8.x line of it.

Two versions of one package do not fit into one environment: `make test` installs the older one into a folder of its own, and a
process whose PYTHONPATH begins with that folder runs the same module.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLIENT = ROOT / "build" / "es8"
LOCK = ROOT / "requirements-es8.lock"
MODULE = "tests/test_standin/test_official_client.py"
SECONDS = 120


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    assert (CLIENT / "elasticsearch").is_dir(), f"{CLIENT} has no client: run `make build/es8/.installed`"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {"PYTHONPATH": str(CLIENT), "STANDIN_CLIENT_MAJOR": "8"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *arguments, MODULE]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)


def passed(done: subprocess.CompletedProcess[str]) -> int:
    """The number of tests that passed. Fails when any did not, with what they said."""
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    found = re.search(r"(\d+) passed", said)
    assert found is not None, said
    return int(found[1])


def test_what_is_installed_is_what_is_locked() -> None:
    """A folder left from an older lock is found out; the lock has a hash for everything and names no place to get it from."""
    text = LOCK.read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+) \\$", text, re.MULTILINE))
    assert locked["elasticsearch"].startswith("8.")
    assert "://" not in text
    assert text.count("==") == len(re.findall(r"== ?\S+ \\\n    --hash=sha256:", text))
    installed = {one.metadata["Name"].lower(): one.version for one in distributions(path=[str(CLIENT)])}
    assert {name.replace("_", "-"): version for name, version in installed.items()} == locked


def test_the_client_for_8_does_its_calls() -> None:
    assert passed(run("-m", "not full")) > 60


@pytest.mark.full
def test_the_client_for_8_does_its_calls_to_older_and_newer_servers() -> None:
    assert passed(run("-m", "full")) > 120
