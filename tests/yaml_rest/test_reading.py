"""Files into values: what the format allows, and what is refused with file and line."""

from __future__ import annotations

from typing import Any

import pytest

from tests.yaml_rest import SuiteError, parse
from tests.yaml_rest.paths import PathError, Stash, split
from tests.yaml_rest.suite import Check, Do, Keep, Transform, Warnings

FILE = """
setup:
  - do: { ping: {} }
---
teardown:
  - do:
      ingest.delete_pipeline:
        id: "p"
        ignore: 404
---
# A comment alone.
---
"First test":
  - skip:
      version: " - 8.18.99"
      reason: newer
  - do:
      catch: /too (big|small)/
      headers: { Authorization: Basic x }
      warnings: [ one ]
      allowed_warnings_regex: [ "two.*" ]
      ingest.put_pipeline:
        id: p
        body: >
          { "processors": [],
            "version": 1 }
  - match: { error.type: yes }
  - is_true: ''
  - is_false: a.b
  - set: { id: one, name: two }
  - transform_and_set: { login: "#base64EncodeCredentials(user,password)" }
---
"Second test":
  - do:
      bulk:
        body:
          - '{"index": {}}'
          - { a: 2026-01-01, b: 1e3, c: 010, d: .5, e: null, f: ~, g: on }
  - match:
      $body: >
        /^ a $/
"""


def test_a_file() -> None:
    suite = parse("a.yml", FILE)
    assert [test.name for test in suite.tests] == ["First test", "Second test"]
    assert suite.setup.steps == (Do(3, "ping", {}, headers={}),)
    assert suite.teardown.steps == (Do(6, "ingest.delete_pipeline", {"id": "p", "ignore": 404}, headers={}),)
    do, *rest = suite.tests[0].steps
    body = {"processors": [], "version": 1}
    warnings = Warnings(expected=("one",), allowed_regex=("two.*",))
    headers = {"Authorization": "Basic x"}
    assert do == Do(17, "ingest.put_pipeline", {"id": "p"}, (body,), "/too (big|small)/", headers, warnings)
    assert rest == [
        Check(27, "match", "error.type", "yes"),
        Check(28, "is_true", ""),
        Check(29, "is_false", "a.b"),
        Keep(30, {"id": "one", "name": "two"}),
        Transform(31, {"login": "#base64EncodeCredentials(user,password)"}),
    ]


def test_scalars_are_those_of_json() -> None:
    (_, second) = parse("a.yml", FILE).tests
    do, match = second.steps
    assert isinstance(do, Do)
    assert isinstance(match, Check)
    assert do.bodies == (
        {"index": {}},
        {"a": "2026-01-01", "b": 1000.0, "c": 10, "d": 0.5, "e": None, "f": None, "g": "on"},
    )
    assert (match.path, match.expected) == ("$body", "/^ a $/\n")


REFUSED: list[tuple[str, int, str]] = [
    ("", 1, "no test"),
    ("setup:\n  - do: { ping: {} }\n", 1, "no test"),
    ("- a\n", 1, "a section must be a name"),
    ("t: {}\n", 1, "must have a list of steps"),
    ("t:\n  - text\n", 2, "a step must be a name"),
    ("t:\n  - do: { ping: {} }\n---\nt:\n  - do: { ping: {} }\n", 4, "there is a section [t] already"),
    ("t:\n  - do: { ping: {}, ping: {} }\n", 2, "the key [ping] is given twice"),
    ("t:\n  - do: [\n", 3, "not YAML"),
    ("t:\n  - matches: { a: 1 }\n", 2, "unknown step [matches]"),
    ("t:\n  - match: { a: 1, b: 2 }\n", 2, "must be one path with one value"),
    ("t:\n  - match: a\n", 2, "must be one path with one value"),
    ("t:\n  - match: { a: '/(/' }\n", 2, "regular expression that is none"),
    ("t:\n  - is_true: { a: 1 }\n", 2, "[is_true] must be a path"),
    ("t:\n  - length: { a: many }\n", 2, "must have a number"),
    ("t:\n  - close_to: { a: 1 }\n", 2, "value and error"),
    ("t:\n  - matches_in_any_order: { a: 1 }\n", 2, "must have a list"),
    ("t:\n  - set: {}\n", 2, "at least one value"),
    ("t:\n  - do: ping\n", 2, "[do] must be an object"),
    ("t:\n  - do: { ping: {}, info: {} }\n", 2, "exactly one API"),
    ("t:\n  - do: { catch: missing }\n", 2, "exactly one API"),
    ("t:\n  - do: { ping: [] }\n", 2, "must be an object"),
    ("t:\n  - do: { catch: nonsense, ping: {} }\n", 2, "[catch] must be"),
    ("t:\n  - do: { catch: '/(/', ping: {} }\n", 2, "regular expression that is none"),
    ("t:\n  - do: { warnings: one, ping: {} }\n", 2, "[warnings] must be a list"),
    ("t:\n  - do: { warnings_regex: ['('], ping: {} }\n", 2, "regular expression that is none"),
    ("t:\n  - do: { node_selector: { version: current }, ping: {} }\n", 2, "[node_selector] is not supported"),
    ("t:\n  - do: { bulk: { body: '{\"a\"' } }\n", 2, "the body is not JSON"),
    ("t:\n  - do: { ping: {} }\n  - skip: { version: all, reason: r }\n", 3, "before the other steps"),
    ("t:\n  - skip: all\n", 2, "[skip] must be an object"),
    ("t:\n  - skip: { reason: r }\n", 2, "at least one condition"),
    ("t:\n  - skip: { version: all }\n", 2, "must give a reason"),
    ("t:\n  - requires: { cluster_features: a }\n", 2, "must give a reason"),
    ("t:\n  - requires: { version: all, reason: r }\n", 2, "[requires] does not know [version]"),
    ("t:\n  - skip: { version: 8.1.0, reason: r }\n", 2, "[version] must be like"),
    ("t:\n  - skip: { os: debian-8, reason: r }\n", 2, "by [os] is not supported"),
    ("t:\n  - skip: { known_issues: [{ cluster_feature: a }], reason: r }\n", 2, "[known_issues] expects"),
    ("t:\n  - requires: { capabilities: [{ method: GET }], reason: r }\n", 2, "[capabilities] expects"),
]


@pytest.mark.parametrize(("text", "line", "problem"), REFUSED)
def test_what_is_not_in_the_format_is_refused(text: str, line: int, problem: str) -> None:
    with pytest.raises(SuiteError) as refused:
        parse("bad.yml", text)
    assert str(refused.value).startswith(f"bad.yml:{line}: ")
    assert problem in str(refused.value)


def test_paths() -> None:
    assert split("a.0.b\\.c..d") == ["a", "0", "b.c", "d"]
    assert split("") == []


FOUND: list[tuple[str, Any]] = [
    ("", {"a": [{"b.c": 1}], "n1": {"x": 2}, "nothing": None}),
    ("a.0.b\\.c", 1),
    ("$node.x", 2),
    ("n${number}.x", 2),
    ("n1._arbitrary_key_", "x"),
    ("b.c.d", "missing"),
    ("nothing.at.all", None),
]


@pytest.mark.parametrize(("path", "value"), FOUND)
def test_finding(path: str, value: Any) -> None:
    stash = Stash()
    stash.keep("node", "n1")
    stash.keep("number", 1)
    assert stash.find(FOUND[0][1], path, missing="missing") == value


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a.1", "element 1 of a list of 1"),
        ("a.b", "a list, whose elements have numbers"),
        ("n1.x.y", "[y] in a number"),
        ("$who.x", "nothing is stashed as [$who]"),
    ],
)
def test_paths_that_cannot_fit(path: str, problem: str) -> None:
    with pytest.raises(PathError) as refused:
        Stash().find(FOUND[0][1], path)
    assert problem in str(refused.value)


def test_stashed_values_replace_themselves_everywhere() -> None:
    stash = Stash()
    stash.keep("host", "h1")
    stash.keep("list", [1])
    stash.keep("body", {"a": {"b": 2}})
    given = {"$host": ["$list", "x-${host}", {"${host}": "$body.a.b"}], "path": "$.data[*]", "price": "5 $"}
    assert stash.resolve(given) == {"h1": [[1], "x-h1", {"h1": 2}], "path": "$.data[*]", "price": "5 $"}
    with pytest.raises(PathError):
        stash.resolve("$unknown")
