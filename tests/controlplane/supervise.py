"""The process in the background between `up` and `down`: it owns the control plane and the stand-in Elasticsearch.

Until `up` says that all is well it depends on `up`: if that is interrupted, this ends too, and all that it started.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
from typing import TYPE_CHECKING

from tests.controlplane.plane import ControlPlane
from tests.controlplane.processes import identify
from tests.controlplane.state import KEPT, RELEASE, REPOSITORY, RUN_PREFIX, State

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_WATCH_SECONDS = 3600.0


def supervise(folder: Path, standin: Sequence[str] | None) -> None:
    """Run until SIGTERM; `standin` are the stand-in's arguments, None for no stand-in.

    Raises:
        ControlPlaneError: something did not start, or ended.

    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _leave)
    # A name of its own for each run: who ends the one before may still be removing its files.
    with ControlPlane(folder / f"{RUN_PREFIX}{secrets.token_hex(3)}") as plane:
        url = None if standin is None else _start_standin(plane, folder / KEPT, standin)
        _describe(plane, url).write(folder)
        if not sys.stdin.readline().startswith(RELEASE):
            return  # `up` is gone
        while True:
            plane.check(_WATCH_SECONDS)


def _leave(*_: object) -> None:
    raise SystemExit(0)


def _start_standin(plane: ControlPlane, data: Path, arguments: Sequence[str]) -> str:
    argv = [sys.executable, "-u", "-m", "tests.standin", "--port", "0", "--data-dir", str(data), *arguments]
    return plane.run("standin", argv, ready=r"listening on (https?://\S+)", cwd=REPOSITORY)[1]


def _describe(plane: ControlPlane, elasticsearch_url: str | None) -> State:
    pids = {"supervisor": os.getpid(), **plane.pids}
    found = {name: identify(pid) for name, pid in pids.items()}
    return State(
        kubeconfig=str(plane.kubeconfig),
        api_url=plane.api_url,
        elasticsearch_url=elasticsearch_url,
        search_path=plane.binaries.search_path,
        processes={name: process for name, process in found.items() if process},
    )
