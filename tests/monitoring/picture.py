"""Draws the picture of the dashboard: its queries, asked of a Prometheus that watched an operator at work.

`python -m tests.monitoring.picture FILE` writes an SVG, `rsvg-convert FILE --output docs/images/dashboard.png` makes a PNG of it.
It is no screenshot of Grafana: the numbers are measured, the drawing is our own.
"""

from __future__ import annotations

import math
import re
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.cluster.operating import Operating, endpoint, eventually, operating, secret
from tests.controlplane import ControlPlane
from tests.monitoring.activity import PROBED, cut_off, forget_pipeline, pipeline, ready, tell
from tests.monitoring.drawing import Chart, Heading, Line, Panel, Place, Words, draw, written
from tests.monitoring.panels import Query, query
from tests.monitoring.programs import Prometheus, prometheus
from tests.monitoring.rules import ROOT, dashboard
from tests.standin import Fault

NAMESPACE, MANY, WAVES, LULL = "search", 40, 3, 6.0


def main() -> None:
    """Watch an operator for some minutes, draw what was seen."""
    with tempfile.TemporaryDirectory() as folder, ControlPlane() as plane:
        plane.kubectl("apply", "--server-side", f"--filename={ROOT / 'crds'}")
        plane.await_established("inferenceendpoints.inference-operator.io", "ingestpipelines.inference-operator.io")
        plane.kubectl("create", "namespace", NAMESPACE)
        with operating(plane, Path(folder)) as operator, prometheus(f"127.0.0.1:{operator.fix_metrics_port()}") as watching:
            operator.kill()
            operator.start()
            begin = time.time()
            work(operator)
            board = dashboard()
            drawn = list(panels_of(board, watching, begin, time.time()))
            Path(sys.argv[1]).write_text(draw(board["title"], drawn, begin, time.time()))


def work(operator: Operating) -> None:
    """A busy while: objects come in waves, are edited, are taken away; others interfere; Elasticsearch is slow, and gone."""
    operator.standin.change_pace(deployment=12.0)
    operator.standin.faults.add(Fault(method="PUT", path="/_inference/*", delay=0.04))
    tell(operator, NAMESPACE)
    for wave in range(WAVES):
        names = [f"wave-{wave}-{number}" for number in range(MANY)]
        operator.apply(NAMESPACE, *(endpoint(name, **(PROBED if number < 2 else {})) for number, name in enumerate(names)))
        operator.apply(NAMESPACE, *(pipeline(f"pipeline-{wave}-{number}") for number in range(MANY // 4)))
        ready(operator, NAMESPACE, *(f"infep/{name}" for name in names))
        operator.apply(NAMESPACE, secret(value=f"rotated-{wave}"))
        forget_pipeline(operator, f"pipeline-{wave}-0")
        threading.Event().wait(LULL)  # a lull, so that the waves can be told apart
    operator.apply(NAMESPACE, endpoint("unknown", service="nobody-offers-this"), endpoint("waits", **without_key()))
    cut_off(operator, NAMESPACE, *(endpoint(f"late-{number}") for number in range(5)))
    operator.plane.kubectl("delete", "infep", *(f"wave-1-{number}" for number in range(MANY)), f"--namespace={NAMESPACE}")
    eventually(lambda: "wave-1-0" not in operator.standin.endpoints, "the endpoint to be gone")
    threading.Event().wait(LULL)


def without_key() -> dict[str, Any]:
    """The settings of an endpoint whose Secret is missing."""
    reference = {"valueFrom": {"secretKeyRef": {"name": "not-there-yet", "key": "api-key"}}}
    return {"serviceSettings": {"model_id": "text-embedding-3-small", "api_key": reference}}


def panels_of(board: Mapping[str, Any], watching: Prometheus, begin: float, end: float) -> Iterator[Panel]:
    """Each panel with what its queries give."""
    for panel in board["panels"]:
        place = Place(**panel["gridPos"])
        if panel["type"] == "row":
            yield Heading(place, panel["title"])
            continue
        asked = [query(panel, target) for target in panel["targets"]]
        match panel["type"]:
            case "timeseries":
                stacked = "stacking" in panel["fieldConfig"]["defaults"]["custom"]
                yield Chart(place, panel["title"], asked[0].unit, list(lines(asked, watching, begin, end)), stacked)
            case "stat":
                yield Words(place, panel["title"], stats(asked[0], watching), big=True)
            case _:
                yield Words(place, panel["title"], list(table(asked, watching)))


def lines(asked: list[Query], watching: Prometheus, begin: float, end: float) -> Iterator[Line]:
    """Without those that have no number at all."""
    for each in asked:
        for labels, points in watching.over(each.expression, begin, end, 1.0):
            if any(not math.isnan(value) for _, value in points):
                yield Line(named(each.legend, labels), points)


def stats(asked: Query, watching: Prometheus) -> list[tuple[str, str]]:
    found = watching.now(asked.expression)
    if "version" in asked.legend:
        return [(labels["version"], "") for labels, _ in found]
    return [(written(value, asked.unit), named(asked.legend, labels)) for labels, value in found]


def table(asked: list[Query], watching: Prometheus) -> Iterator[list[str]]:
    count, oldest = (
        {(labels["kind"], labels["reason"]): value for labels, value in watching.now(each.expression)} for each in asked
    )
    yield ["kind", "reason", "objects", "oldest"]
    for key in sorted(count):
        yield [*key, f"{count[key]:.0f}", written(oldest.get(key, 0.0), "s")]


def named(legend: str, labels: Mapping[str, str]) -> str:
    """As Grafana fills in a legend; ports of a test are of no interest."""
    text = re.sub(r"\{\{(\w+)\}\}", lambda found: labels.get(found[1], ""), legend)
    return re.sub(r"127\.0\.0\.1:\d+", "operator-0", re.sub(r"https://(localhost|127\.0\.0\.1):\d+", "elasticsearch:9200", text))


if __name__ == "__main__":
    main()
