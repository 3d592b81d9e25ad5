"""`python -m tests.controlplane`: the control plane from the command line.

Standard output carries only what a shell can evaluate or use; everything for people goes to standard error, or is a comment.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

from tests.controlplane.binaries import ensure_binaries
from tests.controlplane.children import ControlPlaneError
from tests.controlplane.detached import down, up
from tests.controlplane.progress import say
from tests.controlplane.state import REPOSITORY, State
from tests.controlplane.supervise import supervise


def main() -> int:
    """Returns the exit status: 0, 1 after a failure that was told, 130 after Ctrl-C."""
    arguments = _parser().parse_args()
    try:
        arguments.run(arguments)
    except ControlPlaneError as error:
        say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add = commands.add_parser("build", help="build etcd, kube-apiserver, kubectl, helm, … unless they are cached")
    add.set_defaults(run=lambda _: ensure_binaries())

    add = commands.add_parser("path", help="print the folders of these programs, as for PATH; builds them if need be")
    add.set_defaults(run=lambda _: _print(ensure_binaries().search_path))

    add = commands.add_parser("up", help="start control plane and stand-in in the background; prints shell exports")
    _add_state_dir(add)
    add.add_argument("--no-standin", action="store_true", help="do not start the stand-in Elasticsearch")
    add.add_argument("standin", nargs="*", metavar="ARG", help="after `--`: arguments for the stand-in")
    add.set_defaults(run=_up)

    add = commands.add_parser("down", help="stop what `up` started")
    _add_state_dir(add)
    add.set_defaults(run=lambda arguments: down(arguments.state_dir.resolve()))

    add = commands.add_parser("supervise", help="the process in the background; `up` starts it")
    _add_state_dir(add)
    add.add_argument("--standin", type=json.loads, default=None, help=argparse.SUPPRESS)
    add.set_defaults(run=lambda arguments: supervise(arguments.state_dir, arguments.standin))
    return parser


def _add_state_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state-dir", type=Path, default=REPOSITORY / ".up", help="data and logs (default: .up in the checkout)")


def _up(arguments: argparse.Namespace) -> None:
    folder = arguments.state_dir.resolve()
    _print(exports(up(folder, None if arguments.no_standin else arguments.standin), folder))


def exports(state: State, folder: Path) -> str:
    """Lines for `eval`; the comments come last, so that an `eval` without quotes, which joins the lines, works too."""
    lines = [f"export KUBECONFIG={shlex.quote(state.kubeconfig)};"]
    if state.elasticsearch_url:
        lines.append(f"export ELASTICSEARCH_URL={shlex.quote(state.elasticsearch_url)};")
    lines.append(f'export PATH={shlex.quote(state.search_path)}:"$PATH";')
    what = "A Kubernetes API server and a stand-in Elasticsearch run" if state.elasticsearch_url else "An API server runs"
    lines += [
        f"# {what} in the background; logs: {folder}",
        '# For this shell:  eval "$(make -s up)"   then, for instance:  kubectl get namespaces',
        "# To stop it:      make down",
    ]
    return "\n".join(lines)


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    sys.exit(main())
