"""A runner for Elastic's YAML REST test format, and suites of our own in it.

`suite.load` reads a file, `server.connect` a cluster, `running.run_suite` runs the one against the other;
`python -m tests.yaml_rest` does it from a shell. Imports nothing of the stand-in but in `__main__`.
"""

from tests.yaml_rest.documents import SuiteError
from tests.yaml_rest.running import FAILED, PASSED, SKIPPED, Result, failures, run_suite
from tests.yaml_rest.server import Server, ServerError, connect
from tests.yaml_rest.suite import Suite, load, parse

__all__ = [
    "FAILED",
    "PASSED",
    "SKIPPED",
    "Result",
    "Server",
    "ServerError",
    "Suite",
    "SuiteError",
    "connect",
    "failures",
    "load",
    "parse",
    "run_suite",
]
