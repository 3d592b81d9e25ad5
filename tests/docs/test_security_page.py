"""The threat model keeps its word: every test that it names exists, and every threat has one or says that it has none."""

from __future__ import annotations

import ast
import re

import pytest

from tests.docs.markdown import Page
from tests.docs.pages import ROOT

PAGE = Page(ROOT / "docs" / "security.md")
NAMED = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE.path.read_text())
ROWS = [row.strip("|").split(" | ") for row in re.findall(r"^\| .+ \|$", PAGE.path.read_text(), re.MULTILINE)]
THREATS = [[cell.strip() for cell in row] for row in ROWS if row[0].strip() not in ("threat", "---")]
TOPICS = ("tenant", "Secret", "namespace", "SSRF", "log record", "huge", "nested", "regular expression", "Certificates", "hash")


def defined_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[f"{path}::{name}" for path, name in NAMED])
def test_a_test_that_is_named_exists(path: str, name: str) -> None:
    assert name in defined_in(path)


@pytest.mark.parametrize("row", THREATS, ids=lambda row: row[0])
def test_a_threat_has_a_control_and_a_test_or_says_that_it_has_none(row: list[str]) -> None:
    threat, control, *proof = row
    assert threat
    assert control
    assert "::" in "".join(proof) or control.startswith("No test")


def test_all_that_was_to_be_thought_of_is_there() -> None:
    text = PAGE.path.read_text()
    assert [topic for topic in TOPICS if topic not in text] == []
    assert len(THREATS) > 30
