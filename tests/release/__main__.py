"""What a release is made with; `docs/releasing.md` says when.

python -m tests.release bump VERSION | check [--tag TAG] | notes | sbom WHEEL OUTPUT | audit [--service NAME] | workflows
"""

from __future__ import annotations

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.release import changelog, versions, workflows
from tests.release.audit import audit
from tests.release.bill import bill, refusals
from tests.release.bump import CHANGELOG, bump, refuse_another_tag
from tests.release.locked import packages
from tests.release.versions import ReleaseError

if TYPE_CHECKING:
    from collections.abc import Sequence

CHECKOUT = Path(__file__).parents[2]
TOOLS = CHECKOUT / "build" / "release"
EPOCH = "SOURCE_DATE_EPOCH"


def main(arguments: Sequence[str] | None = None) -> int:
    """Do one of these. Returns the exit code: 1 for what must not be released, 2 for what could not be found out."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except ReleaseError as error:
        sys.stderr.write(f"{error}\n")
        return 2 if options.command == "audit" else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.release", description="What a release is made with.")
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("bump", help="write a version everywhere, and its section of the changelog")
    one.add_argument("version")
    one.set_defaults(run=_bump)
    one = commands.add_parser("check", help="one version everywhere, allowed licences only; with --tag: is this its release?")
    one.add_argument("--tag")
    one.set_defaults(run=_check)
    one = commands.add_parser("notes", help="what the changelog says of this version")
    one.set_defaults(run=_notes)
    one = commands.add_parser("sbom", help="write the bill of materials of the image's Python packages")
    one.add_argument("wheel", type=Path)
    one.add_argument("output", type=Path)
    one.set_defaults(run=_sbom)
    one = commands.add_parser("audit", help="look the locked versions up among known vulnerabilities")
    one.add_argument("--service", default="pypi")
    one.add_argument("--osv-url")
    one.set_defaults(run=_audit)
    one = commands.add_parser("workflows", help="lint the workflows with actionlint and zizmor")
    one.set_defaults(run=lambda _: workflows.lint(CHECKOUT, TOOLS))
    return parser


def _bump(options: argparse.Namespace) -> int:
    version: str = options.version
    for path in bump(CHECKOUT, version, datetime.now(UTC).date().isoformat()):
        sys.stdout.write(f"wrote {path.relative_to(CHECKOUT)}\n")
    then = f"git commit -am 'Release {version}'\n  git tag -s v{version} -m {version}"
    sys.stdout.write(f"Run `make snapshots test`, read `git diff`, then:\n  {then}\n")
    return 0


def _check(options: argparse.Namespace) -> int:
    wrong = [*versions.differing(CHECKOUT), *refusals(packages(CHECKOUT))]
    for sentence in wrong:
        sys.stderr.write(f"{sentence}\n")
    if options.tag is not None:
        refuse_another_tag(CHECKOUT, options.tag)
    return 1 if wrong else 0


def _notes(_: argparse.Namespace) -> int:
    sys.stdout.write(changelog.notes((CHECKOUT / CHANGELOG).read_text("utf-8"), versions.current(CHECKOUT)))
    return 0


def _sbom(options: argparse.Namespace) -> int:
    if EPOCH not in os.environ:
        raise ReleaseError(f"{EPOCH} is not set: the time to write into it, in seconds, for instance that of the commit")
    text = bill(CHECKOUT, options.wheel, int(os.environ[EPOCH]))
    options.output.write_text(text, "utf-8")
    sys.stdout.write(f"wrote {options.output}\n")
    return 0


def _audit(options: argparse.Namespace) -> int:
    passed_on = ["--vulnerability-service", options.service, *(["--osv-url", options.osv_url] if options.osv_url else [])]
    found = audit(CHECKOUT, dict(os.environ) | {"PYTHONPATH": str(TOOLS)}, passed_on)
    for line in found.lines:
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{found.count} locked packages looked up, {len(found.lines)} known vulnerabilities\n")
    return 1 if found.lines else 0


if __name__ == "__main__":
    sys.exit(main())
