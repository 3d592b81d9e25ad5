"""Whether a locked version has a known vulnerability; and whether that could be found out at all.

pip-audit asks a service, and takes a package of which the service knows nothing, not even that it exists, for one without
vulnerabilities. A mirror of a package index answers in just that way. So every audit begins with a version that is known to be
vulnerable: where that is not found, nothing is said of the others.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.release.locked import LOCK
from tests.release.versions import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KNOWN = ("requests", "2.19.1")
"""Published as PYSEC-2018-28 and CVE-2018-18074: it sends credentials on to another host."""

_MINUTES = 10


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit of `count` packages found: one line for each vulnerability."""

    count: int
    lines: tuple[str, ...]


def audit(checkout: Path, environment: Mapping[str, str], options: Sequence[str]) -> Findings:
    """Look the lock up. `options` are passed on to pip-audit, which is found by `environment`.

    Raises:
        ReleaseError: It could not be looked up.
    """
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known.txt"
        known.write_text("==".join(KNOWN) + "\n", "utf-8")
        proven = _report(["--no-deps", "-r", str(known), *options], environment)
    if not findings(proven).lines:
        raise ReleaseError(
            f"no data on vulnerabilities: that of {' '.join(KNOWN)}, which is known, was not found, so nothing can be said of "
            f"{LOCK}. Where packages come from a mirror without such data, try `make audit SERVICE=osv`."
        )
    return findings(_report(["--require-hashes", "-r", str(checkout / LOCK), *options], environment))


def findings(report: Mapping[str, Any]) -> Findings:
    """Read pip-audit's report in JSON.

    Raises:
        ReleaseError: A package was not looked up.
    """
    rows = report["dependencies"]
    if skipped := [f"{row['name']}: {row['skip_reason']}" for row in rows if "skip_reason" in row]:
        raise ReleaseError("no data on vulnerabilities:\n" + "\n".join(skipped))
    lines = [
        f"{row['name']} {row['version']}: {known['id']}, mended in {', '.join(known['fix_versions']) or 'no version yet'}"
        for row in rows
        for known in row["vulns"]
    ]
    return Findings(len(rows), tuple(lines))


def _report(options: Sequence[str], environment: Mapping[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--format", "json", "--progress-spinner", "off", *options]
    try:
        done = subprocess.run(command, env=dict(environment), capture_output=True, text=True, check=False, timeout=_MINUTES * 60)
    except subprocess.TimeoutExpired as error:
        raise ReleaseError(f"no data on vulnerabilities: no answer within {_MINUTES} minutes") from error
    try:
        report: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError as error:
        last = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        raise ReleaseError(f"no data on vulnerabilities: {last}") from error
    return report
