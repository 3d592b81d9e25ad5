"""Runs kubectl and helm before everybody's eyes: the line that is shown is the line that is run.

Lines are relative to the checkout's root. Nothing secret may stand in one.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import IO, Any

from tests.controlplane import CommandFailedError, ControlPlane
from tests.controlplane.state import REPOSITORY
from tests.demo import NotSeenError
from tests.demo.voice import Voice

_LOOK_SECONDS = 0.2


class Terminal:
    """A person's terminal, with the kubeconfig of the control plane's admin."""

    def __init__(self, plane: ControlPlane, voice: Voice) -> None:
        self._plane = plane
        self._voice = voice

    def run(self, line: str, *, seconds: float = 120.0) -> str:
        """Show a command, run it, show its output and return it. Raises ControlPlaneError where it fails."""
        self._voice.command(line)
        output = self._quietly(line, seconds)
        self._voice.output(output)
        return output

    def cat(self, file: str) -> None:
        """Show a file of the checkout."""
        self._voice.command(f"cat {file}")
        self._voice.output((REPOSITORY / file).read_text())

    def refused(self, line: str) -> str:
        """As `run`, for a command that has to fail: shows and returns what it says. Raises NotSeenError where it succeeds."""
        self._voice.command(line)
        try:
            self._quietly(line, 40.0)
        except CommandFailedError as error:
            self._voice.output(error.stderr)
            return error.stderr
        raise NotSeenError("the API server took what it should refuse")

    def read(self, line: str) -> Any:
        """What a command that prints JSON says, without showing either; None where it prints nothing."""
        output = self._quietly(line, 40.0)
        return json.loads(output) if output.strip() else None

    def watch(self, line: str, last: Callable[[str], bool], *, seconds: float) -> list[str]:
        """Show a command that does not end by itself, and each line that brings news, until one is the `last`.

        The last column, an age, is no news. Returns what was shown. Raises NotSeenError when time is up.
        """
        self._voice.command(line)
        shown: dict[str, str] = {}
        with self._started(line) as process:
            try:
                for text in self._lines(process.stdout, time.monotonic() + seconds):
                    gist = " ".join(text.split()[:-1])
                    if gist not in shown:
                        shown[gist] = text
                        self._voice.output(text)
                    if last(text):
                        return list(shown.values())
            finally:
                process.kill()
        raise NotSeenError(f"not within {seconds:.0f} s")

    def _quietly(self, line: str, seconds: float) -> str:
        tool, *arguments = shlex.split(line)
        run = {"kubectl": self._plane.kubectl, "helm": self._plane.helm}[tool]
        return run(*arguments, timeout=seconds)

    def _started(self, line: str) -> subprocess.Popen[bytes]:
        tool, *arguments = shlex.split(line)
        environment = {
            "HOME": os.environ.get("HOME", "/"),
            "KUBECONFIG": str(self._plane.kubeconfig),
            "KUBECACHEDIR": str(self._plane.directory / "clients" / "kube"),
            "KUBERC": "off",
        }
        return subprocess.Popen([self._plane.binaries[tool], *arguments], stdout=subprocess.PIPE, env=environment)

    def _lines(self, stream: IO[bytes] | None, until: float) -> Iterator[str]:
        """Complete lines as they come; ends with the stream, or when time is up. Raises ChildDiedError for a dead server."""
        if stream is None:
            raise AssertionError("it was asked for")
        rest = b""
        while time.monotonic() < until:
            self._plane.check()
            if not select.select([stream], [], [], _LOOK_SECONDS)[0]:
                continue
            if not (data := os.read(stream.fileno(), 65536)):
                return
            *complete, rest = (rest + data).split(b"\n")
            yield from (one.decode(errors="replace") for one in complete)
