"""The node goes with whoever started it, also where that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.controlplane.locks import locked
from tests.controlplane.node import cgroups
from tests.controlplane.node.cluster import lock_file
from tests.controlplane.node.network import NAME
from tests.controlplane.node.traces import CHECKED, Before, left
from tests.controlplane.state import REPOSITORY

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 90.0
OWNER = """
from tests.controlplane.binaries import ensure_node_binaries
from tests.controlplane.node import NodeCluster
with NodeCluster(ensure_node_binaries()):
    print("ready", flush=True)
    input()
"""


@contextmanager
def owner() -> Iterator[subprocess.Popen[str]]:
    """A process that starts a node and says when it is ready; killed at the end of the block."""
    argv = [sys.executable, "-c", OWNER]
    with subprocess.Popen(argv, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def test_nothing_is_left_when_the_owner_is_killed() -> None:
    before = Before.now()
    assert left(before) == []
    with owner() as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "ready\n"
        seen = {trace.partition(":")[0] for trace in left(before)}
    # Its mounts are its own, so this machine never sees one.
    assert seen == set(CHECKED) - {"mounts"}
    with locked(lock_file(), "the node is still there"):  # as the next node would wait
        assert left(before) == []


def test_nothing_is_left_when_the_owner_is_killed_while_it_starts() -> None:
    before, groups = Before.now(), cgroups.paths(NAME)
    until = time.monotonic() + SECONDS
    with owner():
        while not any(path.exists() for path in groups):
            assert time.monotonic() < until, "not even a control group was made"
            signal.sigtimedwait((), 0.001)
    with locked(lock_file(), "the node is still there"):
        assert left(before) == []
