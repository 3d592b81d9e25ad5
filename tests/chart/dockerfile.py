"""A Dockerfile as values: its stages and their instructions, build arguments with their defaults filled in.

Covers what ours uses: no heredocs, no escape directive, instructions in shell or in JSON form. A word of which this is not true
raises ValueError, so that a test never passes over something that it did not understand.
"""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_KNOWN = {"ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "FROM", "LABEL", "RUN", "USER", "WORKDIR"}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction; `text` is all that follows its name, in one line."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Of the JSON form, or as a shell would split the other one."""
        if self.text.startswith("["):
            found: list[str] = json.loads(self.text)
            return found
        return shlex.split(self.text)

    @property
    def pairs(self) -> dict[str, str]:
        """Of `ENV`, `LABEL` and `ARG`: `NAME=value …`."""
        return {name: value for name, _, value in (word.partition("=") for word in self.words)}

    @property
    def copied(self) -> tuple[str | None, tuple[str, ...], str]:
        """Of `COPY`: stage, sources, destination."""
        flags = [word for word in self.words if word.startswith("--")]
        *sources, destination = [word for word in self.words if word not in flags]
        stages = [flag.removeprefix("--from=") for flag in flags]
        if any(stage.startswith("--") for stage in stages):
            raise ValueError(f"COPY with other flags than --from: {self.text}")
        return (stages[0] if stages else None), tuple(sources), destination


@dataclass(frozen=True, slots=True)
class Stage:
    """`FROM base AS name` and what follows. The name of a stage that has none is empty."""

    base: str
    name: str
    instructions: tuple[Instruction, ...]

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]

    def one(self, name: str) -> Instruction:
        (found,) = self.all(name)
        return found

    @property
    def pairs(self) -> dict[str, dict[str, str]]:
        """All pairs of `ARG`, `ENV` and `LABEL`, by instruction."""
        merged: dict[str, dict[str, str]] = {"ARG": {}, "ENV": {}, "LABEL": {}}
        for instruction in self.instructions:
            if instruction.name in merged:
                merged[instruction.name] |= instruction.pairs
        return merged


@dataclass(frozen=True, slots=True)
class Dockerfile:
    """All stages; the last one is the image."""

    arguments: Mapping[str, str]
    stages: tuple[Stage, ...]

    @classmethod
    def parse(cls, text: str) -> Dockerfile:
        """Raises ValueError for an instruction that is not known here."""
        arguments: dict[str, str] = {}
        stages: list[Stage] = []
        for instruction in _instructions(text):
            if instruction.name == "FROM":
                base, name = _from(instruction)
                stages.append(Stage(_filled(base, arguments), name, ()))
            elif stages:
                last = stages[-1]
                stages[-1] = Stage(last.base, last.name, (*last.instructions, instruction))
            elif instruction.name == "ARG":
                arguments |= instruction.pairs
            else:
                raise ValueError(f"{instruction.name} before FROM")
        return cls(arguments, tuple(stages))

    def stage(self, name: str) -> Stage:
        return next(stage for stage in self.stages if stage.name == name)

    @property
    def image(self) -> Stage:
        return self.stages[-1]


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for logical in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if not logical.strip():
            continue
        name, _, rest = logical.strip().partition(" ")
        if name not in _KNOWN or rest.lstrip().startswith("<<"):
            raise ValueError(f"not understood: {logical}")
        yield Instruction(name, rest.strip())


def _from(instruction: Instruction) -> tuple[str, str]:
    match instruction.words:
        case [base]:
            return base, ""
        case [base, "AS", name]:
            return base, name
        case _:
            raise ValueError(f"FROM {instruction.text}")


def _filled(text: str, arguments: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], text)
