"""The build stage of the Dockerfile, run for real in a folder instead of an image."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chart.dockerfile import Dockerfile
from tests.chart.rendering import CHECKOUT
from tests.release.versions import current

BUILD = Dockerfile.parse((CHECKOUT / "Dockerfile").read_text()).stage("build")
PACKAGE = CHECKOUT / "operator" / "inference_operator"
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")
MINUTES = 5


class Folder:
    """Stands for the file system of the build container: `/opt` and `/src` are in it, the rest is this machine's."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._directory = root
        bin_folder = Path(sys.executable).parent
        self._env = dict(os.environ) | {"PATH": f"{bin_folder}:/usr/bin:/bin"}
        self._env.pop("PYTHONDONTWRITEBYTECODE", None)  # no container has it

    def path(self, text: str) -> Path:
        return self._root / text.lstrip("/")

    def build(self) -> None:
        """Follow every instruction of the stage."""
        for instruction in BUILD.instructions:
            match instruction.name:
                case "ENV":
                    self._env |= instruction.pairs
                case "WORKDIR":
                    self._directory = self.path(instruction.text)
                    self._directory.mkdir(parents=True)
                case "COPY":
                    self._copy(*instruction.copied)
                case "RUN":
                    self.run(instruction.text)
                case name:
                    raise ValueError(f"{name} is not for the build stage")

    def run(self, script: str) -> str:
        """Run a shell script with the container's absolute paths turned into ours. Raises AssertionError if it fails."""
        done = subprocess.run(
            ["/bin/sh", "-c", re.sub(r"(?<![\w.$)])/(?=(?:opt|src)\b)", f"{self._root}/", script)],
            cwd=self._directory,
            env=self._env,
            capture_output=True,
            text=True,
            timeout=MINUTES * 60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _copy(self, stage: str | None, sources: tuple[str, ...], destination: str) -> None:
        assert stage is None
        for source in (CHECKOUT / name for name in sources):
            if source.is_dir():
                shutil.copytree(source, self._directory / destination, ignore=IGNORED)
            else:
                shutil.copy(source, self._directory / destination)


def _files(folder: Path) -> set[str]:
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {str(path) for path in found if "__pycache__" not in path.parts}


@pytest.mark.full
@pytest.mark.timeout(MINUTES * 60)
def test_the_build_stage_makes_a_working_environment(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    folder.build()
    environment = folder.path("/opt/inference-operator")

    help_text = folder.run("/opt/inference-operator/bin/inference-operator run --help")
    assert "--resync-interval" in help_text
    version = "import importlib.metadata as m; print(m.version('inference-operator'))"
    assert folder.run(f'/opt/inference-operator/bin/python -c "{version}"') == f"{current(CHECKOUT)}\n"

    (site,) = environment.glob("lib/python3.*/site-packages")
    assert _files(site / "inference_operator") == _files(PACKAGE)
    compiled = {path.name.partition(".")[0] for path in (site / "inference_operator" / "__pycache__").iterdir()}
    assert compiled == {path.stem for path in PACKAGE.glob("*.py")}
    # The second word of byte code says how it is held against its source: 1 is by a hash, and never looked at again.
    assert {path.read_bytes()[4:8] for path in site.rglob("*.pyc")} == {b"\x01\0\0\0"}
    # What only the build needs is not part of the image.
    assert not list(site.glob("hatchling*")) + list(site.glob("pip*"))
