"""What a file says, as values: setup, teardown and tests, each a list of steps with its line.

Everything that can be wrong with a file is found here, before anything is sent. Sends nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.yaml_rest.assertions import ASSERTIONS, WITHOUT_VALUE, pattern_of
from tests.yaml_rest.documents import Block, Entry, SuiteError, blocks
from tests.yaml_rest.prerequisites import Prerequisite, read_prerequisite

CATCHES: Mapping[str, frozenset[int]] = {
    "bad_request": frozenset({400}),
    "unauthorized": frozenset({401}),
    "forbidden": frozenset({403}),
    "missing": frozenset({404}),
    "request_timeout": frozenset({408}),
    "conflict": frozenset({409}),
    "gone": frozenset({410}),
    "unavailable": frozenset({503}),
}
NAMED_STATUSES = frozenset().union(*CATCHES.values()) - {503}
_WARNINGS = ("warnings", "warnings_regex", "allowed_warnings", "allowed_warnings_regex")


@dataclass(frozen=True, slots=True)
class Warnings:
    """What `Warning` headers an answer must (`expected`) and may (`allowed`) have: as whole texts or as patterns."""

    expected: tuple[str, ...] = ()
    expected_regex: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    allowed_regex: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Do:
    """A call of an API. `bodies`: none, one JSON value, or several lines; `catch`: the error that must come."""

    line: int
    api: str
    arguments: Mapping[str, Any]
    bodies: tuple[Any, ...] = ()
    catch: str | None = None
    headers: Mapping[str, str] | None = None
    warnings: Warnings = Warnings()


@dataclass(frozen=True, slots=True)
class Check:
    """An assertion about the last answer."""

    line: int
    kind: str
    path: str
    expected: Any = None


@dataclass(frozen=True, slots=True)
class Keep:
    """`set`: values of the last answer, path to name, that later steps use as `$name`."""

    line: int
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Transform:
    """`transform_and_set`: name to text, where `#base64EncodeCredentials(a,b)` and `#base64Encode(text)` are carried out."""

    line: int
    names: Mapping[str, str]


Step = Do | Check | Keep | Transform


@dataclass(frozen=True, slots=True)
class Section:
    """The steps of setup, teardown or a test, and what must hold for it to run at all."""

    line: int
    name: str
    steps: tuple[Step, ...] = ()
    prerequisites: tuple[Prerequisite, ...] = ()


@dataclass(frozen=True, slots=True)
class Suite:
    """A file. `prerequisites` are those of setup and teardown: they hold for every test."""

    file: str
    setup: Section
    teardown: Section
    tests: tuple[Section, ...]

    @property
    def prerequisites(self) -> tuple[Prerequisite, ...]:
        return (*self.setup.prerequisites, *self.teardown.prerequisites)


def load(path: Path) -> Suite:
    """Read a file. Raises SuiteError, or OSError."""
    return parse(path.name, path.read_text(encoding="utf-8"))


def parse(file: str, text: str) -> Suite:
    """Read the text of a file. Raises SuiteError."""
    sections: dict[str, Section] = {}
    for block in blocks(file, text):
        if block.name in sections:
            raise SuiteError(file, block.line, f"there is a section [{block.name}] already")
        sections[block.name] = _section(file, block)
    setup = sections.pop("setup", Section(1, "setup"))
    teardown = sections.pop("teardown", Section(1, "teardown"))
    if not sections:
        raise SuiteError(file, 1, "the file has no test")
    return Suite(file, setup, teardown, tuple(sections.values()))


def _section(file: str, block: Block) -> Section:
    prerequisites: list[Prerequisite] = []
    steps: list[Step] = []
    for entry in block.entries:
        if entry.key in ("skip", "requires"):
            if steps:
                raise SuiteError(file, entry.line, f"[{entry.key}] must stand before the other steps")
            prerequisites.append(read_prerequisite(file, entry))
        else:
            steps.append(_step(file, entry))
    return Section(block.line, block.name, tuple(steps), tuple(prerequisites))


def _step(file: str, entry: Entry) -> Step:
    if entry.key == "do":
        return _do(file, entry)
    if entry.key == "set":
        return Keep(entry.line, _names(file, entry))
    if entry.key == "transform_and_set":
        return Transform(entry.line, _names(file, entry))
    if entry.key in ASSERTIONS:
        return _check(file, entry)
    known = ", ".join(["do", "set", "transform_and_set", *ASSERTIONS])
    raise SuiteError(file, entry.line, f"unknown step [{entry.key}]; there are {known}")


def _names(file: str, entry: Entry) -> dict[str, str]:
    if not isinstance(entry.value, Mapping) or not entry.value:
        raise SuiteError(file, entry.line, f"[{entry.key}] must be an object with at least one value")
    return {key: str(value) for key, value in entry.value.items()}


def _check(file: str, entry: Entry) -> Check:
    if entry.key in WITHOUT_VALUE:
        if isinstance(entry.value, Mapping | list):
            raise SuiteError(file, entry.line, f"[{entry.key}] must be a path, such as `- {entry.key}: a.b`")
        return Check(entry.line, entry.key, "" if entry.value is None else str(entry.value))
    if not isinstance(entry.value, Mapping) or len(entry.value) != 1:
        raise SuiteError(
            file, entry.line, f"[{entry.key}] must be one path with one value, such as `- {entry.key}: {{ a.b: 1 }}`"
        )
    ((path, expected),) = entry.value.items()
    problem = _expectation_problem(entry.key, expected)
    if problem:
        raise SuiteError(file, entry.line, f"[{entry.key}] {problem}")
    return Check(entry.line, entry.key, path, expected)


def _expectation_problem(kind: str, expected: Any) -> str | None:
    if kind == "length" and not str(expected).isdigit():
        return f"must have a number, not [{expected}]"
    if kind == "close_to" and (not isinstance(expected, Mapping) or set(expected) != {"value", "error"}):
        return "must have an object with value and error"
    if kind == "matches_in_any_order" and not isinstance(expected, list):
        return "must have a list"
    if kind == "match":
        return _pattern_problem(pattern_of(expected), re.VERBOSE)
    return None


def _pattern_problem(pattern: str | None, flags: int = 0) -> str | None:
    try:
        re.compile(pattern or "", flags)
    except re.error as error:
        return f"has a regular expression that is none: {error}"
    return None


def _do(file: str, entry: Entry) -> Do:
    if not isinstance(entry.value, Mapping):
        raise SuiteError(file, entry.line, "[do] must be an object with the call of one API")
    given = dict(entry.value)
    catch, headers = given.pop("catch", None), given.pop("headers", None)
    if "node_selector" in given:
        raise SuiteError(file, entry.line, "[node_selector] is not supported")
    warnings = Warnings(*(_texts(file, entry, name, given.pop(name, [])) for name in _WARNINGS))
    if catch is not None:
        _check_catch(file, entry, str(catch))
    if len(given) != 1:
        raise SuiteError(file, entry.line, f"[do] must call exactly one API, not [{', '.join(given)}]")
    ((api, arguments),) = given.items()
    if not isinstance(arguments, Mapping | None):
        raise SuiteError(file, entry.line, f"the arguments of [{api}] must be an object")
    rest = dict(arguments or {})
    bodies = tuple(_bodies(file, entry, rest.pop("body"))) if "body" in rest else ()
    named = {name: str(value) for name, value in (headers or {}).items()}
    return Do(entry.line, api, rest, bodies, None if catch is None else str(catch), named, warnings)


def _texts(file: str, entry: Entry, name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise SuiteError(file, entry.line, f"[{name}] must be a list")
    texts = tuple(map(str, value))
    problems = [_pattern_problem(text) for text in texts] if name.endswith("_regex") else []
    if any(problems):
        raise SuiteError(file, entry.line, f"[{name}] {next(filter(None, problems))}")
    return texts


def _check_catch(file: str, entry: Entry, catch: str) -> None:
    if catch not in CATCHES and catch not in ("request", "param") and pattern_of(catch) is None:
        known = ", ".join([*CATCHES, "request", "param"])
        raise SuiteError(file, entry.line, f"[catch] must be /a regular expression/ or one of {known}, not [{catch}]")
    problem = _pattern_problem(pattern_of(catch))
    if problem:
        raise SuiteError(file, entry.line, f"[catch] {problem}")


def _bodies(file: str, entry: Entry, body: Any) -> Iterator[Any]:
    """A body as its JSON values: text may hold several, and lists are the lines of a bulk request."""
    for part in body if isinstance(body, list) else [body]:
        if isinstance(part, str):
            yield from _json_values(file, entry, part)
        else:
            yield part


def _json_values(file: str, entry: Entry, text: str) -> Sequence[Any]:
    decoder, values, rest = json.JSONDecoder(), [], text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except ValueError as error:
            raise SuiteError(file, entry.line, f"the body is not JSON: {error}") from error
        values.append(value)
        rest = rest[end:].strip()
    return values
