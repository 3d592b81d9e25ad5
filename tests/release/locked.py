"""What the image holds, as values: the lock's versions and hashes, and what the packages installed here say of themselves.

The lock serves every platform; `locked` reads it for that of the image. The packages are looked up in the running
environment, which is installed from a lock with the same versions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.release.versions import ReleaseError

if TYPE_CHECKING:
    from importlib.metadata import PackageMetadata
    from pathlib import Path

LOCK = "requirements.lock"
_BASE = re.compile(r"^ARG BASE=python:(\d+\.\d+)-", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Package:
    """One package of the image. `digests` are the SHA-256 of the files that the lock admits, in hexadecimal, sorted."""

    name: str
    version: str
    digests: tuple[str, ...]
    licence: str
    summary: str
    needs: frozenset[str]


def packages(checkout: Path) -> tuple[Package, ...]:
    """All packages that the lock puts into the image, by name.

    Raises:
        ReleaseError: One of them is not installed here, or in another version.
    """
    environment = image_environment(checkout)
    requirements = list(locked((checkout / LOCK).read_text("utf-8"), environment))
    names = frozenset(name for name, _, _ in requirements)
    return tuple(_package(name, version, digests, names, environment) for name, version, digests in requirements)


def locked(text: str, environment: dict[str, str]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Name, version and digests of every entry of a lock that is for `environment`, by name."""
    found = []
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        line = entry.partition("\\")[0].strip()
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (version,) = (specifier.version for specifier in requirement.specifier)
            found.append((canonicalize_name(requirement.name), version, tuple(sorted(_HASH.findall(entry)))))
    return sorted(found)


def needed(lines: list[str], environment: dict[str, str]) -> frozenset[str]:
    """The names in `lines`, requirements of a package, that `environment` calls for; extras are left out."""
    requirements = [Requirement(line) for line in lines]
    wanted = [need for need in requirements if need.marker is None or need.marker.evaluate(environment | {"extra": ""})]
    return frozenset(canonicalize_name(need.name) for need in wanted)


def _package(name: str, version: str, digests: tuple[str, ...], names: frozenset[str], environment: dict[str, str]) -> Package:
    try:
        found = distribution(name)
    except PackageNotFoundError as error:
        raise ReleaseError(f"{name} is locked but not installed here: run `make setup`") from error
    if found.version != version:
        raise ReleaseError(f"{name} {version} is locked, but {found.version} installed here: run `make setup`")
    needs = needed(found.requires or [], environment) & names
    return Package(name, version, digests, stated_licence(found.metadata), found.metadata["Summary"], needs)


def stated_licence(metadata: PackageMetadata) -> str:
    """The package's own words on its licence: an SPDX expression if it is new, any text if it is old, empty if it has none."""
    stated = (metadata[key] for key in ("License-Expression", "License") if key in metadata)
    return next(filter(None, stated), "")


def image_environment(checkout: Path) -> dict[str, str]:
    """The values of environment markers inside the image: Linux, and Python as the Dockerfile's base has it."""
    found = _BASE.search((checkout / "Dockerfile").read_text("utf-8"))
    if not found:
        raise ReleaseError(f"the Dockerfile has no line that matches {_BASE.pattern}")
    here = {key: str(value) for key, value in default_environment().items()}
    image = {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux", "implementation_name": "cpython"}
    return here | image | {"python_version": found[1], "python_full_version": f"{found[1]}.0"}
