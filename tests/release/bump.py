"""Prepares a release in a checkout: one version everywhere, and a section of its own in the changelog. It commits nothing."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from tests.release import changelog, versions
from tests.release.versions import ReleaseError, number

if TYPE_CHECKING:
    from pathlib import Path

CHANGELOG = "CHANGELOG.md"


def bump(checkout: Path, version: str, day: str) -> list[Path]:
    """Write `version`, released on `day` (`YYYY-MM-DD`). Returns the files that were changed.

    Raises:
        ReleaseError: Something is not committed, the version does not follow, or the changelog has nothing to say; then
            nothing was written.
    """
    if changes := uncommitted(checkout):
        raise ReleaseError(f"commit or stash these first, a release has nothing else in it:\n{changes}")
    now = versions.current(checkout)
    if number(version) < number(now):
        raise ReleaseError(f"{version} is older than {now}")
    path = checkout / CHANGELOG
    text = changelog.with_release(path.read_text("utf-8"), version, day)
    written = versions.rewrite(checkout, version)
    path.write_text(text, "utf-8")
    return [*written, path]


def refuse_another_tag(checkout: Path, tag: str) -> None:
    """Raise ReleaseError unless `tag` is `v` and the version of the checkout, of which the changelog has a section."""
    version = versions.current(checkout)
    if tag != f"v{version}":
        raise ReleaseError(f"the tag is {tag}, but {versions.SOURCE} says {version}")
    if differing := versions.differing(checkout):
        raise ReleaseError("\n".join(differing))
    changelog.notes((checkout / CHANGELOG).read_text("utf-8"), version)


def uncommitted(checkout: Path) -> str:
    """What git says of the tree: one line for each file that differs from the last commit."""
    command = ("git", "-C", str(checkout), "status", "--porcelain")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise ReleaseError(f"git can't tell what is committed: {done.stderr.strip()}")
    return done.stdout.rstrip()
