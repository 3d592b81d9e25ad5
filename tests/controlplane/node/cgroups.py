"""The control groups of a node: one below the root of each hierarchy, so that they clash with nobody's and can be found again."""

from __future__ import annotations

from pathlib import Path

_INHERITED = ("cpuset.cpus", "cpuset.mems")


def paths(name: str) -> list[Path]:
    """Where a group of that name is, or would be: in each hierarchy of version 1, or in the only one of version 2."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    found = {Path(target) for _, target, kind, *_ in mounts if kind in {"cgroup", "cgroup2"}}
    return [folder / name for folder in sorted(found)]


def make(name: str) -> None:
    """Make the group in each hierarchy. Needs root."""
    for path in paths(name):
        path.mkdir(exist_ok=True)
        for setting in _INHERITED:  # a new group of version 1 has none, and takes no process then
            file = path / setting
            if file.exists() and not file.read_text().strip():
                file.write_text((path.parent / setting).read_text())
