"""Runs kubectl and helm to their end, and turns a failure into an exception that tells what a person needs.

What is given on the command line for a secret (`--from-literal=key=value`, `--token=…`, `--set key=value`) is not repeated
in any text; standard input never is.
"""

from __future__ import annotations

import itertools
import subprocess
import time
from typing import TYPE_CHECKING

from tests.controlplane.children import ControlPlaneError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_HIDDEN = ("--from-literal", "--password", "--set", "--set-json", "--set-string", "--token")
_LOOK_SECONDS = 0.5


class CommandFailedError(ControlPlaneError):
    """A command ended with a status other than 0, or not in time (then `status` is None)."""

    def __init__(self, argv: Sequence[str], status: int | None, stdout: str, stderr: str) -> None:
        self.status, self.stdout, self.stderr = status, stdout, stderr
        how = "did not end in time" if status is None else f"failed with status {status}"
        super().__init__(f"`{printable(argv)}` {how}:\n{stderr.strip() or stdout.strip()}")


def run_command(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    stdin: str | None,
    timeout: float,
    look: Callable[[], object],
) -> str:
    """Run a command and return its standard output.

    Args:
        argv: the program (a path) and its arguments.
        env: the whole environment.
        stdin: standard input; nothing by default.
        timeout: in seconds; the command is killed then.
        look: called twice a second meanwhile; what it raises ends the wait (a dead API server makes no one wait).

    Raises:
        CommandFailedError: any other status than 0, or the timeout.

    """
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(env)
    ) as command:
        try:
            stdout, stderr = _communicate(command, stdin, timeout, look)
        except subprocess.TimeoutExpired:
            command.kill()
            stdout, stderr = command.communicate()
            raise CommandFailedError(argv, None, stdout, stderr) from None
        except BaseException:
            command.kill()
            raise
    if command.returncode != 0:
        look()
        raise CommandFailedError(argv, command.returncode, stdout, stderr)
    return stdout


def _communicate(
    command: subprocess.Popen[str], stdin: str | None, timeout: float, look: Callable[[], object]
) -> tuple[str, str]:
    deadline = time.monotonic() + timeout
    remaining_input = stdin
    while True:
        wait = min(_LOOK_SECONDS, deadline - time.monotonic())
        try:
            return command.communicate(remaining_input, timeout=max(wait, 0))
        except subprocess.TimeoutExpired:
            remaining_input = None  # Popen has it and goes on sending
            look()
            if time.monotonic() >= deadline:
                raise


def printable(argv: Sequence[str]) -> str:
    """The command as a person would type it, without values that may be secret."""
    shown: list[str] = [argv[0].rpartition("/")[2]]
    for before, word in itertools.pairwise(argv):
        option, equals, _ = word.partition("=")
        if option in _HIDDEN and equals:
            shown.append(f"{option}=…")
        else:
            shown.append("…" if before in _HIDDEN else word)
    return " ".join(shown)
