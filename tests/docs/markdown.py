"""What a page consists of, as far as tests ask for it: headings, links, fenced blocks, commands with their output.

Conventions of our pages: in a `console` block a line that begins with `$ ` is a command, which tests run, and what follows it
is its output; a `yaml` block whose first line is a comment with a file name is that file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_FENCE = re.compile(r"^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<text>.*?)^(?P=indent)```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"# (?P<name>[\w-]+\.yaml)\n")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^(?P<marks>#+) (?P<text>.+)$", re.MULTILINE)
_CODE = re.compile(r"`[^`\n]+`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block, its indent taken away. `line` counts from 1, that of its first line of text."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The name of the file that the block is."""
        found = _FILE.match(self.text)
        return found["name"] if found else None


@dataclass(frozen=True, slots=True)
class Command:
    """What is typed after a prompt, lines that go on included, and what the page shows as its output."""

    text: str
    output: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Page:
    """A Markdown file."""

    path: Path

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(
            Block(found["language"], _outdented(found["text"], found["indent"]), self._line(found.start("text")))
            for found in _FENCE.finditer(self.text)
        )

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return [found["target"] for found in _LINK.finditer(_CODE.sub("", self.prose))]

    @property
    def anchors(self) -> set[str]:
        """What a link to a heading ends with, as GitHub makes it: one that comes again gets a number."""
        plain = [re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for _, text in self.headings]
        return {f"{name}-{before}" if (before := plain[:place].count(name)) else name for place, name in enumerate(plain)}

    @property
    def headings(self) -> list[tuple[int, str]]:
        """Depth and text of every heading."""
        return [(len(found["marks"]), found["text"]) for found in _HEADING.finditer(self.prose)]

    @property
    def commands(self) -> list[Command]:
        """Every command after a prompt, in the order of the page."""
        return [command for block in self.blocks if block.language == "console" for command in _commands(block)]

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of the same depth or above."""
        marks = next("#" * depth for depth, text in self.headings if text == heading)
        below = self.text.split(f"\n{marks} {heading}\n", 1)[1]
        return re.split(rf"\n#{{1,{len(marks)}}} ", below, maxsplit=1)[0]

    def _line(self, position: int) -> int:
        return self.text.count("\n", 0, position) + 1


def _outdented(text: str, indent: str) -> str:
    return "".join(line.removeprefix(indent) for line in text.splitlines(keepends=True))


def _commands(block: Block) -> Iterator[Command]:
    typed: list[str] = []
    output: list[str] = []
    line = 0
    for number, text in enumerate(block.text.splitlines(), start=block.line):
        goes_on = bool(typed) and not output and typed[-1].endswith("\\")
        if text.startswith("$ ") or goes_on:
            if typed and not goes_on:
                yield Command("\n".join(typed), tuple(output), line)
                typed, output = [], []
            line = line if goes_on else number
            typed.append(text.removeprefix("$ "))
        elif typed:
            output.append(text)
    if typed:
        yield Command("\n".join(typed), tuple(output), line)
