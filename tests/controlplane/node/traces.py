"""What a node leaves on its machine while it runs, and must not leave afterwards. Looks, and changes nothing."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.node import cgroups
from tests.controlplane.node.cluster import DIRECTORY_PREFIX
from tests.controlplane.node.enclosure import FOLDERS, sysctls
from tests.controlplane.node.network import HOST_ADDRESS, NAME, PODS

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKED = ("processes", "mounts", "interfaces", "routes", "control groups", "kernel settings", "folders")


@dataclass(frozen=True, slots=True)
class Before:
    """What was so before a node ran: kernel settings, and which of the folders were there."""

    sysctls: dict[str, str]
    folders: frozenset[str]

    @classmethod
    def now(cls) -> Before:
        return cls(sysctls(), frozenset(folder for folder in FOLDERS if Path(folder).exists()))


def left(before: Before) -> list[str]:
    """One line for each trace, beginning with one of `CHECKED`; empty when there is none."""
    found = {
        "processes": _processes(),
        "mounts": _mounts(),
        "interfaces": _of_ip("link", "ifname", {NAME}),
        "routes": _of_ip("route", "dst", {PODS, f"{HOST_ADDRESS.rpartition('.')[0]}.0/30"}),
        "control groups": (str(path) for path in cgroups.paths(NAME) if path.exists()),
        "kernel settings": (f"{name} is {value}" for name, value in sysctls().items() if before.sysctls.get(name) != value),
        "folders": (
            *(str(path) for path in Path(tempfile.gettempdir()).glob(f"{DIRECTORY_PREFIX}*")),
            *(folder for folder in FOLDERS if folder not in before.folders and Path(folder).exists()),
        ),
    }
    return [f"{kind}: {trace}" for kind in CHECKED for trace in found[kind]]


def _processes() -> Iterator[str]:
    """Programs of the node name its directory; what runs in a pod shows by its control group."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it ended meanwhile
        if any(DIRECTORY_PREFIX in word for word in words):
            yield f"{process.name} {words[0]}"


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        target = line.split()[1]
        if DIRECTORY_PREFIX in target:
            yield target


def _of_ip(what: str, name: str, ours: set[str]) -> Iterator[str]:
    answer = subprocess.run(["ip", "-4", "-json", what, "show"], capture_output=True, text=True, timeout=10, check=True)
    return (item[name] for item in json.loads(answer.stdout) if item.get(name) in ours)
