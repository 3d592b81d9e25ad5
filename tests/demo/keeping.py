"""KEEP=1: the process that played the story goes on in the background and owns all that runs, until `make down`.

It is a fork of the one that the terminal waits for: up to the end of the story everything belongs to one process, and ends
with it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.controlplane import ControlPlane, ControlPlaneError
from tests.controlplane.detached import LOG, sole_use
from tests.controlplane.processes import identify
from tests.controlplane.state import KEPT, RUN_PREFIX, State
from tests.demo.stage import Stage
from tests.demo.voice import Voice

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_WATCH_SECONDS = 3600.0


@contextmanager
def free_folder(folder: Path) -> Iterator[Path]:
    """The folder of `make up` and `make down`, for us alone. Yields another one in it, for data and logs.

    Raises:
        ControlPlaneError: something runs there.

    """
    with sole_use(folder):
        if State.read(folder):
            raise ControlPlaneError("what `make up` or `make demo KEEP=1` started is still there: run `make down` first")
        try:
            yield folder / f"{RUN_PREFIX}{secrets.token_hex(3)}"
        finally:
            _remove_what_nobody_needs(folder)


def _remove_what_nobody_needs(folder: Path) -> None:
    if State.read(folder) is None:
        shutil.rmtree(folder / KEPT, ignore_errors=True)
        (folder / LOG).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is something else in it, or nothing was made
            folder.rmdir()


@contextmanager
def stderr_into(log: Path) -> Iterator[None]:
    """For programs that outlast the demo: they must not hold on to a pipe that somebody reads to its end."""
    log.parent.mkdir(parents=True, exist_ok=True)
    saved, opened = os.dup(2), os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.dup2(opened, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(opened)


def stay(stage: Stage, owned: ExitStack, folder: Path) -> bool:
    """Go on in the background: True there, False in the process that the terminal waits for.

    There `owned` is empty afterwards: nothing that runs is its own any more, and Ctrl-C ends it no sooner.

    Raises:
        ControlPlaneError: a server has ended, or the background process did; everything is still this process's own then.

    """
    stage.plane.check()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        said, says = os.pipe()
        if os.fork() == 0:
            _become_supervisor(stage, folder)
            os.write(says, b".")
            os.close(says)
            os.close(said)
            return True
        os.close(says)
        stays = bool(os.read(said, 1))
        os.close(said)
        if not stays:
            raise ControlPlaneError(f"the process in the background ended at once; see {folder / LOG}")
        owned.pop_all()
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return False
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _become_supervisor(stage: Stage, folder: Path) -> None:
    """Leave the terminal, and write down for `make down` what runs. Ends the process where that fails."""
    try:
        _leave_the_terminal(folder / LOG)
        _write_state(stage, folder)
    except BaseException:  # noqa: BLE001  whatever it is, it must not be handled as the other process would
        traceback.print_exc()
        os._exit(1)  # not by an exception: what runs is still the other process's own


def _leave_the_terminal(logfile: Path) -> None:
    os.setsid()
    log = os.open(logfile, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)


def _write_state(stage: Stage, folder: Path) -> None:
    plane = stage.plane
    found = {name: identify(pid) for name, pid in {"supervisor": os.getpid(), **plane.pids}.items()}
    State(
        kubeconfig=str(plane.kubeconfig),
        api_url=plane.api_url,
        elasticsearch_url=stage.elasticsearch.access.url,
        search_path=plane.binaries.search_path,
        processes={name: process for name, process in found.items() if process},
    ).write(folder)


def supervise(plane: ControlPlane, owned: ExitStack) -> None:
    """Own everything until a signal or the end of a server; then stop all of it."""
    with owned:
        while True:
            plane.check(_WATCH_SECONDS)


def invite(stage: Stage, voice: Voice, stop: str) -> None:
    """Say how to play on, and which command will `stop` everything."""
    plane, own = stage.plane, not stage.elasticsearch.is_stand_in
    voice.title("\nEverything goes on running")
    voice.say("In a shell of yours:")
    voice.command(f"export KUBECONFIG={plane.kubeconfig}")
    voice.command(f"export ELASTICSEARCH_URL={stage.elasticsearch.access.url}")
    voice.command(f'export PATH={plane.binaries.search_path}:"$PATH"')
    voice.say("Then, for instance:")
    voice.command("kubectl get infep -A -o wide")
    voice.command("kubectl describe infep elser")
    voice.command("kubectl explain infep.spec")
    voice.command(f"kubectl apply -f examples/services/{'elasticsearch-e5' if own else 'cohere'}.yaml")
    voice.command(f'curl -s {stage.elasticsearch.access.curl}"$ELASTICSEARCH_URL/_inference/_all?pretty"')
    voice.command(f"tail -f {plane.log('operator')}")
    if own:
        voice.say("Before you stop it, so that nothing stays in your cluster:")
        voice.command("kubectl delete infep --all")
    voice.say(f"The other logs are in {plane.directory}. To stop all of it:")
    voice.command(stop)
