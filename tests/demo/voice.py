"""How the demo speaks: headlines, commands as they can be copied, what they printed, and what was seen to hold.

Colours on a terminal only, and none where NO_COLOR is set. Must not import anything of the package.
"""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from typing import TextIO

_WIDEST = 110
_INDENT = "   "
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # what a server says must not paint on somebody's terminal


class Voice:
    """Writes to a stream, line by line. `text` is plain, and wrapped here."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str]) -> None:
        self._stream = stream
        self._coloured = stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
        columns = shutil.get_terminal_size().columns if stream.isatty() else _WIDEST
        self.width = max(40, min(columns, _WIDEST))

    def title(self, text: str) -> None:
        self._write(self._in(text, "1"))

    def headline(self, number: int, text: str) -> None:
        self._write("")
        self._write(self._in(f"{number}. {text}", "1;36"))

    def say(self, text: str, *, indent: str = _INDENT) -> None:
        for line in self._wrapped(text, indent):
            self._write(line)

    def command(self, line: str) -> None:
        """One line, however long, so that it can be copied."""
        self._write(f"{_INDENT}{self._in('$', '2')} {self._in(line, '1')}")

    def output(self, text: str) -> None:
        """What a program printed; a line of prose that is too long is wrapped, a table is not."""
        for line in text.rstrip().splitlines():
            self._quote(_CONTROL.sub("", line).rstrip())

    def seen(self, text: str) -> None:
        self._mark("✓", text, "32")

    def missed(self, text: str) -> None:
        first, _, rest = text.strip().partition("\n")
        self._mark("✗", first, "31")
        self.output(textwrap.dedent(rest))

    def table(self, header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """Columns as wide as need be; those in `right` hold figures, flush right. The sign of a row colours it."""
        widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
        for row in (header, *rows):
            cells = [
                cell.rjust(width) if column in right else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            colour = {"✓": "", "✗": "31", "·": "2"}.get(row[0], "1")
            self._write(self._in(f"{_INDENT}{'  '.join(cells)}".rstrip(), colour))

    def _quote(self, line: str) -> None:
        indent = f"{_INDENT}  "
        prose = "  " not in line.strip() and not line.startswith(" ")
        for part in self._wrapped(line, indent) if prose and line else [f"{indent}{line}"]:
            self._write(self._in(part, "2"))

    def _mark(self, sign: str, text: str, colour: str) -> None:
        first, *rest = self._wrapped(text, f"{_INDENT}  ")
        for line in (f"{_INDENT}{sign} {first.strip()}", *rest):
            self._write(self._in(line, colour))

    def _wrapped(self, text: str, indent: str) -> list[str]:
        wrapped = textwrap.wrap(
            text, self.width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        return wrapped or [""]

    def _in(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._coloured and code else text

    def _write(self, line: str) -> None:
        self._stream.write(f"{line.rstrip()}\n")
        self._stream.flush()
