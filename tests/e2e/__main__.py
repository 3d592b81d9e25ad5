"""`python -m tests.e2e [node|kind]`: prepare what is kept, run the suite on real pods, and see that nothing is left behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tests.controlplane import cache
from tests.controlplane.children import ControlPlaneError
from tests.controlplane.locks import locked
from tests.controlplane.node.cluster import lock_file
from tests.controlplane.node.traces import CHECKED, Before, left
from tests.controlplane.state import REPOSITORY
from tests.e2e.image_build import ensure_image
from tests.e2e.providers import PROVIDERS, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

_HERE = Path(__file__).parent.relative_to(REPOSITORY)
_INTERRUPTED = 130


def main() -> int:
    """The exit status: 0, pytest's own, 1 for what could not be prepared or was left behind, 2 for an unknown provider."""
    (chosen,) = sys.argv[1:] or ["node"]
    if chosen not in PROVIDERS:
        _say(f"there is no provider {chosen}; there are {' and '.join(PROVIDERS)}")
        return 2
    try:
        with _timed("preparing what is kept"):
            PROVIDERS[chosen].prepare()
    except ControlPlaneError as error:
        _say(f"error: {error}")
        return 1
    return _on_node() if chosen == "node" else _suite(chosen, "suite")


def _on_node() -> int:
    image = ensure_image()
    layers = ", ".join(f"{size / 1e6:.1f}" for size in image.layers)
    _say(f"the image has {image.compressed_bytes / 1e6:.1f} MB compressed, by layers: {layers}; the first is the base")
    with locked(cache.root() / "e2e.lock", "another run of these tests is on this machine"):  # its node would be seen as left
        before = Before.now()
        status = _suite("node", "suite_of_node", "suite")
        with locked(lock_file(), "the node is still there"):  # one whose owner was killed
            found = left(before)
    if found:
        _say("left behind:\n  " + "\n  ".join(found))
        return status or 1
    _say(f"nothing was left behind: {', '.join(CHECKED)}")
    return status


def _suite(chosen: str, *folders: str) -> int:
    """Each folder has a run of its own, as a machine has one node at a time."""
    environment = os.environ | {VARIABLE: chosen}
    for folder in folders:
        with _timed(str(_HERE / folder)):
            argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--durations=5", "-v", str(_HERE / folder)]
            status = _to_its_end(argv, environment)
        if status != 0:
            return status
    return 0


def _to_its_end(argv: list[str], environment: dict[str, str]) -> int:
    """Also after a Ctrl-C, which pytest has heard as well: it ends its cluster then. A second one kills it."""
    with subprocess.Popen(argv, cwd=REPOSITORY, env=environment) as suite:
        for _ in range(2):
            with suppress(KeyboardInterrupt):
                return suite.wait()
        suite.kill()
    return _INTERRUPTED


@contextmanager
def _timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    _say(f"{what} took {time.monotonic() - began:.0f} s")


def _say(text: str) -> None:
    sys.stderr.write(f"e2e: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
