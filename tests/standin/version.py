"""The server version that the stand-in plays: decides only whether a difference named in the facts applies.

Must not import anything of the stand-in: every other module asks it.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

_PARTS = 3


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A release number such as 9.5.0."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read `9.5.0` or `9.5`; a suffix such as `-SNAPSHOT` is dropped. Raises ValueError on anything else."""
        numbers = text.split("-", maxsplit=1)[0].split(".")
        if not 1 < len(numbers) <= _PARTS or not all(number.isdigit() for number in numbers):
            msg = f"not a version: {text!r} (expected something like 9.5.0)"
            raise ValueError(msg)
        return cls(*map(int, numbers))

    def since(self, *releases: str) -> bool:
        """True when a change that landed in `releases` (one per release line, such as "8.19", "9.1") is in this version.

        A line without an entry of its own has the change when it is newer than the newest line named.
        """
        first = [_release(release) for release in releases]
        same_line = [release for release in first if release.major == self.major]
        if same_line:
            return self >= min(same_line)
        return self.major > max(release.major for release in first)

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@functools.cache
def _release(text: str) -> Version:
    return Version.parse(text)
