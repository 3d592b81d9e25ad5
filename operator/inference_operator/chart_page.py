"""The table of values in the chart's page: Markdown made from the comments of `values.yaml`.

A value is explained by the comment lines right above it, of which the first begins with `# -- `; they hold for it and all that
is below it. Decides what a row says. Reads and writes no file: that is the business of `inference_operator.manifests`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

BEGIN = "<!-- Generated from values.yaml by `make generate`. Do not edit between this line and the next marker. -->"
END = "<!-- End of what is generated. -->"

_KEY = re.compile(r"(?P<indent> *)(?P<name>[A-Za-z]\w*):")
_EXPLAINED = "# -- "


class NoPlaceError(ValueError):
    """The page has no place for the table: one of the two markers is missing, or they stand in the wrong order."""


class UnexplainedError(ValueError):
    """A value has no comment that begins with `# -- `."""


def refreshed(page: str, values: str) -> str:
    """The text of the page with the table of today. `values` is the text of `values.yaml`.

    Raises:
        NoPlaceError: The page does not have the markers.
        UnexplainedError: A value has no comment.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise NoPlaceError(f"the chart's README.md needs the line {BEGIN!r}, and after it the line {END!r}")
    return f"{before}{BEGIN}\n\n{render(values)}\n{END}{after}"


def render(values: str) -> str:
    """One row for each value: its path, its default as JSON, and what its comment says."""
    comments = dict(_comments(values))
    rows = [(path, json.dumps(value), comments.get(path)) for path, value in _leaves(yaml.safe_load(values), comments, "")]
    if silent := [path for path, _, comment in rows if comment is None]:
        raise UnexplainedError(f"values.yaml does not explain {', '.join(silent)}: put a comment that begins with '# -- ' above")
    lines = [f"| `{path}` | `{default}` | {str(comment).replace('|', chr(92) + '|')} |" for path, default, comment in rows]
    return "\n".join(["| value | default | meaning |", "| --- | --- | --- |", *lines, ""])


def _leaves(node: Mapping[str, Any], comments: Mapping[str, str], path: str) -> Iterator[tuple[str, Any]]:
    """Values that are explained, and those that are no group of explained ones."""
    for name, value in node.items():
        here = f"{path}{name}"
        if here not in comments and isinstance(value, Mapping) and value:
            yield from _leaves(value, comments, f"{here}.")
        else:
            yield here, value


def _comments(values: str) -> Iterator[tuple[str, str]]:
    """Path and explanation of each key that has one."""
    names: list[tuple[int, str]] = []
    said: list[str] = []
    for line in values.splitlines():
        text = line.strip()
        if text.startswith("#"):
            said = [text.removeprefix(_EXPLAINED)] if text.startswith(_EXPLAINED) else [*said, text.lstrip("# ")] if said else []
            continue
        if (key := _KEY.match(line)) is not None:
            indent = len(key["indent"])
            names = [*(above for above in names if above[0] < indent), (indent, key["name"])]
            if said:
                yield ".".join(name for _, name in names), " ".join(said)
        said = []
