"""`up` and `down`: a control plane and a stand-in Elasticsearch that stay when the command has ended."""

from __future__ import annotations

import hashlib
import json
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.controlplane import cache
from tests.controlplane.binaries import ensure_binaries
from tests.controlplane.children import ControlPlaneError, tail
from tests.controlplane.locks import locked
from tests.controlplane.processes import await_end, send
from tests.controlplane.progress import Progress, say
from tests.controlplane.state import KEPT, RELEASE, REPOSITORY, RUN_PREFIX, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
LOG = "supervisor.log"


def up(folder: Path, standin: Sequence[str] | None) -> State:
    """Start everything in the background, or find it running.

    Args:
        folder: for the state, data and logs.
        standin: arguments for the stand-in Elasticsearch; None to do without it.

    Raises:
        ControlPlaneError: it could not be started; with the tail of the log.

    """
    ensure_binaries()
    with sole_use(folder):
        if (state := State.read(folder)) and state.runs:
            say("running already")
            return state
        if state:
            say(f"what `up` started before is gone; starting anew. It last said:\n{tail(folder / LOG)}")
            _end(state)
        _remove_files(folder)
        return _start(folder, standin)


def down(folder: Path) -> None:
    """Stop what `up` started, and remove what it wrote."""
    with sole_use(folder):
        state = State.read(folder)
        if state:
            _end(state)
        shutil.rmtree(folder / KEPT, ignore_errors=True)
        _remove_files(folder)
    say("stopped" if state else f"nothing to stop: `up` left no state in {folder}")


def _start(folder: Path, standin: Sequence[str] | None) -> State:
    folder.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "tests.controlplane", "supervise", "--state-dir", str(folder)]
    if standin is not None:
        argv += ["--standin", json.dumps(list(standin))]
    progress = Progress("starting")
    with (folder / LOG).open("wb") as log:
        supervisor = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd=REPOSITORY, start_new_session=True, text=True
        )
    try:
        state = _await_state(supervisor, folder, progress)
    except BaseException:
        supervisor.terminate()
        supervisor.communicate(timeout=_STOP_SECONDS)
        raise
    _release(supervisor)
    progress.done("ready")
    return state


def _release(supervisor: subprocess.Popen[str]) -> None:
    if supervisor.stdin is None:
        raise AssertionError("it was asked for")
    supervisor.stdin.write(f"{RELEASE}\n")
    supervisor.stdin.close()
    supervisor.returncode = 0  # so that Python does not complain that we leave it behind


def _await_state(supervisor: subprocess.Popen[str], folder: Path, progress: Progress) -> State:
    deadline = time.monotonic() + _START_SECONDS
    while not (state := State.read(folder)):
        try:
            supervisor.wait(0.1)
        except subprocess.TimeoutExpired:
            progress.update("waiting for the API server")
        else:
            raise ControlPlaneError(f"it did not start. The end of {folder / LOG}:\n{tail(folder / LOG)}")
        if time.monotonic() > deadline:
            raise ControlPlaneError(f"not ready after {_START_SECONDS:.0f} s; see the logs in {folder}")
    return state


def _end(state: State) -> None:
    if supervisor := state.processes.get("supervisor"):
        send(supervisor, signal.SIGTERM)
    for process in await_end(state.processes.values(), _STOP_SECONDS):
        send(process, signal.SIGKILL)


def _remove_files(folder: Path) -> None:
    """Only what is ours: a person may name any folder. What Elasticsearch keeps stays for the next `up`."""
    for run in folder.glob(f"{RUN_PREFIX}*"):
        shutil.rmtree(run, ignore_errors=True)
    for name in ("state.json", "state.json.new", LOG):
        (folder / name).unlink(missing_ok=True)
    if folder.exists() and not any(folder.iterdir()):
        folder.rmdir()


def sole_use(folder: Path) -> AbstractContextManager[int]:
    """A lock outside the folder, which `down` removes."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    return locked(cache.root() / f"up-{name}.lock", f"another `up` or `down` of {folder} runs")
