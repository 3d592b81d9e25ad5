"""YAML files as the format reads them: documents in order, every step with the line that it starts on.

Differs from PyYAML's own reading where Elasticsearch's parser does: only `true`/`false` are booleans, dates stay text, and a
key given twice is an error. Knows nothing of tests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

_SCALARS: dict[str, tuple[re.Pattern[str], str]] = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), "~nN\0"),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), "tTfF"),
    "int": (re.compile(r"^[-+]?[0-9]+$"), "-+0123456789"),
    "float": (re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), "-+.0123456789"),
}


class SuiteError(Exception):
    """A file that is not in the format. The text says file, line, what is wrong and what is expected."""

    def __init__(self, file: str, line: int, problem: str) -> None:
        super().__init__(f"{file}:{line}: {problem}")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a step with its value, and the line it stands on."""

    line: int
    key: str
    value: Any


@dataclass(frozen=True, slots=True)
class Block:
    """One named section of a file (`setup`, `teardown` or the name of a test) with its steps."""

    line: int
    name: str
    entries: tuple[Entry, ...]


_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # PyYAML's fast one, where it was built with libyaml


class _Loader(_Base):  # type: ignore[misc]
    """The core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's way to register)

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        return int(self.construct_scalar(node))  # a leading zero makes no octal number

    def construct_number(self, node: yaml.ScalarNode) -> float:
        return float(self.construct_scalar(node))

    def construct_strict_mapping(self, node: yaml.MappingNode) -> dict[str, Any]:
        self._check_keys(node)
        return {self._key(key): self.construct_object(value, deep=True) for key, value in node.value}

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise yaml.MarkedYAMLError(problem="a key must be text", problem_mark=node.start_mark)
        return str(node.value)

    def _check_keys(self, node: yaml.MappingNode) -> None:
        seen: set[str] = set()
        for key, _ in node.value:
            name = self._key(key)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"the key [{name}] is given twice", problem_mark=key.start_mark)
            seen.add(name)

    def entries(self, node: yaml.MappingNode) -> Iterator[Entry]:
        """The pairs of a mapping, each with its line."""
        self._check_keys(node)
        for key, value in node.value:
            yield Entry(key.start_mark.line + 1, self._key(key), self.construct_document(value))


for _name, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", _pattern, ["" if one == "\0" else one for one in _first])
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_whole_number)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_number)
_Loader.add_constructor("tag:yaml.org,2002:map", _Loader.construct_strict_mapping)


def blocks(file: str, text: str) -> tuple[Block, ...]:
    """The sections of a file, in order. Raises SuiteError."""
    loader = _Loader(text)
    found: list[Block] = []
    try:
        while loader.check_node():
            found.extend(_blocks_of(loader, file, loader.get_node()))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise SuiteError(file, mark.line + 1 if mark else 1, f"not YAML as the format has it: {error.problem}") from error
    finally:
        loader.dispose()
    return tuple(found)


def _blocks_of(loader: _Loader, file: str, document: yaml.Node | None) -> Iterator[Block]:
    if document is None or (isinstance(document, yaml.ScalarNode) and document.value == ""):
        return  # nothing, or a comment, between two lines of dashes
    if not isinstance(document, yaml.MappingNode):
        raise SuiteError(file, document.start_mark.line + 1, "a section must be a name with a list of steps")
    for key, steps in document.value:
        line = key.start_mark.line + 1
        if not isinstance(steps, yaml.SequenceNode):
            raise SuiteError(file, line, f"the section [{key.value}] must have a list of steps")
        yield Block(line, str(key.value), tuple(entry for step in steps.value for entry in _entries_of(loader, file, step)))


def _entries_of(loader: _Loader, file: str, step: yaml.Node) -> Iterator[Entry]:
    if not isinstance(step, yaml.MappingNode):
        raise SuiteError(file, step.start_mark.line + 1, "a step must be a name with its arguments, such as `- do: …`")
    return loader.entries(step)
