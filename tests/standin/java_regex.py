r"""Regular expressions and replacements as Java writes them, near enough for pipelines: `$1`, named groups, split.

A subset: what Python's `re` understands of the pattern, possessive quantifiers and `\p{Alpha}`-like classes included.
"""

from __future__ import annotations

import functools
import re

_POSIX = {
    r"\p{Alpha}": "a-zA-Z",
    r"\p{Digit}": "0-9",
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{Upper}": "A-Z",
    r"\p{Lower}": "a-z",
    r"\p{Punct}": r"!-/:-@\[-`{-~",
    r"\p{Space}": r"\s",
}


@functools.lru_cache(maxsize=256)
def compile_java(pattern: str) -> re.Pattern[str]:
    """Compile a pattern. Raises re.error for one that Python can't read."""
    text = re.sub(r"\(\?<([A-Za-z][A-Za-z0-9]*)>", r"(?P<\1>", pattern)
    text = re.sub(r"\\k<([A-Za-z][A-Za-z0-9]*)>", r"(?P=\1)", text)
    for name, members in _POSIX.items():
        in_class = re.compile(rf"(\[[^\]]*){re.escape(name)}")
        text = in_class.sub(lambda match, inside=members: f"{match[1]}{inside}", text).replace(name, f"[{members}]")  # type: ignore[misc]
    return re.compile(text)


def replace_all(pattern: str, replacement: str, text: str) -> str:
    """`Matcher.replaceAll`: `$1` and `${name}` are groups, a backslash takes the next character as it is."""
    compiled = compile_java(pattern)

    def fill(match: re.Match[str]) -> str:
        return re.sub(r"\\(.)|\$(\d)|\$\{(\w+)\}", lambda part: _filled(part, match), replacement)

    return compiled.sub(fill, text)


def _filled(part: re.Match[str], match: re.Match[str]) -> str:
    if part[1] is not None:
        return part[1]
    return match[int(part[2]) if part[2] is not None else part[3]] or ""


def split_java(pattern: str, text: str, *, keep_trailing: bool) -> list[str]:
    """`String.split`: without groups in the result, and without empty pieces at the end unless they are kept."""
    pieces: list[str] = []
    start = 0
    for match in compile_java(pattern).finditer(text):
        if match.end() == 0 or (match.end() == match.start() == len(text)):
            continue
        pieces.append(text[start : match.start()])
        start = match.end()
    pieces.append(text[start:])
    while not keep_trailing and len(pieces) > 1 and not pieces[-1]:
        pieces.pop()
    return [] if pieces == [""] and text and not keep_trailing else pieces
