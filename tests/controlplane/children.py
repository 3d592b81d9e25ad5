"""Child processes of this process that cannot outlive it: the owner's side of `warden.py`.

Decides nothing about what runs; it starts, stops and signals by name, and turns an unexpected end into an exception that
carries the tail of the log. Must not import anything of the package but the warden's file name.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

_WARDEN = Path(__file__).with_name("warden.py")
_ANSWER_SECONDS = 30.0
_CLOSE_SECONDS = 45.0
_TAIL_LINES = 25
_TAIL_BYTES = 16_384


class ControlPlaneError(Exception):
    """The control plane, or a part of it, could not do what was asked. The text says what to do."""


class ChildDiedError(ControlPlaneError):
    """A child process ended although nobody asked it to. The text ends with the tail of its log."""


@dataclass(slots=True)
class _Child:
    log: Path
    essential: bool
    pid: int | None = None
    status: int | None = None
    expected: bool = False
    refused: str | None = None


@dataclass(slots=True)
class _Stream:
    """Lines out of a pipe that may be read from several threads."""

    fd: int
    lock: threading.Lock = field(default_factory=threading.Lock)
    rest: bytes = b""
    ended: bool = False


class Children:
    """Named child processes with one log file each. All of them end with `close()`, or when this process is gone.

    Args:
        directory: belongs to the children: made here if it is not there, and removed with all it holds at the end.
            A new one among the temporary files by default.

    """

    def __init__(self, directory: Path | None = None) -> None:
        self.directory = directory or Path(tempfile.gettempdir()) / f"inference-operator-{secrets.token_hex(6)}"
        self._children: dict[str, _Child] = {}
        self._ready = False
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WARDEN), str(self.directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for us; the warden follows by the end of the pipe
        )
        if self._warden.stdin is None or self._warden.stdout is None:
            raise AssertionError("both were asked for")
        self._requests, self._events = self._warden.stdin, _Stream(self._warden.stdout.fileno())
        try:
            self._await(lambda: self._ready, "the warden to start")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def pids(self) -> dict[str, int]:
        """Process ids of those that run, the warden included."""
        running = {name: child.pid for name, child in self._children.items() if child.pid and child.status is None}
        return {"warden": self._warden.pid, **running}

    def log(self, name: str) -> Path:
        """The file with all that the child wrote, standard output and standard error in one."""
        return self.directory / f"{name}.log"

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        essential: bool = True,
    ) -> int:
        """Start a process in a session of its own; returns its pid.

        Args:
            name: for the log file and for `stop` and `signal`; free again once the child has ended.
            argv: the program (a path) and its arguments.
            env: the whole environment; this process's own by default.
            cwd: the working directory; this process's own by default.
            essential: when it ends by itself, all the others are stopped at once.

        Raises:
            ControlPlaneError: the program cannot be started.

        """
        child = self._children[name] = _Child(self.log(name), essential)
        request = {"argv": list(argv), "log": str(child.log), "essential": essential, "cwd": str(cwd) if cwd else None}
        self._ask(do="start", name=name, env=dict(os.environ if env is None else env), **request)
        self._await(lambda: child.pid is not None or child.refused is not None, f"{name} to be started")
        if child.pid is None:
            raise ControlPlaneError(f"cannot start {name} ({argv[0]}): {child.refused}")
        return child.pid

    def stop(self, name: str, *, grace: float = 3.0) -> None:
        """SIGTERM, then SIGKILL to what is left after `grace` seconds; returns when it has ended."""
        child = self._children[name]
        self._ask(do="stop", name=name, grace=grace)
        self._await(lambda: child.status is not None, f"{name} to stop", seconds=grace + _ANSWER_SECONDS)

    def signal(self, name: str, number: int) -> None:
        """Send a signal, for instance SIGSTOP to pause a server and SIGCONT to let it go on."""
        self._ask(do="signal", name=name, signal=int(number))

    def exit_status(self, name: str) -> int | None:
        """As `Popen.returncode`: None while it runs, negative for the signal that ended it."""
        return self._children[name].status

    def watch(self, seconds: float = 0.0) -> None:
        """Wait for up to `seconds`, shorter when something happens to a child.

        Raises:
            ChildDiedError: an essential child, or the warden, ended without being asked to.

        """
        self._read_events(seconds)
        for name, child in self._children.items():
            if child.essential and child.status is not None and not child.expected:
                raise ChildDiedError(_obituary(name, child))
        if self._events.ended:
            raise ChildDiedError("the warden of the child processes was killed, and they with it; start them anew")

    def close(self) -> None:
        """Stop all, the newest first, and remove the directory. May be called again."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.close()
        try:
            self._warden.wait(_CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()
        if self._warden.stdout is not None:
            self._warden.stdout.close()
        shutil.rmtree(self.directory, ignore_errors=True)  # for the case that the warden was killed

    def _ask(self, **request: object) -> None:
        try:
            self._requests.write(json.dumps(request).encode() + b"\n")
            self._requests.flush()
        except (BrokenPipeError, ValueError) as error:
            raise ChildDiedError("the child processes were stopped already; start them anew") from error

    def _await(self, condition: Callable[[], bool], what: str, seconds: float = _ANSWER_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if self._events.ended:
                raise ChildDiedError(f"the warden ended while waiting for {what}")
            if time.monotonic() > deadline:
                raise ControlPlaneError(f"waited {seconds:.0f} s in vain for {what}")
            self._read_events(1.0)

    def _read_events(self, seconds: float) -> None:
        stream = self._events
        if stream.ended:
            return
        select.select([stream.fd], [], [], seconds)
        with stream.lock:
            if not select.select([stream.fd], [], [], 0)[0]:
                return  # time is up, or another thread has read it meanwhile
            data = os.read(stream.fd, 65536)
            stream.ended = not data
            *lines, stream.rest = (stream.rest + data).split(b"\n")
            for line in lines:
                self._note(json.loads(line))

    def _note(self, event: dict[str, Any]) -> None:
        if event["event"] == "ready":
            self._ready = True
            return
        child = self._children[event["name"]]
        if event["event"] == "started":
            child.pid = event["pid"]
        elif event["event"] == "refused":
            child.refused = event["error"]
        elif event["event"] == "exited":
            child.status, child.expected = event["status"], event["expected"]


def _obituary(name: str, child: _Child) -> str:
    how = f"signal {-child.status}" if child.status and child.status < 0 else f"exit status {child.status}"
    return f"{name} ended by itself ({how}). The end of its log:\n{tail(child.log)}"


def tail(log: Path) -> str:
    """The last lines of a log file, indented; says so when there are none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()[-_TAIL_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (it wrote nothing)"
