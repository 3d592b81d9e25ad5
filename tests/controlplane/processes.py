"""Processes by pid *and* start time: a pid that was written to a file may belong to somebody else by now.

Must not import anything of the package.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Process:
    """One process; `started` is opaque, and differs for any later process with the same pid."""

    pid: int
    started: str

    @property
    def runs(self) -> bool:
        return identify(self.pid) == self


def identify(pid: int) -> Process | None:
    """The process that has this pid now; None if there is none, or if it has ended and merely was not waited for."""
    started = _started_linux(pid) if sys.platform.startswith("linux") else _started_by_ps(pid)
    return Process(pid, started) if started else None


def await_end(processes: Collection[Process], seconds: float) -> list[Process]:
    """Wait until all have ended; returns those that still run when the time is up."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while (left := [process for process in processes if process.runs]) and time.monotonic() < deadline:
        pause.wait(_LOOK_SECONDS)
    return left


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal, if it is still the same process."""
    if process.runs:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)


def _started_linux(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()  # the name before it may hold spaces and brackets
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None if state in "ZX" else f"{boot}/{rest[18]}"  # field 22 of proc(5), in ticks since boot


def _started_by_ps(pid: int) -> str | None:
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout
    state, _, started = answer.strip().partition(" ")
    return None if state.startswith("Z") else started.strip() or None
