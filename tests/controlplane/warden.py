"""The process between an owner and the servers it started: no server outlives its owner, however the owner ends.

Started as a script by `children.py`, one per owner. Requests come as JSON lines on standard input, events leave as JSON
lines on standard output. The end of standard input means that the owner has closed it, or is gone (Ctrl-C, SIGKILL, a
crash): then every server is stopped, the newest first, the directory is removed, and the warden ends.

Should the warden itself be killed, Linux kills the servers (PR_SET_PDEATHSIG); elsewhere only this case is not covered.
That signal is bound to the *thread* that started the server, which is why it is used here, in a process of one thread,
and not in the owner.

Imports nothing but the standard library: it must be up within some ten milliseconds, and run without `site`.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GRACE_SECONDS = 3.0  # kube-apiserver waits up to a minute for its clients, and what it stores is thrown away
_PR_SET_PDEATHSIG = 1


def _death_signal() -> Callable[[], None] | None:
    """What a child does between fork and exec, so that it dies with this process; None where the kernel cannot."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    warden = os.getpid()

    def ask_to_die_with_the_warden() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != warden:  # it died before the call: no signal will come any more
            os._exit(1)

    return ask_to_die_with_the_warden


class Warden:
    """Starts, stops and watches servers for one owner."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._essential: set[str] = set()
        self._before_exec = _death_signal()
        self._closing = False
        self._pending = b""
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_write, False)

    def run(self) -> None:
        """Serve until the owner is gone or a SIGTERM comes; on return no server lives and the directory is gone."""
        self._listen_to_signals()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _tell(event="ready")
            while not self._closing:
                readable, _, _ = select.select([0, self._wake_read], [], [])
                if self._wake_read in readable:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if 0 in readable:
                    self._read_requests()
        finally:
            self._stop_all()
            shutil.rmtree(self._directory, ignore_errors=True)

    def _listen_to_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._close)
        signal.signal(signal.SIGHUP, self._close)
        signal.signal(signal.SIGINT, lambda *_: None)  # not SIG_IGN: servers would inherit that
        signal.pthread_sigmask(signal.SIG_SETMASK, [])

    def _close(self, *_: object) -> None:
        self._closing = True

    def _read_requests(self) -> None:
        data = os.read(0, 65536)
        if not data:
            self._closing = True
            return
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            self._serve(json.loads(line))

    def _serve(self, request: dict[str, Any]) -> None:
        name = request["name"]
        if request["do"] == "start":
            self._start(name, request)
        elif name not in self._children:
            return  # it ended before the request came, and that was told
        elif request["do"] == "stop":
            self._stop(name, request["grace"])
        elif request["do"] == "signal":
            os.kill(self._children[name].pid, request["signal"])

    def _start(self, name: str, request: dict[str, Any]) -> None:
        try:
            with Path(request["log"]).open("ab") as log:
                child = subprocess.Popen(
                    request["argv"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=request["cwd"],
                    env=request["env"],
                    start_new_session=True,
                    preexec_fn=self._before_exec,  # noqa: PLW1509  this process has one thread, so it is safe
                )
        except OSError as error:
            _tell(event="refused", name=name, error=str(error))
            return
        self._children[name] = child
        if request["essential"]:
            self._essential.add(name)
        _tell(event="started", name=name, pid=child.pid)

    def _reap(self) -> None:
        """Tell of those that ended by themselves.

        Without an essential one the rest is of no use, and is stopped at once: clients are refused then instead of
        hanging (kube-apiserver without etcd hangs for a minute a request).
        """
        ended = [name for name, child in self._children.items() if child.poll() is not None]
        for name in ended:
            self._forget(name, expected=False)
        if self._essential.intersection(ended):
            self._stop_all()

    def _stop_all(self) -> None:
        for name in reversed(list(self._children)):
            self._stop(name, GRACE_SECONDS)

    def _stop(self, name: str, grace: float) -> None:
        child = self._children[name]
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGTERM)
                os.killpg(child.pid, signal.SIGCONT)  # a paused one would not see the first signal
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(grace)
        self._forget(name, expected=True)

    def _forget(self, name: str, *, expected: bool) -> None:
        """Also end what the child itself started (`go build` runs compilers), then tell the owner."""
        child = self._children.pop(name)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        _tell(event="exited", name=name, status=child.wait(), expected=expected)


def _tell(**event: object) -> None:
    with contextlib.suppress(BrokenPipeError):  # an owner that is gone need not be told
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    Warden(Path(sys.argv[1])).run()
