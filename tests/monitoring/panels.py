"""What Grafana makes of the dashboard before it asks Prometheus: one query for each target, with every variable filled in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.monitoring.rules import panels

_VARIABLES = {"$__rate_interval": "15s", "$job": ".*", "$namespace": ".*"}
"""As for a scrape every second and with `All` chosen; Grafana's own rule is four times the scrape interval."""


@dataclass(frozen=True)
class Query:
    """What one line of a panel asks."""

    panel: str
    kind: str
    expression: str
    legend: str
    unit: str


def queries() -> Iterator[Query]:
    """All queries, in the order of the panels."""
    for panel in panels():
        for target in panel["targets"]:
            yield query(panel, target)


def query(panel: Mapping[str, Any], target: Mapping[str, Any]) -> Query:
    """That of one target."""
    expression: str = target["expr"]
    for variable, value in _VARIABLES.items():
        expression = expression.replace(variable, value)
    unit: str = panel["fieldConfig"]["defaults"]["unit"]
    return Query(panel["title"], panel["type"], expression, target["legendFormat"], unit)
