"""Settings of indices: dotted names and text values, as the server keeps and shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.standin.messages import Json
from tests.standin.reading import time_value


def flat_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings with full dotted names and text values; null values are dropped."""
    flat = dict(flatten(settings, ""))
    return {name if name.startswith("index.") else f"index.{name}": _text(value) for name, value in flat.items()}


def flatten(settings: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def nested(settings: Mapping[str, Any]) -> Json:
    """Dotted names as nested objects."""
    root: Json = {}
    for name, value in settings.items():
        *parents, last = name.split(".")
        node = root
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return root


def refresh_interval(settings: Mapping[str, Any]) -> float | None:
    """Seconds until a written document can be found; None when only a refresh makes it findable."""
    text = str(settings.get("index.refresh_interval", "1s"))
    return None if text == "-1" else time_value(text, "index.refresh_interval")
