"""`inference-operator run | crds | version`: arguments in, an exit code out."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from importlib import metadata
from pathlib import Path

from pydantic import ValidationError

_USAGE_ERROR = 2
# Kubernetes stores objects nested 10,000 deep, and one that can't even be decoded would end the watch for all others. What is
# too deep for us is refused once it is decoded (`api.depth`). Each level takes some 150 bytes of the stack of the decoder.
_RECURSION = 60_000
# Objects made since the last look for cycles of garbage, of which there are few here. Python looks after 700: an eighth of the
# processor time of a change, measured (docs/tuning.md).
_UNCOLLECTED = 20_000


def main(arguments: list[str] | None = None) -> int:
    """Run a command. Returns 0 after an orderly end, 1 after a failure, 2 for wrong arguments."""
    parser = argparse.ArgumentParser(
        prog="inference-operator",
        description="Keeps Elasticsearch inference endpoints equal to Kubernetes resources.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    running = commands.add_parser("run", help="run the operator (`run --help` lists the settings)", add_help=False)
    running.add_argument("--config", type=Path, default=None)
    commands.add_parser("crds", help="print the CustomResourceDefinitions as YAML")
    commands.add_parser("version", help="print the version")
    given, rest = parser.parse_known_args(arguments)
    if given.command != "run" and rest:
        parser.error(f"unknown argument: {rest[0]}")
    match given.command:
        case "run":
            return _run(rest, given.config)
        case "crds":
            return _crds()
        case _:
            print(metadata.version("inference-operator"))  # noqa: T201 - the command's output
            return 0


def _run(arguments: list[str], config: Path | None) -> int:
    # Imported late: `crds` and `--help` need neither kopf nor a client.
    from inference_operator import settings  # noqa: PLC0415

    if config is not None and not config.is_file():
        return _fail(f"--config: {config} is not a file", _USAGE_ERROR)
    try:
        chosen = settings.load(arguments, config)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_context=False):
            _fail(f"{'.'.join(map(str, fault['loc']))}: {fault['msg'].removeprefix('Value error, ')}", _USAGE_ERROR)
        return _USAGE_ERROR
    return _run_with(chosen)


def _run_with(chosen: object) -> int:
    from inference_operator.kinds import KINDS  # noqa: PLC0415
    from inference_operator.kubernetes.credentials import ConfigurationError  # noqa: PLC0415
    from inference_operator.settings import Settings  # noqa: PLC0415
    from inference_operator.shell import telemetry, wiring  # noqa: PLC0415

    assert isinstance(chosen, Settings)
    sys.setrecursionlimit(_RECURSION)
    gc.freeze()  # what imports left is never garbage
    gc.set_threshold(_UNCOLLECTED)
    telemetry.configure_logging(chosen.log_format, chosen.log_level)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            return runner.run(wiring.run(chosen, KINDS))
    except ConfigurationError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(error.strerror or str(error), 1)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    """Uvloop where there is one."""
    try:
        import uvloop  # noqa: PLC0415
    except ImportError:
        return None
    return uvloop.Loop


def _crds() -> int:
    from inference_operator import manifests  # noqa: PLC0415

    sys.stdout.write("---\n".join(manifests.render().values()))
    return 0


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"inference-operator: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
