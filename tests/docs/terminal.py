"""A terminal: one bash that stays, in a folder of its own, and what is typed into it command by command.

Decides when a command has shown what a page says: every line of the page, in order, its words in order; `…` stands for
anything, an age for any age, and space before a colon is left to the server. A command that only looks is repeated until it
has.
"""

from __future__ import annotations

import os
import re
import secrets
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.docs.markdown import Command

SECONDS = 30.0
_BETWEEN_LOOKS = 0.25
"""Seconds: each look starts a kubectl, which must not be the load that the operator has to wait for."""
_AGE = re.compile(r"\d+[smhd](\d+[smh])?")
_LOOKS = re.compile(r"(kubectl (get|describe|events)|es \S+$)")
_REFUSED = re.compile(r"(The (InferenceEndpoint|IngestPipeline)|Error|error:)")


@dataclass(frozen=True, slots=True)
class Shown:
    """What a command wrote, errors included, and its exit code."""

    text: str
    code: int

    def fits(self, command: Command) -> bool:
        """True when it is what the page says, success included; a page shows a refusal where one is meant."""
        refused = bool(command.output) and _REFUSED.match(command.output[0]) is not None
        return (self.code != 0) == refused and _shows(self.text, command.output)


def _shows(text: str, wanted: tuple[str, ...]) -> bool:
    lines = iter(text.replace('" :', '":').splitlines())
    return all(any(_pattern(line).search(there) for there in lines) for line in wanted if line.strip())


def _pattern(line: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(_word(word) for word in line.replace('" :', '":').split()))


def _word(word: str) -> str:
    if _AGE.fullmatch(word):
        return _AGE.pattern
    return ".*".join(re.escape(part) for part in word.split("…"))


class Terminal:
    """Use as a context manager."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder = folder
        self._environment = dict(environment)
        self._bash: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._bash is not None
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.communicate(timeout=10)

    def carry_out(self, command: Command) -> Shown:
        """Run it as the page says. Raises AssertionError with what it showed instead."""
        until = time.monotonic() + SECONDS
        shown = self.run(command.text)
        while not shown.fits(command) and _LOOKS.match(command.text) and time.monotonic() < until:
            signal.sigtimedwait((), _BETWEEN_LOOKS)
            shown = self.run(command.text)
        told = f"line {command.line}: $ {command.text}\n{shown.text}\n(exit code {shown.code})"
        assert shown.fits(command), "\n".join([told, "but the page says:", *command.output])
        return shown

    def run(self, text: str) -> Shown:
        """Type a command and wait for its end."""
        assert self._bash is not None
        assert self._bash.stdin is not None
        mark = f"end-{secrets.token_hex(8)}"
        self._bash.stdin.write(f"{{ {text}\n}} </dev/null\nprintf '\\n{mark} %s\\n' $?\n".encode())
        self._bash.stdin.flush()
        written = self._read_until(re.compile(rf"\n{mark} (\d+)\n"))
        shown, _, code = written.rpartition(f"\n{mark} ")
        return Shown(shown, int(code))

    def _read_until(self, mark: re.Pattern[str]) -> str:
        assert self._bash is not None
        assert self._bash.stdout is not None
        written, until = b"", time.monotonic() + SECONDS
        with selectors.DefaultSelector() as ready:
            ready.register(self._bash.stdout, selectors.EVENT_READ)
            while not mark.search(written.decode(errors="replace")):
                assert ready.select(until - time.monotonic()), f"no end within {SECONDS:.0f} s: {written.decode()}"
                written += os.read(self._bash.stdout.fileno(), 65536)
        return written.decode()
