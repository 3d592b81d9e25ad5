"""Reads YAML as `yaml.safe_load` does, but with PyYAML's much faster reader in C, where it was built with libyaml."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def document(text: str) -> Any:
    """The only document of a text; None where there is none. Raises yaml.YAMLError."""
    return yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe one)


def documents(text: str) -> Iterator[Any]:
    """All of its documents; None for an empty one. Raises yaml.YAMLError while it is read."""
    return yaml.load_all(text, Loader=_LOADER)
