"""Chunking settings: strategies, their fields and bounds, and the defaults.

Decides what is stored for a `chunking_settings` block; whether a task has chunking at all is decided by the caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.standin.errors import illegal_argument
from tests.standin.setting_parsers import Block
from tests.standin.version import Version

SCOPE = "chunking_settings"
DEFAULT: Mapping[str, Any] = {"strategy": "sentence", "max_chunk_size": 250, "sentence_overlap": 1}
BEFORE_CHUNKING: Mapping[str, Any] = {"strategy": "word", "max_chunk_size": 250, "overlap": 100}
"""How an endpoint reads back that was stored without chunking settings."""

_FIELDS = {
    "sentence": ("strategy", "max_chunk_size", "sentence_overlap"),
    "word": ("strategy", "max_chunk_size", "overlap"),
    "recursive": ("strategy", "max_chunk_size", "separators", "separator_group"),
    "none": ("strategy",),
}
# The separators of a group, as stored; the lists themselves are unverified (a GET of such an endpoint settles them).
_SEPARATOR_GROUPS = {
    "plaintext": ["(?<!\\n)\\n\\n(?!\\n)", "(?<!\\n)\\n(?!\\n)"],
    "markdown": ["\n# ", "\n## ", "\n### ", "\n#### ", "\n##### ", "\n###### ", "\n^(?!\\s*$).*\\n-{1,}\\n"],
}
_MIN_SENTENCE = 20
_MIN_WORD = 10


def parse_chunking(given: Any, version: Version) -> Mapping[str, Any]:
    """The settings to store for what the request holds; an absent or empty block means the default."""
    if not given:
        return DEFAULT
    if not isinstance(given, dict):
        # Not a map: unverified; a create with "chunking_settings": 1 settles it.
        raise illegal_argument("[chunking_settings] must be an object")
    strategy = str(given.get("strategy", "")).strip().lower()
    if not strategy:
        raise illegal_argument("Can't generate Chunker without ChunkingStrategy provided")
    known = ("sentence", "word", "recursive", "none") if version.since("9.1") else ("sentence", "word")
    if strategy not in known:
        raise illegal_argument(f"Invalid chunkingStrategy {given['strategy']}")
    block = Block(SCOPE, dict(given))
    _refuse_foreign_fields(block, strategy)
    parsed = {"strategy": strategy} | _PARSERS[strategy](block, version)
    block.check()
    return parsed


def _refuse_foreign_fields(block: Block, strategy: str) -> None:
    foreign = [key for key in block.left if key not in _FIELDS[strategy]]
    if foreign and strategy != "none":
        block.errors.append(
            f"{strategy.capitalize()} based chunking settings can not have the following settings: [{', '.join(foreign)}]"
            if strategy != "recursive"
            else f"Recursive chunking settings can not have the following settings: [{', '.join(foreign)}]"
        )


def _whole_number(block: Block, name: str) -> int | None:
    value = block.left.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        block.wrong_type(name, value, "Integer")
        return None
    return value


def _size(block: Block, low: int, high: int | None) -> int:
    size = _whole_number(block, "max_chunk_size")
    if size is None:
        if "max_chunk_size" not in block.left:
            block.missing("max_chunk_size")
    elif size <= 0:
        block.invalid(f"Invalid value [{size}]. [max_chunk_size] must be a positive integer")
    elif size < low:
        block.invalid(f"Invalid value [{size}.0]. [max_chunk_size] must be a greater than or equal to [{low}.0]")
    elif high is not None and size > high:
        block.invalid(f"Invalid value [{size}.0]. [max_chunk_size] must be a less than or equal to [{high}.0]")
    return size or 0


def _sentence(block: Block, version: Version) -> dict[str, Any]:
    size = _size(block, _MIN_SENTENCE, None if version.since("8.19", "9.1") else 300)
    overlap = _whole_number(block, "sentence_overlap")
    if overlap is not None and overlap not in (0, 1):
        block.errors.append(f"sentence_overlap[{overlap}] must be either 0 or 1")
    return {"max_chunk_size": size, "sentence_overlap": 1 if overlap is None else overlap}


def _word(block: Block, version: Version) -> dict[str, Any]:
    size = _size(block, _MIN_WORD, None)
    overlap = _whole_number(block, "overlap")
    if overlap is None and "overlap" not in block.left:
        block.missing("overlap")
    elif overlap is not None and overlap > size // 2:
        block.invalid(f"Invalid value [{overlap}]. [overlap] must be less than or equal to [{size // 2}]")
    return {"max_chunk_size": size, "overlap": overlap or 0}


def _recursive(block: Block, version: Version) -> dict[str, Any]:
    size = _size(block, _MIN_WORD, None)
    group, separators = block.left.get("separator_group"), block.left.get("separators")
    if group is not None and separators is not None:
        # Unverified wording; a create with both settles it.
        block.errors.append("Recursive chunking settings can not have both separators and separator_group")
    if group is not None and str(group).lower() not in _SEPARATOR_GROUPS:
        block.invalid(f"Invalid value [{group}] received. [separator_group] must be one of [markdown, plaintext]")
    chosen = separators or _SEPARATOR_GROUPS.get(str(group or "plaintext").lower())
    return {"max_chunk_size": size, "separators": chosen}


def _none(block: Block, version: Version) -> dict[str, Any]:
    return {}


_PARSERS = {"sentence": _sentence, "word": _word, "recursive": _recursive, "none": _none}
