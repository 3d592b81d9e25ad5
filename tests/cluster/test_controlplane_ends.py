"""However the owner of a control plane ends, and whatever dies first: no process and no file stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.controlplane import Binaries, ChildDiedError, ControlPlane, ControlPlaneError, ensure_binaries
from tests.controlplane.processes import Process, await_end, identify
from tests.controlplane.state import REPOSITORY, State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SERVERS = ("etcd", "kube-apiserver", "kube-controller-manager")
GONE_SECONDS = 30.0
START_SECONDS = 90.0

# Starts a control plane in the folder that it is given, and then does nothing.
OWNER = """
import sys
from pathlib import Path
from tests.controlplane import ControlPlane
with ControlPlane(Path(sys.argv[1])) as plane:
    print("runs", flush=True)
    sys.stdin.read()
"""


def processes_of(folder: Path) -> list[Process]:
    """All processes whose command line names the folder: the owner's, the warden's and every server's does."""
    listing = subprocess.run(["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, timeout=30, check=True).stdout
    pids = [int(line.split()[0]) for line in listing.splitlines() if str(folder) in line]
    return [process for pid in pids if pid != os.getpid() and (process := identify(pid))]


def wait_until(condition: Callable[[], object], what: str, seconds: float = START_SECONDS) -> None:
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        pause.wait(0.1)  # each look is a `ps`


@pytest.fixture(autouse=True)
def _interruptible() -> None:
    """Also where the tests run in the background of a shell, which makes them, and what they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """For one control plane; whatever a failed test leaves there is ended."""
    yield tmp_path / "plane"
    for process in processes_of(tmp_path):
        os.kill(process.pid, signal.SIGKILL)


@pytest.fixture
def owner(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that starts a control plane, in a session of its own, as in a terminal of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    ) as process:
        yield process
        process.kill()


def _moments() -> Iterator[Any]:
    """Each number of processes and each signal once; all pairs in full."""
    numbers = (signal.SIGINT, signal.SIGKILL, signal.SIGTERM)
    for at, processes in enumerate((2, 3, 4, 5)):
        for number in numbers:
            marks = () if numbers[at % 3] is number and processes < 5 else pytest.mark.full
            yield pytest.param(processes, number, marks=marks, id=f"{processes}-{number.name}")


class TestOwnerEnds:
    # The owner is the first process that names the folder, the warden the second, then the servers one by one.
    @pytest.mark.parametrize(("processes", "number"), list(_moments()))
    def test_while_it_starts(self, owner: subprocess.Popen[str], folder: Path, processes: int, number: signal.Signals) -> None:
        wait_until(lambda: len(processes_of(folder)) >= processes, f"{processes} processes")
        self._end(owner, folder, number)

    # Ctrl-C comes while it starts above; here it is the end of which nobody gets to know.
    @pytest.mark.parametrize(
        "number", [pytest.param(signal.SIGINT, marks=pytest.mark.full), signal.SIGKILL], ids=lambda number: number.name
    )
    def test_while_it_runs(self, owner: subprocess.Popen[str], folder: Path, number: signal.Signals) -> None:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "runs\n"
        self._end(owner, folder, number)

    @staticmethod
    def _end(owner: subprocess.Popen[str], folder: Path, number: signal.Signals) -> None:
        seen = processes_of(folder)
        os.killpg(owner.pid, number)  # as the terminal does with Ctrl-C
        owner.communicate(timeout=GONE_SECONDS)
        assert await_end(seen, GONE_SECONDS) == []
        assert processes_of(folder) == []
        assert not folder.exists()


class TestServerEnds:
    @pytest.mark.full
    def test_a_command_that_waits_is_ended_the_others_are_stopped_and_the_log_is_shown(self, folder: Path) -> None:
        with ControlPlane(folder) as plane:
            seen = processes_of(folder)
            threading.Timer(1.0, os.kill, (plane.pids["etcd"], signal.SIGKILL)).start()
            with pytest.raises(ChildDiedError, match=r"etcd ended by itself \(signal 9\). The end of its log:\n +{"):
                plane.kubectl("wait", "--for=create", "configmap/never", "--timeout=60s", timeout=60)
            warden = plane.pids["warden"]
            assert await_end([process for process in seen if process.pid != warden], GONE_SECONDS) == []
        assert processes_of(folder) == []

    def test_one_that_does_not_start_ends_the_start(self, folder: Path, tmp_path: Path) -> None:
        binaries = replaced(tmp_path, "kube-apiserver", "echo 'unknown flag: --canary' >&2; exit 7")
        with pytest.raises(ChildDiedError, match=r"(?s)kube-apiserver ended by itself \(exit status 7\).*--canary"):
            ControlPlane(folder, binaries).start()
        assert processes_of(folder) == []
        assert not folder.exists()

    @pytest.mark.full
    def test_a_port_that_was_taken_meanwhile_is_replaced(self, folder: Path, tmp_path: Path) -> None:
        etcd, mark = ensure_binaries()["etcd"], tmp_path / "tried"
        script = f"[ -e {mark} ] && exec {etcd} \"$@\"; touch {mark}; echo 'bind: address already in use'; exit 1"
        with ControlPlane(folder, replaced(tmp_path, "etcd", script)) as plane:
            assert plane.kubectl("get", "--raw=/readyz") == "ok"
        assert mark.exists()

    def test_the_thread_that_started_it_may_end_and_the_warden_takes_the_servers_along(self, folder: Path) -> None:
        plane = ControlPlane(folder)
        thread = threading.Thread(target=plane.start)
        thread.start()
        thread.join(START_SECONDS)
        try:
            assert plane.kubectl("get", "--raw=/readyz") == "ok"
            assert set(plane.pids) == {"warden", *SERVERS}
            seen = processes_of(folder)
            os.kill(plane.pids["warden"], signal.SIGKILL)
            assert await_end(seen, GONE_SECONDS) == []
            with pytest.raises(ChildDiedError, match="warden"):
                plane.check(1)
        finally:
            plane.stop()
        assert not folder.exists()

    def test_without_a_start_it_says_so(self) -> None:
        with pytest.raises(ControlPlaneError, match="does not run; call start"):
            ControlPlane().kubectl("get", "namespaces")


def replaced(tmp_path: Path, tool: str, script: str) -> Binaries:
    """The usual programs, but for one."""
    stand_in = tmp_path / "bin" / tool
    stand_in.parent.mkdir()
    stand_in.write_text(f"#!/bin/sh\n{script}\n")
    stand_in.chmod(0o755)
    return Binaries((stand_in.parent, *ensure_binaries().folders))


class TestInTheBackground:
    @pytest.fixture
    def state_dir(self, tmp_path: Path) -> Iterator[Path]:
        yield tmp_path / "up"
        self._run("down", tmp_path / "up")

    def test_up_is_idempotent_and_down_leaves_nothing(self, state_dir: Path) -> None:
        first, again = self._run("up", state_dir), self._run("up", state_dir)
        assert first == again
        names = subprocess.run(
            ["bash", "-c", 'eval "$1"; kubectl get namespaces --output=name', "bash", first],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        assert "namespace/default" in names.stdout

        state = State.read(state_dir)
        assert state is not None
        assert set(state.processes) == {"supervisor", "warden", *SERVERS, "standin"}
        assert state.elasticsearch_url is not None
        with urllib.request.urlopen(state.elasticsearch_url, timeout=10) as answer:
            assert b"You Know, for Search" in answer.read()

        self._run("down", state_dir)
        assert await_end(state.processes.values(), 0) == []
        assert processes_of(state_dir) == []
        assert not state_dir.exists()

    @pytest.mark.full
    def test_up_starts_anew_what_has_died(self, state_dir: Path) -> None:
        self._run("up", state_dir)
        before = State.read(state_dir)
        assert before is not None
        put = urllib.request.Request(f"{before.elasticsearch_url}/_ingest/pipeline/mine", b'{"processors": []}', method="PUT")
        put.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(put, timeout=10):
            os.kill(before.processes["supervisor"].pid, signal.SIGKILL)
        self._run("up", state_dir)
        after = State.read(state_dir)
        assert after is not None
        assert after.runs
        with urllib.request.urlopen(f"{after.elasticsearch_url}/_ingest/pipeline/mine", timeout=10) as kept:
            assert b"processors" in kept.read(), "the stand-in's cluster outlives what has died"
        assert await_end(before.processes.values(), GONE_SECONDS) == []

    @pytest.mark.parametrize(
        "number", [signal.SIGINT, pytest.param(signal.SIGKILL, marks=pytest.mark.full)], ids=lambda number: number.name
    )
    def test_up_that_is_interrupted_leaves_nothing(self, state_dir: Path, number: signal.Signals) -> None:
        with subprocess.Popen(self._command("up", state_dir), cwd=REPOSITORY, start_new_session=True) as command:
            wait_until(lambda: len(processes_of(state_dir)) >= 4, "up, supervisor, warden and a server")
            os.killpg(command.pid, number)
            command.wait(GONE_SECONDS)
        wait_until(lambda: not processes_of(state_dir), "the end of all", GONE_SECONDS)

    @pytest.mark.full
    def test_down_spares_a_process_that_merely_has_the_pid(self, state_dir: Path) -> None:
        self._run("up", state_dir)
        state = State.read(state_dir)
        assert state is not None
        with subprocess.Popen(["sleep", "60"]) as stranger:
            foreign = Process(stranger.pid, "some other time")
            replace(state, processes={**state.processes, "stranger": foreign}).write(state_dir)
            self._run("down", state_dir)
            assert stranger.poll() is None
            stranger.kill()
        assert await_end(state.processes.values(), 0) == []

    @staticmethod
    def _command(command: str, state_dir: Path) -> list[str]:
        return [sys.executable, "-m", "tests.controlplane", command, "--state-dir", str(state_dir)]

    def _run(self, command: str, state_dir: Path) -> str:
        done = subprocess.run(
            self._command(command, state_dir), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, timeout=120, check=True
        )
        return done.stdout
