"""What a person sees while something takes minutes: on standard error, live on a terminal, now and then in a pipe.

Standard output is left to results. Must not import anything of the package.
"""

from __future__ import annotations

import shutil
import sys
import time
from typing import TextIO

_PIPE_SECONDS = 20.0
_PREFIX = "control plane: "


def say(text: str) -> None:
    """One line on standard error."""
    sys.stderr.write(f"{_PREFIX}{text}\n")
    sys.stderr.flush()


class Progress:
    """The state of one long step: overwritten in place on a terminal, a line every 20 s elsewhere."""

    def __init__(self, step: str, stream: TextIO | None = None) -> None:
        self._step = step
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._began = self._shown = time.monotonic()
        self._write(f"{step} …\n")

    def update(self, state: str) -> None:
        """Show the state when it is time to; call it as often as you like."""
        now = time.monotonic()
        if self._live:
            width = shutil.get_terminal_size().columns
            line = f"{_PREFIX}{self._elapsed(now)}  {state}"
            self._stream.write(f"\r\x1b[K{line[: width - 1]}")
            self._stream.flush()
        elif now - self._shown >= _PIPE_SECONDS:
            self._shown = now
            self._write(f"{self._elapsed(now)}  {state}\n")

    def done(self, outcome: str = "done") -> None:
        """Close the step with how long it took."""
        self._write(f"{self._step}: {outcome} after {self._elapsed(time.monotonic())} min\n")

    def _elapsed(self, now: float) -> str:
        minutes, seconds = divmod(int(now - self._began), 60)
        return f"{minutes}:{seconds:02d}"

    def _write(self, text: str) -> None:
        self._stream.write(("\r\x1b[K" if self._live else "") + _PREFIX + text)
        self._stream.flush()
