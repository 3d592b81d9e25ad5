"""How well a document fits: similarity of vectors, overlap of tokens, shared words. Numbers only, all of them deterministic."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

_WORD = re.compile(r"\w+")


def vector_score(similarity: str, query: Sequence[float], vector: Sequence[float]) -> float:
    """The server's score of two vectors of one length, by the similarity of the field."""
    dot = sum(one * other for one, other in zip(query, vector, strict=True))
    match similarity:
        case "l2_norm":
            return 1 / (1 + sum((one - other) ** 2 for one, other in zip(query, vector, strict=True)))
        case "max_inner_product":
            return 1 / (1 - dot) if dot < 0 else dot + 1
        case "dot_product":
            return max(0.0, (1 + dot) / 2)
        case _:
            norms = math.sqrt(sum(one * one for one in query)) * math.sqrt(sum(one * one for one in vector))
            return (1 + (dot / norms if norms else 0.0)) / 2


def least_score(similarity: str, raw: float) -> float:
    """The score of a raw similarity, which is how a query states its threshold (for l2_norm: a distance)."""
    match similarity:
        case "l2_norm":
            return 1 / (1 + raw * raw)
        case "max_inner_product":
            return 1 / (1 - raw) if raw < 0 else raw + 1
        case _:
            return (1 + raw) / 2


def weights_score(query: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Tokens of both, weighed by both. Texts of different length are not made comparable, as on the server."""
    return sum(weight * weights[token] for token, weight in query.items() if token in weights)


def words(text: str) -> list[str]:
    """What the standard analyzer makes of a text, near enough."""
    return [word.lower() for word in _WORD.findall(text)]


def words_score(wanted: Sequence[str], text: str, *, every: bool) -> float:
    """Shared words, rarer among many words counting more; 0 for none, or not all of them. Not BM25: it needs no statistics."""
    found = words(text)
    shared = [word for word in dict.fromkeys(wanted) if word in found]
    if not shared or (every and len(shared) < len(set(wanted))):
        return 0.0
    return round(sum(math.log1p(found.count(word)) for word in shared) * (1 + len(shared) / len(set(found))), 6)
