"""What a write to Elasticsearch is about, told without a secret, for the audit log. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """One setting. `before` and `after` are JSON, or `<secret name/key>`; None where they are not told, or there is none."""

    path: str
    before: str | None = None
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """`sources`: the Secrets and ConfigMaps that values were taken from, as `Secret search/openai@4711`."""

    changes: tuple[Change, ...] = ()
    sources: tuple[str, ...] = ()
