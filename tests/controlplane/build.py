"""Builds the programs with Go, into a folder that appears complete or not at all, and shows how far it is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import cache
from tests.controlplane.children import Children, ControlPlaneError, tail
from tests.controlplane.modules import BUILD_ENV, BUILD_FLAGS, oldest_go
from tests.controlplane.progress import Progress, say
from tests.controlplane.toolchain import find_go

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.controlplane.modules import Module
    from tests.controlplane.toolchain import Go

# What a person's shell may set for other work and that would build something else, or for another machine.
_FOREIGN = ("GOARCH", "GOBIN", "GOEXPERIMENT", "GOFLAGS", "GOOS", "GOROOT")


def build(entry: Path, without: frozenset[str], modules: Sequence[Module]) -> None:
    """Build every tool of the modules but those in `without` into the folder `entry`. Call it with the entry's lock held.

    Raises:
        ControlPlaneError: no Go, or a build failed; with the tail of the log.

    """
    go = find_go(oldest_go(modules), cache.root())
    say(f"building with Go {go.text} into {entry}: once for these versions, some twelve minutes on two cores")
    with Children(cache.scratch(entry)) as children:
        binaries = children.directory / "bin"
        _side_by_side(children, [_build_module(children, go, module, binaries, without) for module in modules])
        binaries.rename(entry)


def _side_by_side(children: Children, works: Sequence[Iterator[str]]) -> None:
    """Advance all at once: while one links, which takes one processor, the others compile. The first failure ends all."""
    progress = Progress("building")
    states = dict.fromkeys(works, "")
    while states:
        for work in tuple(states):
            if (state := next(work, None)) is None:
                del states[work]
            else:
                states[work] = state
        progress.update("; ".join(states.values()))
        children.watch(0.5)
    progress.done()


def _build_module(children: Children, go: Go, module: Module, binaries: Path, without: frozenset[str]) -> Iterator[str]:
    """Says again and again how far it is, until it is done."""
    tools = [tool for tool in module.tools if tool.name not in without]
    if not tools:
        return
    packages = [tool.package for tool in tools]
    title = f"{module.name} {module.version} ({', '.join(tool.name for tool in tools)})"
    listing = _Step(
        f"{module.name}-list", f"fetching the modules of {title}", [str(go.command), "list", "-deps", *module.flags, *packages]
    )
    yield from _run(children, listing, module, total=None)
    total = _count(children.log(listing.name)).packages

    argv = [str(go.command), "build", "-v", *module.flags, *BUILD_FLAGS[1:], "-ldflags", module.linker_flags]
    step = _Step(f"{module.name}-build", f"compiling {title}", [*argv, "-o", f"{binaries}/", *packages])
    yield from _run(children, step, module, total)
    for tool in tools:
        (binaries / tool.built_as).rename(binaries / tool.name)
    if module.files:
        yield from _keep_files(children, go, module, binaries)


def _keep_files(children: Children, go: Go, module: Module, binaries: Path) -> Iterator[str]:
    argv = [str(go.command), "list", "-m", "-f", "{{.Dir}}", module.source]
    step = _Step(f"{module.name}-files", f"keeping files of {module.name} {module.version}", argv)
    yield from _run(children, step, module, total=None)
    source = Path(children.log(step.name).read_text().splitlines()[-1])
    for file in module.files:
        shutil.copyfile(source / file, binaries / Path(file).name)


@dataclass(frozen=True, slots=True)
class _Step:
    name: str
    """Of the child and its log."""
    title: str
    argv: Sequence[str]


def _run(children: Children, step: _Step, module: Module, total: int | None) -> Iterator[str]:
    env = {key: value for key, value in os.environ.items() if key not in _FOREIGN} | BUILD_ENV
    log, progress = children.log(step.name), Progress(step.title)
    children.start(step.name, step.argv, env=env, cwd=module.folder, essential=False)
    while children.exit_status(step.name) is None:
        yield f"{module.name}: {_count(log).text(total)}"
    if children.exit_status(step.name) != 0:
        raise ControlPlaneError(
            f"`go {step.argv[1]}` failed for {module.name} {module.version} in {module.folder}. "
            f"What was compiled so far is kept by Go: once the cause is gone, a new run goes on from here. "
            f"The end of its log:\n{tail(log)}"
        )
    progress.done()


@dataclass(frozen=True, slots=True)
class _Count:
    """What Go's output says so far: a line for a module fetched, and one for a package listed or compiled."""

    modules: int
    packages: int
    latest: str

    def text(self, total: int | None) -> str:
        if total is None:
            return f"{self.modules} modules fetched" + (f", now {self.latest}" if self.modules else "")
        if not self.packages:
            return "nothing to compile so far: reading and linking what is compiled already"
        return f"{self.packages} packages compiled (of {total} at most), now {self.latest}"


def _count(log: Path) -> _Count:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    fetched = [line for line in lines if line.startswith("go: downloading ")]
    latest = lines[-1].removeprefix("go: downloading ") if lines else ""
    return _Count(len(fetched), len(lines) - len(fetched), latest)
