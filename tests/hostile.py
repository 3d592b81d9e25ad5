"""Valid documents made hostile, for hypothesis: values of another type or beyond measure, keys lost or twice, broken bytes.

The strategies know the structure of what they spoil, so that the depths of a parser are reached. Strings that a parser must not
repeat hold `CANARY`.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st

CANARY = "canary-9b1f4-secret"


def nested(depth: int) -> Any:
    """A list in a list in a list."""
    tree: Any = []
    for _ in range(depth):
        tree = [tree]
    return tree


LEAVES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 2**31, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308),
    *("", " ", "\x00", "\ud800", "\u2028\r\n", CANARY, f"[{CANARY}]", "x" * 70_000, "9" * 400),
    *([], {}, [[]], [None], {"": None}, {CANARY: CANARY}, nested(60)),
)
ODD = (
    st.sampled_from(LEAVES).map(copy.deepcopy)
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12)
)

_TAILS = (b"", b"}", b" \x00", b",", b"\xff", b"\xed\xa0\x80", b"null")
_INSTEAD = (b"NaN", b"-Infinity", b"1e999", b"-1e999", b"9" * 5000, b"9" * 400, b'"\\ud800"', b'"\xff"', b"[" * 3000)


_NOWHERE: tuple[Any, ...] = ("",)


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Of every value inside."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in inner for found in _paths(value, (*path, key)))]


@st.composite
def spoiled(draw: st.DrawFn, document: Any) -> Any:
    """The document with up to three of its values replaced, left out or put in twice."""
    tree = copy.deepcopy(document)
    for _ in range(draw(st.integers(0, 3))):
        path: tuple[Any, ...] = draw(st.sampled_from([path for path in _paths(tree) if path] or [_NOWHERE]))
        *above, last = path
        holder: Any = tree
        for key in above:
            holder = holder[key]
        match draw(st.sampled_from(("replace", "replace", "drop", "double"))):
            case "drop" if isinstance(holder, dict):
                holder.pop(last, None)
            case "double" if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            case _:
                if isinstance(holder, dict | list):
                    holder[last] = draw(ODD)
    return draw(ODD) if draw(st.integers(0, 19)) == 0 else tree


@st.composite
def spoiled_bytes(draw: st.DrawFn, document: Any) -> bytes:
    """The same as it comes over the wire, where more can go wrong: cut off, not UTF-8, keys twice, what is no number."""
    tree = draw(spoiled(document))
    if draw(st.integers(0, 3)) == 0 and isinstance(tree, dict) and tree:
        mark, instead = f"mark-{CANARY}", draw(st.sampled_from(_INSTEAD))
        tree[draw(st.sampled_from(sorted(tree)))] = mark
        raw = _dumped(tree).replace(json.dumps(mark).encode(), instead)
    else:
        raw = _dumped(tree)
    match draw(st.sampled_from(("whole", "whole", "cut", "tail", "twice", "marked", "byte"))):
        case "cut":
            return raw[: draw(st.integers(0, len(raw)))]
        case "tail":
            return raw + draw(st.sampled_from(_TAILS))
        case "twice" if raw.startswith(b'{"'):
            return raw[: raw.index(b'"', 2) + 1] + b": null, " + raw[1:]
        case "marked":
            return b"\xef\xbb\xbf" + raw
        case "byte" if raw:
            at = draw(st.integers(0, len(raw) - 1))
            return raw[:at] + draw(st.binary(min_size=1, max_size=1)) + raw[at + 1 :]
        case _:
            return raw


def _dumped(tree: Any) -> bytes:
    return json.dumps(tree, ensure_ascii=False).encode("utf-8", "surrogatepass")
