"""The files that monitoring is made of, and what stands in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests import yaml_documents

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "charts" / "inference-operator" / "files" / "alerts.yaml"
DASHBOARD = ROOT / "charts" / "inference-operator" / "files" / "dashboard.json"
RUNBOOKS = ROOT / "docs" / "runbooks"


def alerts() -> dict[str, dict[str, Any]]:
    """Each alerting rule by its name. None may be there twice."""
    groups: list[dict[str, Any]] = yaml_documents.document(ALERTS.read_text("utf-8"))["groups"]
    found = [rule for group in groups for rule in group["rules"]]
    named = {rule["alert"]: rule for rule in found}
    assert len(named) == len(found), "an alert is there twice"
    return named


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    board: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
    return board


def panels() -> Iterator[dict[str, Any]]:
    """Every panel of the dashboard that shows data, those inside of rows included."""
    for panel in dashboard()["panels"]:
        yield from (inner for inner in (panel, *panel.get("panels", ())) if inner.get("targets"))


_SELECTOR = re.compile(r"\b((?:inference_operator|process)_\w+)(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)\s*\"([^\"]*)\"")


def selectors(expression: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Each metric of an expression with the labels that are matched, and what is asked of them."""
    for name, matchers in _SELECTOR.findall(expression):
        yield name, dict(_MATCHER.findall(matchers))
