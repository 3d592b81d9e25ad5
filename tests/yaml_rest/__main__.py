"""`python -m tests.yaml_rest`: run suites against a server, or against a stand-in in this process, and print a table.

Exit status: 0 all that ran passed, 1 something failed or nothing ran, 2 the command line, a file or the server is no good.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import ssl
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.standin import StandIn, StandInTransport
from tests.standin.version import Version
from tests.yaml_rest import FAILED, SKIPPED, Result, ServerError, Suite, SuiteError, connect, load, run_suite

SUITES = Path(__file__).parent / "suites"
STANDIN_SECONDS = 60.0
OFFERS_OF_THE_STANDIN = frozenset({"provider", "in_cluster_models"})
_DESCRIPTION = """Runs tests in Elastic's YAML REST test format against a server, by default our own suites, and prints how each
test ended. Without an address it asks a stand-in Elasticsearch in this process.

The suites create and delete endpoints, pipelines and indices whose names begin with "yaml-rest-", and some set the cluster
setting xpack.inference.skip_validate_and_start while they run: use a cluster that you can spare."""
_EPILOG = """environment:
  ELASTICSEARCH_URL                                  address, as --url
  ELASTICSEARCH_API_KEY                              API key (encoded), or
  ELASTICSEARCH_USERNAME, ELASTICSEARCH_PASSWORD     basic authentication
  ELASTICSEARCH_CA                                   file with the certificate authority of an https address

examples:
  python -m tests.yaml_rest
  python -m tests.yaml_rest --version 8.19.0 tests/yaml_rest/suites/20_endpoints.yml
  ELASTICSEARCH_URL=https://es.example:9200 ELASTICSEARCH_API_KEY=… python -m tests.yaml_rest --offers in_cluster_models"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    found = argparse.ArgumentParser(
        prog="python -m tests.yaml_rest",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    found.add_argument("files", nargs="*", type=Path, help="files to run (default: our own suites)")
    found.add_argument("--url", help="address of a server; without one a stand-in answers")
    found.add_argument("--version", default="9.5.0", help="release that the stand-in plays (default: %(default)s)")
    found.add_argument("--timeout", type=float, default=120.0, help="seconds to wait for an answer (default: %(default)s)")
    found.add_argument(
        "--offers",
        action="append",
        default=[],
        metavar="FEATURE",
        help="a test runner feature that this server offers: provider (made-up keys of third-party services are accepted), "
        "in_cluster_models (models can be downloaded and deployed); may be repeated; the stand-in has both",
    )
    return found


def client_options(environment: Mapping[str, str]) -> dict[str, Any]:
    """Credentials and authority for httpx, from the environment."""
    options: dict[str, Any] = {}
    if environment.get("ELASTICSEARCH_API_KEY"):
        options["headers"] = {"Authorization": f"ApiKey {environment['ELASTICSEARCH_API_KEY']}"}
    elif environment.get("ELASTICSEARCH_USERNAME"):
        options["auth"] = (environment["ELASTICSEARCH_USERNAME"], environment.get("ELASTICSEARCH_PASSWORD", ""))
    if environment.get("ELASTICSEARCH_CA"):
        options["verify"] = ssl.create_default_context(cafile=environment["ELASTICSEARCH_CA"])
    return options


def table(results: Sequence[Result]) -> str:
    """Files, tests and outcomes in columns, the details of what did not pass, and a line of sums."""
    width = max((len(one.file) for one in results), default=0)
    lines = []
    for one in results:
        lines.append(f"{one.outcome:8}{one.file:{width + 2}}{one.test}")
        lines += [f"{'':8}{line}" for line in one.detail.splitlines()]
    sums = Counter(one.outcome for one in results)
    return "\n".join([*lines, "", f"{sums['passed']} passed, {sums['failed']} failed, {sums['skipped']} skipped"])


async def run(options: argparse.Namespace, environment: Mapping[str, str]) -> list[Result]:
    """Load all files, then run them. Raises SuiteError, ServerError, OSError, ValueError."""
    suites = [load(path) for path in options.files or sorted(SUITES.glob("*.yml"))]
    url, offers = options.url or environment.get("ELASTICSEARCH_URL"), frozenset(options.offers)
    if url:
        return await _run_at(
            suites, httpx.AsyncClient(base_url=url, timeout=options.timeout, **client_options(environment)), offers
        )
    return [result for suite in suites for result in await run_at_standin(suite, options.version, offers)]


async def run_at_standin(suite: Suite, release: str, offers: frozenset[str] = frozenset()) -> list[Result]:
    """Run a file against a stand-in of its own. Raises ValueError for a release that is none."""
    transport = StandInTransport(StandIn(version=str(Version.parse(release))))
    client = httpx.AsyncClient(base_url="http://standin", timeout=STANDIN_SECONDS, transport=transport)
    return await _run_at([suite], client, offers | OFFERS_OF_THE_STANDIN)


async def _run_at(suites: Sequence[Suite], client: httpx.AsyncClient, offers: frozenset[str]) -> list[Result]:
    async with client:
        server = await connect(client, offers)
        return [result for suite in suites for result in await run_suite(suite, server)]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print and answer the exit status."""
    found = parser()
    options = found.parse_args(arguments)
    try:
        results = asyncio.run(run(options, os.environ))
    except (SuiteError, ServerError, OSError, ValueError) as error:
        found.exit(2, f"{found.prog}: {error}\n")
    print(table(results))  # noqa: T201 (what the command is for)
    return 1 if any(one.outcome == FAILED for one in results) or all(one.outcome == SKIPPED for one in results) else 0


if __name__ == "__main__":
    sys.exit(main())
