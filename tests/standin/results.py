"""What inference came to, whoever did it: a provider that was asked, a model of the cluster, or arithmetic.

Values only; how they look in an answer is decided in `perform_view.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Json

ElementType = Literal["float", "byte", "bit"]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: the inputs, and what the request said beside them.

    `settings`: the task settings with those of the request over them. `chat`: the whole body of a chat completion.
    """

    inputs: tuple[str, ...]
    query: str | None = None
    input_type: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    top_n: int | None = None
    with_documents: bool | None = None
    stream: bool = False
    chat: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Dense:
    """A vector for each input: floats, signed bytes, or eight bits in each signed byte."""

    vectors: tuple[tuple[float, ...], ...]
    element_type: ElementType = "float"

    @property
    def dimensions(self) -> int | None:
        """The length that the settings speak of; None without a vector."""
        if not self.vectors:
            return None
        return len(self.vectors[0]) * (8 if self.element_type == "bit" else 1)


@dataclass(frozen=True, slots=True)
class Sparse:
    """Weights of tokens for each input."""

    weights: tuple[Mapping[str, float], ...]


@dataclass(frozen=True, slots=True)
class Rank:
    """One document of a reranking: its place among the inputs, its score, and its text when the provider sent it."""

    index: int
    score: float
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Documents in any order."""

    ranks: tuple[Rank, ...]


@dataclass(frozen=True, slots=True)
class Texts:
    """What a model wrote, for each input."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Chunks:
    """A stream: chunks of a completion or a chat in the server's shape, and the error that ended it early, if one did."""

    chunks: tuple[Json, ...]
    error: ElasticsearchError | None = None


Result = Dense | Sparse | Ranking | Texts | Chunks
Verdict = Result | ElasticsearchError | None
"""A result, the provider's error, or None for a provider that answered nothing usable."""


def element_type(settings: Mapping[str, Any]) -> ElementType:
    """The element type of the vectors of an endpoint, from whichever setting says it."""
    parser = settings.get("response")
    nested = parser.get("json_parser") if isinstance(parser, Mapping) else None
    in_parser = nested.get("embedding_type") if isinstance(nested, Mapping) else None
    match str(settings.get("embedding_type") or settings.get("element_type") or in_parser or "float").lower():
        case "int8" | "byte":
            return "byte"
        case "bit" | "binary":
            return "bit"
        case _:
            return "float"
