"""What `docs/monitoring.md` has Alertmanager hold back is what the operator tells, and what the alerts are called."""

from __future__ import annotations

import re

from tests import yaml_documents
from tests.docs.markdown import Page
from tests.docs.pages import ROOT
from tests.docs.test_reasons_reached import STORIES
from tests.monitoring.rules import alerts

PAGE = Page(ROOT / "docs" / "monitoring.md")
RULES = next(
    document["inhibit_rules"]
    for block in PAGE.blocks
    if block.language == "yaml" and "inhibit_rules" in (document := yaml_documents.document(block.text))
)


def matched(rule: dict[str, list[str]], side: str) -> dict[str, str]:
    """The labels that a rule matches on that side, and what it asks of them."""
    return dict(re.findall(r'^(\w+)=~?"(.+)"$', "\n".join(rule[f"{side}_matchers"]), re.MULTILINE))


def test_the_reasons_held_back_while_an_object_is_stalled_are_those_that_always_stall() -> None:
    """One that others go on with by themselves would be held back for these, too."""
    (reasons,) = (
        matched(rule, "target")["reason"]
        for rule in RULES
        if matched(rule, "source")["alertname"] == "InferenceOperatorObjectsStalled"
    )
    unready = [story for story in STORIES if {"Ready=False", "Ready=Unknown"} & story.shown]
    stalling, other = (
        {story.reason.value for story in unready if ("Stalled=True" in story.shown) is stalls} for stalls in (True, False)
    )
    assert reasons.split("|") == sorted(stalling - other)


def test_the_alerts_that_are_named_exist() -> None:
    sides = [matched(rule, side)["alertname"] for rule in RULES for side in ("source", "target")]
    assert all(any(re.fullmatch(side, name) for name in alerts()) for side in sides)
    grouped = [
        f"InferenceOperator{name}" for side in sides for group in re.findall(r"\((.+)\)", side) for name in group.split("|")
    ]
    assert grouped
    assert set(grouped) <= set(alerts())
