"""Regular expressions meet texts of strangers: none of ours may take exponential time, told from its structure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parents[2] / "operator" / "inference_operator"
CALLS = {"compile", "fullmatch", "match", "search", "sub", "split", "findall", "finditer"}
parser: Any = re._parser  # type: ignore[attr-defined]  # the only way to see an expression's structure


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression that is written down, by its module."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and is_re(node.func) and node.args and (text := literal(node.args[0])) is not None:
                yield str(path.relative_to(SOURCE)), text


def is_re(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and function.attr in CALLS and ast.unparse(function.value) == "re"


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def endless(node: Any) -> bool:
    """True for a repetition without a bound that may be entered in more than one way."""
    return node[0] in (parser.MAX_REPEAT, parser.MIN_REPEAT) and node[1][1] is parser.MAXREPEAT


def parts(tree: Any) -> Iterator[Any]:
    """The nodes below, at any depth."""
    if isinstance(tree, parser.SubPattern):
        for node in tree.data:
            yield node
            yield from parts(node[1])
    elif isinstance(tree, tuple | list):
        for one in tree:
            yield from parts(one)


def is_dangerous(expression: str) -> bool:
    return any(endless(inner) for outer in parts(parser.parse(expression)) if endless(outer) for inner in parts(outer[1]))


@pytest.mark.parametrize(("module", "expression"), list(expressions()))
def test_no_repetition_without_end_holds_another(module: str, expression: str) -> None:
    assert not is_dangerous(expression), module


def test_a_dangerous_one_is_found_out() -> None:
    assert is_dangerous(r"(a+)+$")
    assert is_dangerous(r"^((?:[a-z]*x)*)$")
    assert not is_dangerous(r"[a-z]+-[0-9]+(\.[0-9]{1,3})?")
    assert len(list(expressions())) > 10
