"""Plausible results of inference, computed from the input alone: the same input always gives the same answer.

No model is asked. Vectors have the asked length, and length one (as a vector) where the similarity asks for it.
"""

from __future__ import annotations

import functools
import hashlib
import math
import re
from collections.abc import Iterator

_WORD = re.compile(r"\w+")
_PIECE = re.compile(r"\s*\S+(?:\s+$)?")
_KEPT = 128  # vectors: a validation call has one input, and tests ask for few others


def _numbers(seed: str) -> Iterator[int]:
    """Endless bytes, determined by the seed."""
    block = 0
    while True:
        yield from hashlib.sha256(f"{block}:{seed}".encode()).digest()
        block += 1


@functools.lru_cache(maxsize=_KEPT)
def dense(text: str, length: int, *, unit: bool = True) -> tuple[float, ...]:
    """A vector of floats between -1 and 1; of length one when `unit`, as `dot_product` needs it."""
    source = _numbers(text)
    raw = [(next(source) - 127.5) / 127.5 for _ in range(length)]
    norm = math.sqrt(sum(value * value for value in raw)) if unit else 1.0
    return tuple(round(value / norm, 7) for value in raw)


@functools.lru_cache(maxsize=_KEPT)
def whole(text: str, length: int) -> tuple[int, ...]:
    """A vector of signed bytes."""
    source = _numbers(text)
    return tuple(next(source) - 128 for _ in range(length))


def sparse(text: str) -> dict[str, float]:
    """Weights of the words of the text."""
    words = dict.fromkeys(word.lower() for word in _WORD.findall(text)) or {"[unk]": None}
    return {word: round(0.5 + next(_numbers(word)) / 128, 4) for word in words}


def relevance(query: str, text: str) -> float:
    """A score between 0 and 1: the shared words count, the rest is fixed by the texts."""
    asked, found = set(_WORD.findall(query.lower())), set(_WORD.findall(text.lower()))
    shared = len(asked & found) / len(asked | found) if asked | found else 0.0
    return round(0.9 * shared + 0.1 * next(_numbers(query + text)) / 255, 6)


def completion(text: str) -> str:
    """An answer to a prompt."""
    return f"The stand-in read: {text}"


def pieces(text: str) -> list[str]:
    """A text as a model streams it: word by word, each with the white space before it."""
    return _PIECE.findall(text) or [text]
