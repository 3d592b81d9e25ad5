"""A process whose cost is measured: started with a log of its own, watched through /proc, ended by a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence
    from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields of /proc/PID/stat after the name
_START_SECONDS = 300.0
_STOP_SECONDS = 60.0
_REST_WINDOW = 1.0
_LOOK_SECONDS = 0.5
_REST_SHARE = 0.08
"""Of one core: what an operator at rest uses for its watches and renewals on a busy machine is below."""


T = TypeVar("T")


class ProcessEndedError(Exception):
    """A measured process ended by itself; with the tail of its log."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process used so far, and holds now."""

    cpu_seconds: float
    rss_mb: float
    peak_rss_mb: float
    descriptors: int
    threads: int


def read_usage(pid: int) -> Usage:
    """Raises OSError when the process is gone."""
    folder = f"/proc/{pid}"
    with open(f"{folder}/stat") as file:  # noqa: PTH123 - no file of ours
        fields = file.read().rpartition(")")[2].split()
    with open(f"{folder}/status") as file:  # noqa: PTH123
        status = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
    return Usage(
        cpu_seconds=(int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS,
        rss_mb=_megabytes(status["VmRSS"]),
        peak_rss_mb=_megabytes(status["VmHWM"]),
        descriptors=len(os.listdir(f"{folder}/fd")),  # noqa: PTH208
        threads=int(status["Threads"]),
    )


def _megabytes(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) / 1024


class Measured:
    """A running process."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    async def start(cls, argv: Sequence[str], env: Mapping[str, str], log: Path, ready: str) -> Self:
        """Start it and wait until its log contains `ready`. Raises ProcessEndedError, TimeoutError."""
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: ASYNC220 - takes milliseconds, before anything is measured
                argv, env=dict(env), stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        started = cls(process, log)
        try:
            async with asyncio.timeout(_START_SECONDS):
                while ready not in log.read_text():  # noqa: ASYNC240 - a few lines
                    started.check()
                    await asyncio.sleep(0.02)
        except BaseException:
            process.kill()
            process.wait(_STOP_SECONDS)
            raise
        return started

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self._log.read_text()

    @property
    def usage(self) -> Usage:
        self.check()
        return read_usage(self.pid)

    def check(self) -> None:
        """Raises ProcessEndedError if it runs no more."""
        if self._process.poll() is not None:
            raise ProcessEndedError(f"ended with {self._process.returncode}:\n{self._log.read_text()[-3000:]}")

    async def rest(self, seconds: float = 300.0) -> None:
        """Wait until it has hardly used the processor for a second. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while True:
                before, begun = self.usage.cpu_seconds, time.monotonic()
                await asyncio.sleep(_REST_WINDOW)
                if self.usage.cpu_seconds - before < _REST_SHARE * (time.monotonic() - begun):
                    return

    async def alongside(self, work: Awaitable[T]) -> T:
        """The result of `work`; raises ProcessEndedError as soon as the process ends instead."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=_LOOK_SECONDS))[0]:
                self.check()
            return task.result()
        finally:
            task.cancel()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """End it; return its exit code. May be called again."""
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            return self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait(_STOP_SECONDS)
