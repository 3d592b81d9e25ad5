"""The namespaces that a node lives in: one process holds them, and whatever runs in them ends with it.

Mounts, network and processes are the node's own; control groups and a few kernel settings can't be, and are put back by
`afterwards.py`. Knows nothing of Kubernetes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane.children import ControlPlaneError
from tests.controlplane.node import cgroups
from tests.controlplane.node.network import NAME, join_commands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.controlplane.children import Children

HOLDER = "namespaces"
STORE = "store"
"""Folder of the run for images and containers, in memory: writing them to a disk takes longer than all else of the start."""
_AFTERWARDS = Path(__file__).with_name("afterwards.py")
_READY_SECONDS = 20.0
_CLEAN_SECONDS = 60.0

# Where the programs of a node write, whatever they are told: each gets an empty file system there.
FOLDERS = (
    "/run/containerd",
    "/run/netns",
    "/run/runc",
    "/var/lib/cni",
    "/var/lib/kubelet",
    "/var/log/containers",
    "/var/log/pods",
)
# What a kubelet sets for the whole machine.
SYSCTLS = (
    "kernel/keys/root_maxbytes",
    "kernel/keys/root_maxkeys",
    "kernel/panic",
    "kernel/panic_on_oops",
    "vm/overcommit_memory",
    "vm/panic_on_oom",
)
_SCRIPT = """
set -eu
mount --make-rshared /
for folder in "$@"; do mount -t tmpfs tmpfs "$folder"; done
mount -t tmpfs tmpfs "$STORE"
echo 1 > /proc/sys/net/ipv4/ip_forward
echo the namespaces are ready
while :; do sleep 3600 & wait; done
"""


def sysctls() -> dict[str, str]:
    """The machine's values of what a kubelet sets, by path below /proc/sys."""
    paths = {name: Path("/proc/sys", name) for name in SYSCTLS}
    return {name: path.read_text().strip() for name, path in paths.items() if path.exists()}


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Namespaces that are held; `end` ends all that runs in them."""

    children: Children
    pid: int
    """Of the process that is the first one inside, as this machine sees it."""
    cleaner: subprocess.Popen[bytes]

    @classmethod
    def begin(cls, children: Children, lock: int) -> Enclosure:
        """Make them, joined to this machine.

        Args:
            children: of whom one holds the namespaces.
            lock: descriptor of the lock that keeps a second node away until everything of this one was put back.

        Raises:
            ControlPlaneError: a step of it failed.

        """
        made = [folder for folder in FOLDERS if not Path(folder).exists()]
        cleaner = _start_cleaner(children, made, lock)  # before there is anything to put back
        try:
            return cls(children, _hold(children, made), cleaner)
        except BaseException:
            _close(children, cleaner)
            raise

    def entering(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program inside, in the run's directory."""
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "-p", f"--wd={self.children.directory}", *argv]

    def end(self) -> None:
        """End all at once; returns when everything was put back."""
        try:
            self.children.stop(HOLDER, grace=0.0)
        finally:
            _close(self.children, self.cleaner)


def _hold(children: Children, made: list[str]) -> int:
    """Make namespaces that are joined to this machine; returns the process id of the first process inside."""
    for folder in made:
        Path(folder).mkdir(parents=True)
    cgroups.make(NAME)
    flags = ["--mount", "--net", "--pid", "--fork", "--mount-proc", "--propagation", "private", "--kill-child"]
    store = children.directory / STORE
    store.mkdir()
    outer = children.start(
        HOLDER, ["unshare", *flags, "sh", "-c", _SCRIPT, "sh", *FOLDERS], env=os.environ | {"STORE": str(store)}
    )
    _await_ready(children)
    pid = _only_child(outer)
    for command in join_commands(pid):
        _run(command)
    return pid


def _close(children: Children, cleaner: subprocess.Popen[bytes]) -> None:
    """Returns when everything was put back."""
    children.close()
    try:
        cleaner.wait(_CLEAN_SECONDS)
    except subprocess.TimeoutExpired:
        cleaner.kill()
        cleaner.wait()


def _start_cleaner(children: Children, made: list[str], lock: int) -> subprocess.Popen[bytes]:
    """In a session of its own: it has to outlive this process, however that ends."""
    order = {
        "warden": children.pids["warden"],
        "sysctls": sysctls(),
        "folders": made,
        "cgroups": [str(path) for path in cgroups.paths(NAME)],
        "directory": str(children.directory),
        "interface": NAME,
    }
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(_AFTERWARDS), json.dumps(order)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
        start_new_session=True,
        pass_fds=(lock,),
    )


def _await_ready(children: Children) -> None:
    log, deadline = children.log(HOLDER), time.monotonic() + _READY_SECONDS
    while "ready" not in log.read_text():
        children.watch(0.02)
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"the namespaces were not ready in time: {log.read_text()}")


def _only_child(pid: int) -> int:
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            rest = status.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it ended meanwhile
        if int(rest[1]) == pid:
            return int(status.parent.name)
    raise ControlPlaneError(f"process {pid} has no child")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env={"PATH": os.environ["PATH"]})
    if done.returncode != 0:
        raise ControlPlaneError(f"`{' '.join(command)}` failed: {done.stderr.strip()}")
