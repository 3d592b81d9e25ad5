"""The changelog as sections: what is not released yet becomes the notes of a release. Pure."""

from __future__ import annotations

import re

from tests.release.versions import ReleaseError, number

_UNRELEASED = "## [Unreleased]\n"
_HEADING = re.compile(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", re.MULTILINE)
_ENTRY = re.compile(r"^- \S", re.MULTILINE)


def newest(text: str) -> str | None:
    """The version of the newest release in it, if there was one."""
    found = _HEADING.search(text)
    return found[1] if found else None


def with_release(text: str, version: str, day: str) -> str:
    """The changelog once `version` was released on `day` (`YYYY-MM-DD`).

    Raises:
        ReleaseError: The version is not newer than the newest one, or nothing is written about it.
    """
    last = newest(text)
    if last is not None and number(version) <= number(last):
        raise ReleaseError(f"CHANGELOG.md has {last} already: {version} is not newer")
    before, heading, rest = text.partition(_UNRELEASED)
    if not heading:
        raise ReleaseError(f"CHANGELOG.md has no line {_UNRELEASED.strip()!r}")
    if not _ENTRY.search(_body(rest)):
        raise ReleaseError(f"CHANGELOG.md has no entry under {_UNRELEASED.strip()!r}: say what {version} brings to its users")
    return f"{before}{_UNRELEASED}\n## [{version}] - {day}\n{rest}"


def notes(text: str, version: str) -> str:
    """What the changelog says of a release, without its heading.

    Raises:
        ReleaseError: It says nothing.
    """
    for found in _HEADING.finditer(text):
        if found[1] == version and (body := _body(text[found.end() :]).strip()):
            return f"{body}\n"
    raise ReleaseError(f"CHANGELOG.md says nothing of {version}: run `make release VERSION={version}` before it is tagged")


def _body(text: str) -> str:
    """Up to the next section."""
    return re.split(r"^## ", text, maxsplit=1, flags=re.MULTILINE)[0]
