"""How the demo speaks: headlines, commands as they can be copied, what they printed, and what was seen to hold.

Colours on a terminal only; none where NO_COLOR is set.
"""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Sequence

_WIDTH = 110


class Voice:
    """Writes to standard output."""

    def __init__(self) -> None:
        self._coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def headline(self, number: int, text: str) -> None:
        self._write("")
        self._write(self._in(f"{number}. {text}", "1;36"))

    def say(self, text: str) -> None:
        for line in textwrap.wrap(text, _WIDTH) or [""]:
            self._write(line)

    def command(self, text: str) -> None:
        self._write(self._in(f"$ {text}", "1"))

    def output(self, text: str) -> None:
        for line in text.rstrip().splitlines():
            self._write(self._in(f"  {line}", "2"))

    def seen(self, text: str) -> None:
        self._mark("✓", text, "32")

    def missed(self, text: str) -> None:
        self._mark("✗", text, "31")

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        for number, row in enumerate((header, *rows)):
            line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            self._write(self._in(line, "1") if number == 0 else line)

    def _mark(self, sign: str, text: str, colour: str) -> None:
        lines = textwrap.wrap(text, _WIDTH - 2) or [""]
        self._write(self._in(f"{sign} {lines[0]}", colour))
        for line in lines[1:]:
            self._write(self._in(f"  {line}", colour))

    def _in(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured else text

    @staticmethod
    def _write(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
