"""The process that puts back what outlives the namespaces of a node, however these and whoever started them ended.

Started as a script by `enclosure.py`, with its orders as JSON in the only argument. It waits for the end of the
warden, which ends the namespaces, restores kernel settings, and removes the interface, control groups, the run's directory and
empty folders. Until then it holds the lock that it inherited, so that it takes nothing away from a node that is started next.

Imports nothing but the standard library, and runs without `site`.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

_SECONDS = 40.0
_LOOK_SECONDS = 0.05


def main(order: dict[str, Any]) -> None:
    """Wait, then clean up; gives up after a while on what can't be removed."""
    with contextlib.suppress(ProcessLookupError):
        warden = os.pidfd_open(order["warden"])
        select.select([warden], [], [])
    for name, value in order["sysctls"].items():
        with contextlib.suppress(OSError):
            Path("/proc/sys", name).write_text(value)
    # With its routes. By itself it would go with the network namespace, which dead TCP connections keep for minutes.
    subprocess.run(["ip", "link", "delete", order["interface"]], capture_output=True, timeout=_SECONDS, check=False)
    deadline, pause = time.monotonic() + _SECONDS, threading.Event()
    # Processes and mounts of the namespaces take a moment to go.
    while not _cleaned(order) and time.monotonic() < deadline:
        pause.wait(_LOOK_SECONDS)


def _cleaned(order: dict[str, Any]) -> bool:
    for group in map(Path, order["cgroups"]):
        for path, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                Path(path).rmdir()
    shutil.rmtree(order["directory"], ignore_errors=True)
    for folder in map(Path, order["folders"]):
        with contextlib.suppress(OSError):
            folder.rmdir()
    return not any(Path(path).exists() for path in (*order["cgroups"], order["directory"], *order["folders"]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
