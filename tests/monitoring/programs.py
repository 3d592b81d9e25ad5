"""promtool, and a Prometheus that scrapes one operator and answers queries. Both are built on first use."""

from __future__ import annotations

import json
import os
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import yaml

from tests.cluster.operating import eventually
from tests.controlplane.binaries import ensure_prometheus
from tests.controlplane.children import Children
from tests.controlplane.commands import run_command
from tests.monitoring.rules import ALERTS

_SECONDS = 60.0
Sample = tuple[Mapping[str, str], list[tuple[float, float]]]
"""The labels of a series, and its points: seconds since 1970 and value."""


def promtool(*arguments: str) -> str:
    """Standard output. Raises CommandFailedError with promtool's words."""
    program = ensure_prometheus()["promtool"]
    return run_command([program, *arguments], env=dict(os.environ), stdin=None, timeout=_SECONDS, look=lambda: None)


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    url: str

    def ask(self, path: str, **parameters: str) -> Any:
        """The `data` of an answer of its API. Raises HTTPError for an expression that it does not take."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.url}/api/v1/{path}?{query}", timeout=30) as answer:
            return json.load(answer)["data"]

    def now(self, expression: str) -> list[tuple[Mapping[str, str], float]]:
        """Each series of an instant query with its value."""
        found = self.ask("query", query=expression)["result"]
        return [(one["metric"], float(one["value"][1])) for one in found]

    def over(self, expression: str, start: float, end: float, step: float) -> list[Sample]:
        """Each series of a range query; times are seconds since 1970."""
        found = self.ask("query_range", query=expression, start=str(start), end=str(end), step=str(step))["result"]
        return [(one["metric"], [(float(at), float(value)) for at, value in one["values"]]) for one in found]

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError):
            return False


@contextmanager
def prometheus(target: str, interval: str = "1s") -> Iterator[Prometheus]:
    """Scrapes `target` (host and port) as the chart's ServiceMonitor has it scraped, and has the chart's rules loaded."""
    program = ensure_prometheus()["prometheus"]
    port = _free_port()
    labels = {"namespace": "operators", "pod": "inference-operator-0"}
    configuration = {
        "global": {"scrape_interval": interval, "evaluation_interval": interval},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [
            {"job_name": "inference-operator", "static_configs": [{"targets": [target], "labels": labels}]},
        ],
    }
    with Children() as children:
        file = children.directory / "prometheus.yaml"
        file.write_text(yaml.safe_dump(configuration))
        options = [
            f"--config.file={file}",
            f"--storage.tsdb.path={children.directory}/data",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        children.start("prometheus", [program, *options, "--query.lookback-delta=15s"], cwd=children.directory)
        running = Prometheus(f"http://127.0.0.1:{port}")
        eventually(running._is_ready, "Prometheus to be ready")
        yield running


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
    return port
