"""The node goes with whoever started it, also where that is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.controlplane.node.traces import CHECKED, Before, left
from tests.controlplane.state import REPOSITORY

SECONDS = 90.0
OWNER = """
from tests.controlplane.binaries import ensure_node_binaries
from tests.controlplane.node import NodeCluster
with NodeCluster(ensure_node_binaries()):
    print("ready", flush=True)
    input()
"""


def test_nothing_is_left_when_the_owner_is_killed() -> None:
    before = Before.now()
    assert left(before) == []
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "ready\n"
        seen = {trace.partition(":")[0] for trace in left(before)}
        owner.kill()
    # Its mounts are its own, so this machine never sees one.
    assert seen == set(CHECKED) - {"mounts"}
    until = time.monotonic() + SECONDS
    while (found := left(before)) and time.monotonic() < until:
        signal.sigtimedwait((), 0.1)
    assert found == []
