"""`python -m tests.standin`: the stand-in as a server of its own, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from tests.standin.command_line import build, parser, tls_files
from tests.standin.data_dir import DataDir, DataDirError
from tests.standin.serving import listen, server_for, url_of


async def run(options: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    data = DataDir(options.data_dir) if options.data_dir else None
    standin, tls = build(options, data), tls_files(options)
    bound = listen(options.host, options.port)
    server = server_for(standin, tls)

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    running = await server.run_until_up(bound)
    print(f"listening on {url_of(bound, tls)}", flush=True)  # noqa: T201 (this line is the interface)
    await running
    if data is not None:
        data.close()


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and serve; exits with 2 when an option makes no sense."""
    found = parser()
    options = found.parse_args(arguments)
    try:
        asyncio.run(run(options))
    except (DataDirError, ValueError, OSError) as error:
        found.error(str(error))


if __name__ == "__main__":
    main()
    sys.exit(0)
