"""The package: the same bytes, whoever builds it and when."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "operator")


def _built(folder: Path, time: int, mode: int) -> tuple[str, bytes]:
    """Name and bytes of the wheel of a copy whose files have this time and this mode."""
    folder.mkdir()
    for name in SOURCES:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for path in (path for path in folder.rglob("*") if path.is_file()):
        path.chmod(mode)
        os.utime(path, (time, time))
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", "dist")
    subprocess.run(command, cwd=folder, env=environment | {"PYTHONHASHSEED": str(time)}, check=True, timeout=120)
    (wheel,) = (folder / "dist").iterdir()
    return wheel.name, wheel.read_bytes()


def test_a_wheel_that_is_built_twice_is_the_same(tmp_path: Path) -> None:
    first = _built(tmp_path / "first", time=1_000_000_000, mode=0o644)
    second = _built(tmp_path / "elsewhere", time=1_800_000_000, mode=0o600)
    assert first == second
