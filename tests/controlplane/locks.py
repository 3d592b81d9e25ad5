"""One process at a time: an advisory lock on a file, which the kernel drops when its holder is gone.

Must not import anything of the package but `progress`.
"""

from __future__ import annotations

import fcntl
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.controlplane.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import IO


@contextmanager
def locked(file: Path, otherwise: str) -> Iterator[int]:
    """Hold the lock; `otherwise` tells a person what is waited for. The file stays: removing it would race.

    Gives the descriptor that holds it: a process that inherits it holds the lock as well, until it ends.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as handle:
        if not _take(handle):
            _wait(handle, otherwise)
        yield handle.fileno()


def _wait(handle: IO[str], otherwise: str) -> None:
    progress = Progress(f"{otherwise}: waiting for it")
    pause = threading.Event()
    while not _take(handle):
        progress.update("still waiting")
        pause.wait(0.5)
    progress.done()


def _take(handle: IO[str]) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
