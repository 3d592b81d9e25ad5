"""The version of a release: written in `pyproject.toml`, and repeated where something can't read it from there.

Says where it is repeated, finds what differs and writes a new one. Reads and writes the files of one checkout, nothing else.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = "pyproject.toml"
FORM = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_VERSION = r"\d+\.\d+\.\d+"
_MENTION = rf"(?<=\binference-operator[:-])()({_VERSION})"
"""The image or the chart by name and version, as in `inference-operator:1.2.3`."""

_REPEATED = {
    "charts/inference-operator/Chart.yaml": (rf"^(version: )({_VERSION})$", rf'^(appVersion: ")({_VERSION})(?="$)'),
    "Dockerfile": (rf"^(ARG VERSION=)({_VERSION})$",),
}
_MENTIONING = ("*.md", "Dockerfile", "docs/**/*.md", "examples/**/*.md", "charts/**/*.md", "charts/**/*.yaml", "charts/**/*.txt")


class ReleaseError(Exception):
    """A release can't be made. The message says why, for the person at the terminal."""


def number(version: str) -> tuple[int, ...]:
    """The three numbers of `1.2.3`, to be compared.

    Raises:
        ReleaseError: It is not of this form.
    """
    if found := FORM.fullmatch(version):
        return tuple(map(int, found.groups()))
    raise ReleaseError(f"{version!r} is no version of the form 1.2.3")


def current(checkout: Path) -> str:
    """The version of this checkout."""
    version: str = tomllib.loads((checkout / SOURCE).read_text("utf-8"))["project"]["version"]
    return version


def differing(checkout: Path) -> list[str]:
    """A sentence for every place that repeats another version than the current one, or none where it must."""
    version = current(checkout)
    sentences = []
    for path, patterns in _places(checkout):
        text = path.read_text("utf-8")
        name = path.relative_to(checkout)
        for pattern in patterns:
            found = [match[2] for match in re.finditer(pattern, text, re.MULTILINE)]
            sentences += [f"{name} says {other}, {SOURCE} says {version}" for other in found if other != version]
            if not found and pattern is not _MENTION:
                sentences.append(f"{name} has no line that matches {pattern}")
    return sentences


def rewrite(checkout: Path, version: str) -> list[Path]:
    """Write a version everywhere. Returns the files that were changed."""
    source = checkout / SOURCE
    changed = {source: source.read_text("utf-8").replace(f'\nversion = "{current(checkout)}"\n', f'\nversion = "{version}"\n', 1)}
    for path, patterns in _places(checkout):
        text = path.read_text("utf-8")
        for pattern in patterns:
            text = re.sub(pattern, rf"\g<1>{version}", text, flags=re.MULTILINE)
        changed[path] = text
    written = [path for path, text in changed.items() if path.read_text("utf-8") != text]
    for path in written:
        path.write_text(changed[path], "utf-8")
    return written


def _places(checkout: Path) -> list[tuple[Path, tuple[str, ...]]]:
    mentioning = {path for pattern in _MENTIONING for path in checkout.glob(pattern) if path.name != "CHANGELOG.md"}
    paths = sorted(mentioning | {checkout / name for name in _REPEATED})
    return [(path, (*_REPEATED.get(str(path.relative_to(checkout)), ()), _MENTION)) for path in paths]
