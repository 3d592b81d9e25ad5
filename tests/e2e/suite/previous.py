"""The chart of the version before this one.

That is the newest tag below the version of the tree. Where there is none (before the second release, or in a shallow clone), it
is the chart of the tree under a lower number: then the upgrade itself is tested, and not what changed between the two.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import yaml

from tests.chart.rendering import CHART, CHECKOUT

_LOWER = "0.0.0"


def previous_chart(folder: Path, checkout: Path = CHECKOUT) -> Path:
    """Write it into `folder` and return its path."""
    path = CHART.relative_to(CHECKOUT)
    current = _number(yaml.safe_load((checkout / path / "Chart.yaml").read_text())["version"])
    tags = _git(checkout, "tag", "--list", "v*").decode().split()
    older = sorted((_number(tag.removeprefix("v")), tag) for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag))
    found = [tag for number, tag in older if number < current]
    if found:
        with tarfile.open(fileobj=io.BytesIO(_git(checkout, "archive", "--format=tar", found[-1], str(path)))) as tar:
            tar.extractall(folder, filter="data")
        return folder / path
    lowered = shutil.copytree(checkout / path, folder / path.name)
    chart = lowered / "Chart.yaml"
    chart.write_text(re.sub(r"^version: .*$", f"version: {_LOWER}", chart.read_text(), flags=re.MULTILINE))
    return lowered


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _git(checkout: Path, *arguments: str) -> bytes:
    """Empty outside of a clone."""
    done = subprocess.run(["git", *arguments], cwd=checkout, capture_output=True, timeout=60, check=False)
    return done.stdout if done.returncode == 0 else b""
