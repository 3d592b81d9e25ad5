"""`python -m tests.bench run|soak`: measure the operator. See docs/tuning.md."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path

from tests.bench.phases import Repetition
from tests.bench.process import ProcessEndedError
from tests.bench.result import Figures, summarize, table
from tests.bench.soak import soak
from tests.bench.stage import stage
from tests.bench.user import BenchError
from tests.controlplane import ControlPlaneError

_WARMED_BY = 200
"""Objects. What an API server does for the first time is not to be paid for by whoever is measured first."""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure the operator against the floor.")
    commands = found.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="create, update, rotate, restart, idle, edit, drift, delete")
    run.add_argument("--n", type=int, default=1000, help="objects (default: %(default)s)")
    run.add_argument("--repeat", type=int, default=3, help="repetitions (default: %(default)s)")
    run.add_argument("--output", type=Path, default=Path("build/bench.json"), help="the file to write (default: %(default)s)")
    long = commands.add_parser("soak", help="random work at a steady rate; fails unless memory and descriptors are flat")
    long.add_argument("--minutes", type=float, default=30.0, help="how long (default: %(default)s)")
    long.add_argument("--seed", type=int, default=1, help="of the random work (default: %(default)s)")
    long.add_argument("--output", type=Path, default=Path("build/soak.json"), help="the file to write (default: %(default)s)")
    return found


def tell(text: str) -> None:
    """Progress goes where it does not mix with the result."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


async def run(n: int, repeat: int) -> Figures:
    """All repetitions, on one control plane."""
    found: list[Figures] = []
    async with stage() as here:
        tell("warming up …")
        await Repetition(here, min(n, _WARMED_BY)).warm_up()
        for number in range(1, repeat + 1):
            tell(f"repetition {number} of {repeat}, {n} objects …")
            found.append(await Repetition(here, n, tell).run())
    return summarize(n, found)


def main() -> int:
    """Measure; return the exit code."""
    options = parser().parse_args()
    options.output.parent.mkdir(parents=True, exist_ok=True)
    load = "1, 5, 15 min load before: " + ", ".join(f"{one:.1f}" for one in os.getloadavg()) + f" on {os.cpu_count()} cores"
    failures: list[str] = []
    result: Figures = {}
    text, passed = "", True
    try:
        if options.command == "soak":
            result, text = asyncio.run(soak(options.minutes, options.seed, tell))
            passed = not result["growing"]
        else:
            result = asyncio.run(run(options.n, options.repeat))
            text = table(result, load)
    except* (BenchError, ProcessEndedError, ControlPlaneError) as group:
        failures = [f"not measured: {error}" for error in group.exceptions]
    if failures:
        tell("\n".join(failures))
        return 1
    options.output.write_text(json.dumps(result | {"load": load}, indent=1) + "\n")
    sys.stdout.write(text)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
