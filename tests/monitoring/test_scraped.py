"""A real Prometheus scrapes a real operator at work: every panel of the dashboard has data, and the rules are evaluated."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.cluster.conftest import plane
from tests.cluster.operating import eventually, operating
from tests.controlplane import ControlPlane
from tests.docs.metrics_page import DOCUMENTED
from tests.monitoring.activity import tell
from tests.monitoring.panels import Query, queries
from tests.monitoring.programs import Prometheus, prometheus
from tests.monitoring.rules import alerts

pytestmark = [pytest.mark.full, pytest.mark.xdist_group("monitoring")]
__all__ = ["plane"]  # the fixture
NAMESPACE = "watched"


@dataclass(frozen=True)
class Watched:
    """A Prometheus that has seen an operator at work since `begin`, in seconds since 1970."""

    prometheus: Prometheus
    begin: float

    def has_data(self, query: Query) -> bool:
        """True when some series has a number at some moment."""
        if query.kind != "timeseries":
            return any(not math.isnan(value) for _, value in self.prometheus.now(query.expression))
        found = self.prometheus.over(query.expression, self.begin, time.time(), 1.0)
        return any(not math.isnan(value) for _, points in found for _, value in points)


@pytest.fixture(scope="module")
def watched(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    plane.api.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    with operating(plane, tmp_path_factory.mktemp("operating")) as operator:
        port = operator.fix_metrics_port()
        with prometheus(f"127.0.0.1:{port}") as running:
            begin = time.time()
            tell(operator, NAMESPACE)
            yield Watched(running, begin)


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: f"{query.panel}: {query.legend}")
def test_a_panel_has_data(query: Query, watched: Watched) -> None:
    eventually(lambda: watched.has_data(query), f"data for {query.expression}")


def test_prometheus_knows_every_metric_of_the_page(watched: Watched) -> None:
    known = {name.removesuffix("_count") for name in watched.prometheus.ask("label/__name__/values")}
    assert known >= DOCUMENTED.keys()


def test_prometheus_evaluates_every_alert_without_an_error(watched: Watched) -> None:
    def evaluated() -> bool:
        return all(rule["health"] == "ok" for group in watched.prometheus.ask("rules")["groups"] for rule in group["rules"])

    eventually(evaluated, "every rule to be evaluated")
    rules = [rule for group in watched.prometheus.ask("rules")["groups"] for rule in group["rules"]]
    assert {rule["name"] for rule in rules} == set(alerts())
    firing = {rule["name"] for rule in rules if rule["state"] == "firing"}
    assert firing <= {"InferenceOperatorAbandoned"}, "an operator that works as it should wakes nobody"
