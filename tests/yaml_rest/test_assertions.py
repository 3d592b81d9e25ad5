"""Every assertion of the format, held and broken."""

from __future__ import annotations

from typing import Any

import pytest

from tests.yaml_rest.assertions import ASSERTIONS, MISSING, compare

HOLDS: list[tuple[str, Any, Any]] = [
    ("match", 1, 1.0),
    ("match", {"a": [1, {"b": None}]}, {"a": [1.0, {"b": None}]}),
    ("match", MISSING, None),
    ("match", "a b", "/^a \\s b$/"),
    ("match", "12 ab", "/ \\d+   # digits\n \\s [a-z]+ /"),
    ("match", "x/y", "x/y"),
    ("match", "//", "//"),
    ("match", "within the text", "/the/"),
    ("is_true", "x", None),
    ("is_true", {}, None),
    ("is_true", [], None),
    ("is_true", True, None),
    ("is_false", MISSING, None),
    ("is_false", None, None),
    ("is_false", 0, None),
    ("is_false", "False", None),
    ("is_false", False, None),
    ("exists", "", None),
    ("exists", False, None),
    ("not_exists", MISSING, None),
    ("length", "four", 4),
    ("length", [1, 2], "2"),
    ("length", {"a": 1}, 1),
    ("gt", 2, 1.5),
    ("gte", 2, 2),
    ("lt", -1, 0),
    ("lte", 0.5, 0.5),
    ("contains", [{"a": 1, "b": 2}, 3], {"a": 1}),
    ("contains", "must be mapped", "be map"),
    ("close_to", 0.99, {"value": 1, "error": 0.02}),
    ("is_after", "2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00Z"),
    ("matches_in_any_order", ["a", {"b": 1}, "a"], [{"b": 1.0}, "a", "a"]),
]
BROKEN: list[tuple[str, Any, Any, str, str]] = [
    ("match", 1, 2, "2", "1"),
    ("match", True, 1, "1", "true"),
    ("match", 0, False, "false", "0"),
    ("match", "1", 1, "1", "'1'"),
    ("match", None, {}, "{}", "null"),
    ("match", MISSING, "a", "'a'", "nothing"),
    ("match", "a", None, "null", "'a'"),
    ("match", {"a": 1, "b": 2}, {"a": 1}, "{'a': 1}", "{'a': 1, 'b': 2}"),
    ("match", [1, 2], [2, 1], "[2, 1]", "[1, 2]"),
    ("match", [1], [1, 1], "[1, 1]", "[1]"),
    ("match", "a b", "/^b/", "text that matches /^b/", "'a b'"),
    ("match", "ab", "/a\\ b/", "text that matches /a\\ b/", "'ab'"),
    ("match", 12, "/12/", "text that matches /12/", "12"),
    ("is_true", MISSING, None, "a value that is not false, 0, empty text or null", "nothing"),
    ("is_true", "false", None, "a value that is not false, 0, empty text or null", "'false'"),
    ("is_true", 0, None, "a value that is not false, 0, empty text or null", "0"),
    ("is_true", "", None, "a value that is not false, 0, empty text or null", "''"),
    ("is_false", {}, None, "nothing, null, false, 0 or empty text", "{}"),
    ("is_false", "no", None, "nothing, null, false, 0 or empty text", "'no'"),
    ("exists", MISSING, None, "any value", "nothing"),
    ("exists", None, None, "any value", "null"),
    ("not_exists", "", None, "nothing", "''"),
    ("length", [1, 2], 3, "length 3", "length 2: [1, 2]"),
    ("length", 5, 1, "text, a list or an object of length 1", "5"),
    ("gt", 1, 1, "a number greater than 1", "1"),
    ("gt", "2", 1, "a number greater than 1", "'2'"),
    ("gt", True, 0, "a number greater than 0", "true"),
    ("gte", 0, 1, "a number greater than or equal to 1", "0"),
    ("lt", 1, 1, "a number less than 1", "1"),
    ("lte", 2, 1, "a number less than or equal to 1", "2"),
    ("contains", [{"a": 2}, {"b": 1}], {"a": 1}, "a list with an object that has {'a': 1}", "[{'a': 2}, {'b': 1}]"),
    ("contains", "abc", "cb", "text that contains 'cb'", "'abc'"),
    ("contains", ["a"], "a", "a list of objects, or text, that contains 'a'", "['a']"),
    ("close_to", 1.1, {"value": 1, "error": 0.05}, "a number within 0.05 of 1", "1.1"),
    ("close_to", "1", {"value": 1, "error": 1}, "a number within 1 of 1", "'1'"),
    ("is_after", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "a time after 2026-01-01T00:00:00Z", "'2026-01-01T00:00:00Z'"),
    ("is_after", "soon", "2026-01-01T00:00:00Z", "a time after 2026-01-01T00:00:00Z", "'soon'"),
    ("matches_in_any_order", ["a", "a"], ["a", "b"], "a list of ['a', 'b'] in any order", "['a', 'a']"),
    ("matches_in_any_order", ["a"], ["a", "b"], "a list of ['a', 'b'] in any order", "['a']"),
    ("matches_in_any_order", "a", ["a"], "a list of ['a'] in any order", "'a'"),
]


@pytest.mark.parametrize(("kind", "got", "expected"), HOLDS)
def test_holds(kind: str, got: Any, expected: Any) -> None:
    assert compare(kind, got, expected) is None


@pytest.mark.parametrize(("kind", "got", "expected", "says_expected", "says_got"), BROKEN)
def test_breaks_and_says_why(kind: str, got: Any, expected: Any, says_expected: str, says_got: str) -> None:
    mismatch = compare(kind, got, expected)
    assert mismatch is not None
    assert (mismatch.expected, mismatch.got) == (says_expected, says_got)


def test_every_assertion_is_seen_to_hold_and_to_break() -> None:
    assert {row[0] for row in HOLDS} == set(ASSERTIONS) == {row[0] for row in BROKEN}
