"""The order in which a Java hash set of strings is read: neither sorted nor as it was filled, so that nobody relies on it.

Where the facts say "unordered", the stand-in answers in this order.
"""

from __future__ import annotations

from collections.abc import Iterable

_LEAST = 16
_LOAD = 0.75
_MASK = 0xFFFFFFFF


def hash_order(names: Iterable[str]) -> list[str]:
    """The names, each once, as `java.util.HashSet` would hand them out. Equal sets give equal orders."""
    wanted = sorted(set(names))
    buckets = _LEAST
    while len(wanted) > buckets * _LOAD:
        buckets *= 2
    return sorted(wanted, key=lambda name: _spread(name) & (buckets - 1))


def _spread(name: str) -> int:
    """The hash of `java.lang.String`, mixed as `HashMap` does."""
    units = name.encode("utf-16-be")
    value = 0
    for high, low in zip(units[::2], units[1::2], strict=True):
        value = (31 * value + (high << 8 | low)) & _MASK
    return value ^ (value >> 16)
