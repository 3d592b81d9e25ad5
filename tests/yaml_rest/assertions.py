"""What each assertion of the format demands of a value. Pure: a value in, a `Mismatch` out.

The fine print follows Elastic's own runner: regular expressions between slashes ignore white space and may have comments,
`is_true` looks at the value as text, numbers compare as numbers whatever their type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "nothing"})()
_FALSE = {"", "false", "0"}


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Why an assertion does not hold."""

    expected: str
    got: str


def compare(kind: str, got: Any, expected: Any) -> Mismatch | None:
    """None when the assertion `kind` holds. `got` is MISSING where the path leads to nothing."""
    return ASSERTIONS[kind](got, expected)


def pattern_of(value: Any) -> str | None:
    """The regular expression in `/…/`, or None for any other value."""
    text = value.strip() if isinstance(value, str) else ""
    return text[1:-1] if len(text) > 2 and text.startswith("/") and text.endswith("/") else None


def same(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 is 1.0, but true is not 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _match(got: Any, expected: Any) -> Mismatch | None:
    pattern = pattern_of(expected)
    if pattern is not None:
        found = isinstance(got, str) and re.search(pattern, got, re.VERBOSE)
        return None if found else Mismatch(f"text that matches /{pattern}/", _shown(got))
    actual = None if got is MISSING else got
    return None if same(actual, expected) else Mismatch(_shown(expected), _shown(got))


def _truth(got: Any) -> bool:
    text = str(got).lower() if isinstance(got, bool) else str(got)
    return got is not MISSING and got is not None and text.lower() not in _FALSE


def _is_true(got: Any, _: Any) -> Mismatch | None:
    return None if _truth(got) else Mismatch("a value that is not false, 0, empty text or null", _shown(got))


def _is_false(got: Any, _: Any) -> Mismatch | None:
    return Mismatch("nothing, null, false, 0 or empty text", _shown(got)) if _truth(got) else None


def _exists(got: Any, _: Any) -> Mismatch | None:
    return Mismatch("any value", _shown(got)) if got is MISSING or got is None else None


def _not_exists(got: Any, _: Any) -> Mismatch | None:
    return None if got is MISSING or got is None else Mismatch("nothing", _shown(got))


def _length(got: Any, expected: Any) -> Mismatch | None:
    if not isinstance(got, str | list | Mapping):
        return Mismatch(f"text, a list or an object of length {expected}", _shown(got))
    return None if len(got) == int(expected) else Mismatch(f"length {expected}", f"length {len(got)}: {_shown(got)}")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(words: str, holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], Mismatch | None]:
    def check(got: Any, expected: Any) -> Mismatch | None:
        fits = _number(got) and _number(expected) and holds(got, expected)
        return None if fits else Mismatch(f"a number {words} {_shown(expected)}", _shown(got))

    return check


def _contains(got: Any, expected: Any) -> Mismatch | None:
    if isinstance(expected, Mapping) and isinstance(got, list):
        found = any(isinstance(item, Mapping) and _has_all(item, expected) for item in got)
        return None if found else Mismatch(f"a list with an object that has {_shown(expected)}", _shown(got))
    if isinstance(expected, str) and isinstance(got, str):
        return None if expected in got else Mismatch(f"text that contains {_shown(expected)}", _shown(got))
    return Mismatch(f"a list of objects, or text, that contains {_shown(expected)}", _shown(got))


def _has_all(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(key in item and same(item[key], value) for key, value in wanted.items())


def _close_to(got: Any, expected: Any) -> Mismatch | None:
    value, error = expected["value"], expected["error"]
    close = _number(got) and _number(value) and abs(got - value) <= error
    return None if close else Mismatch(f"a number within {error} of {_shown(value)}", _shown(got))


def _is_after(got: Any, expected: Any) -> Mismatch | None:
    try:
        after = datetime.fromisoformat(str(got)) > datetime.fromisoformat(str(expected))
    except (ValueError, TypeError):
        after = False
    return None if after else Mismatch(f"a time after {expected}", _shown(got))


def _any_order(got: Any, expected: Any) -> Mismatch | None:
    left = list(expected)
    for item in got if isinstance(got, list) else ():
        position = next((index for index, wanted in enumerate(left) if same(item, wanted)), None)
        if position is None:
            break
        del left[position]
    else:
        if isinstance(got, list) and not left:
            return None
    return Mismatch(f"a list of {_shown(expected)} in any order", _shown(got))


ASSERTIONS: Mapping[str, Callable[[Any, Any], Mismatch | None]] = {
    "match": _match,
    "is_true": _is_true,
    "is_false": _is_false,
    "exists": _exists,
    "not_exists": _not_exists,
    "length": _length,
    "gt": _ordered("greater than", lambda got, expected: got > expected),
    "gte": _ordered("greater than or equal to", lambda got, expected: got >= expected),
    "lt": _ordered("less than", lambda got, expected: got < expected),
    "lte": _ordered("less than or equal to", lambda got, expected: got <= expected),
    "contains": _contains,
    "close_to": _close_to,
    "is_after": _is_after,
    "matches_in_any_order": _any_order,
}
WITHOUT_VALUE = frozenset({"is_true", "is_false", "exists", "not_exists"})


def _shown(value: Any) -> str:
    return repr(value) if isinstance(value, str | float) or value is MISSING else _json_like(value)


def _json_like(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else str(value)
