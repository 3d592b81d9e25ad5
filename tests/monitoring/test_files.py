"""Alerts, runbooks and dashboard name metrics, labels, values, pages and panels that there are, and leave none out."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inference_operator.core.reasons import Reason
from inference_operator.shell.metrics.census import CONDITION_TYPES, TRUTHS
from inference_operator.shell.metrics.definitions import METRICS, PROCESS
from inference_operator.shell.metrics.meter import Result
from tests import yaml_documents
from tests.docs.markdown import Page
from tests.monitoring.panels import Query, queries
from tests.monitoring.rules import ROOT, RUNBOOKS, alerts, dashboard, panels, selectors

EXPRESSIONS = {name: rule["expr"] for name, rule in alerts().items()} | {
    f"{q.panel}: {q.legend}": q.expression for q in queries()
}
OF_THE_SCRAPE = {"job", "namespace", "instance"}
SERIES = {metric.name: set(metric.labels) for metric in (*METRICS, *PROCESS)}
for _histogram in (metric for metric in METRICS if metric.type == "histogram"):
    SERIES |= {f"{_histogram.name}_{suffix}": {*_histogram.labels, "le"} for suffix in ("bucket", "count", "sum")}
VALUES = {
    "condition": set(CONDITION_TYPES),
    "reason": {reason.value for reason in Reason},
    "result": {result.value for result in Result},
    "cause": {"breaker", "budget", "fenced"},
    "operation": {"info", "inference.list"},
    "status": {*TRUTHS, "2xx", "3xx", "4xx", "5xx"},
}
SEVERITIES = {"critical", "warning", "info"}


@pytest.mark.parametrize("expression", EXPRESSIONS.values(), ids=EXPRESSIONS)
def test_an_expression_names_metrics_labels_and_values_that_there_are(expression: str) -> None:
    found = list(selectors(expression))
    assert found
    for name, matched in found:
        assert name in SERIES
        assert matched.keys() <= SERIES[name] | OF_THE_SCRAPE
        for label, value in matched.items():
            assert label in OF_THE_SCRAPE or set(value.split("|")) <= VALUES[label]
    grouped = {label.strip() for labels in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for label in labels.split(",")}
    assert grouped <= set().union(*(SERIES[name] for name, _ in found)) | OF_THE_SCRAPE


@pytest.mark.parametrize("name", alerts())
def test_an_alert_says_how_bad_it_is_what_it_means_and_what_to_do(name: str) -> None:
    rule = alerts()[name]
    labels = {label for metric, _ in selectors(rule["expr"]) for label in SERIES[metric]} | OF_THE_SCRAPE
    annotations = rule["annotations"]
    assert re.fullmatch(r"InferenceOperator[A-Z]\w+", name)
    assert rule["labels"]["severity"] in SEVERITIES
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    told = f"{annotations['summary']} {annotations['description']}"
    assert set(re.findall(r"\$labels\.(\w+)", told)) <= labels
    for label in ("cluster", "kind"):
        assert (f"$labels.{label} }}" in told) == (re.search(rf"by \([^)]*\b{label}\b", rule["expr"]) is not None)


def test_each_alert_has_a_runbook_and_the_reverse() -> None:
    pages = {page.stem: page for page in RUNBOOKS.glob("*.md") if page.name != "README.md"}
    assert pages.keys() == alerts().keys()
    for name, rule in alerts().items():
        assert rule["annotations"]["runbook_url"].endswith(f"docs/runbooks/{name}.md")
        assert [text for _, text in Page(pages[name]).headings] == [name, "Meaning", "Impact", "Diagnosis", "Mitigation"]
        assert all(Page(pages[name]).section(part).strip() for part in ("Meaning", "Impact", "Diagnosis", "Mitigation"))


def test_the_list_of_runbooks_is_complete_and_in_the_order_of_the_rules() -> None:
    rows = re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| (\w+) \|$", Page(RUNBOOKS / "README.md").text, re.MULTILINE)
    assert rows == [(name, rule["labels"]["severity"]) for name, rule in alerts().items()]


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_field_that_a_runbook_reads_or_writes_exists(page: Path) -> None:
    commands = " ".join(command.text for command in Page(page).commands)
    read = [
        re.sub(r"\[.*?\)\]|\[\*\]", "", path) for path in re.findall(r"\.(status(?:\.\w+(?:\[\?\(.*?\)\]|\[\*\])?)+)", commands)
    ]
    written = [f"spec.{field}" for field in re.findall(r'\{"spec": \{"(\w+)"', commands)]
    for path in (*read, *written):
        assert any(has(crd, path.split(".")) for crd in SCHEMAS), path


SCHEMAS = [
    yaml_documents.document(path.read_text("utf-8"))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for path in sorted((ROOT / "crds").glob("*.yaml"))
]


def has(schema: dict[str, Any], path: list[str]) -> bool:
    """True when a field of that path is in the schema, also inside of lists."""
    inner = schema.get("items", schema)
    return not path or (path[0] in inner.get("properties", {}) and has(inner["properties"][path[0]], path[1:]))


def test_every_metric_of_the_operator_is_on_the_dashboard() -> None:
    shown = {name for query in queries() for name, _ in selectors(query.expression)}
    drawn = {name for metric in METRICS for name in (metric.name, f"{metric.name}_bucket") if name in shown}
    assert {metric.name for metric in METRICS} - {name.removesuffix("_bucket") for name in drawn} == NOT_DRAWN


NOT_DRAWN = {"inference_operator_objects_unreadable", "inference_operator_abandoned_total"}
"""Of what should never happen, and has an alert."""


def test_what_is_not_drawn_has_an_alert() -> None:
    watched = {name for rule in alerts().values() for name, _ in selectors(rule["expr"])}
    assert watched >= NOT_DRAWN


def test_panels_are_told_apart_say_what_they_show_and_do_not_overlap() -> None:
    board = dashboard()
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert len({panel["title"] for panel in panels()}) == len(list(panels()))
    assert all(panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"] for panel in panels())
    taken = Counter(
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    )
    assert set(taken.values()) == {1}
    assert max(x for x, _ in taken) < 24


COUNTED = {
    "objects",
    "object_conditions",
    "objects_not_ready",
    "objects_drifted",
    "model_allocations",
    "model_allocations_wanted",
}
"""What each replica of an operator tells alike, and what several operators have together."""


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: f"{query.panel}: {query.legend}")
def test_replicas_count_once_and_operators_add_up(query: Query) -> None:
    counted = [name for name, _ in selectors(query.expression) if name.removeprefix("inference_operator_") in COUNTED]
    found = re.findall(r"\bsum ?(?:by \([^)]*\) )?\(max by \(job, namespace, [^)]*\) \((\w+)\{", query.expression)
    assert found == counted


def test_something_is_counted() -> None:
    shown = {name.removeprefix("inference_operator_") for query in queries() for name, _ in selectors(query.expression)}
    assert shown >= COUNTED


def test_every_query_asks_the_data_source_that_was_chosen_of_the_operators_that_were() -> None:
    source = {"type": "prometheus", "uid": "${datasource}"}
    for panel in panels():
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"] == source
            for _, matched in selectors(target["expr"]):
                assert matched.items() >= {("job", "$job"), ("namespace", "$namespace")}
    variables = {each["name"] for each in dashboard()["templating"]["list"]}
    assert variables == {"datasource", "job", "namespace"}
