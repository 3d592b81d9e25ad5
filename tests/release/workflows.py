"""Lints the workflows of `.github/`: actionlint reads them as GitHub does, zizmor as somebody who wants in."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from tests.controlplane import cache
from tests.controlplane.modules import BUILD_ENV, Module, Tool
from tests.controlplane.toolchain import find_go

if TYPE_CHECKING:
    from pathlib import Path

ACTIONLINT = Module(
    name="actionlint",
    source="github.com/rhysd/actionlint",
    tools=(Tool("actionlint", "github.com/rhysd/actionlint/cmd/actionlint"),),
    version_symbols=(),
)
_MINUTES = 10


def lint(checkout: Path, tools: Path) -> int:
    """Run both; `tools` is the folder that zizmor is installed in. Returns 0 if neither has anything to say."""
    folder = checkout / ".github" / "workflows"
    paths = sorted(map(str, folder.glob("*.yml")))
    go = find_go(ACTIONLINT.go_version, cache.root())
    actionlint = (str(go.command), "tool", ACTIONLINT.tools[0].name, *paths)
    zizmor = (str(tools / "bin" / "zizmor"), "--offline", "--no-progress", "--persona=pedantic", str(folder))
    results = [_run(actionlint, ACTIONLINT.folder), _run(zizmor, checkout)]
    return max(results)


def _run(command: tuple[str, ...], folder: Path) -> int:
    return subprocess.run(command, cwd=folder, env=dict(os.environ) | BUILD_ENV, check=False, timeout=_MINUTES * 60).returncode
