"""Where what takes minutes to make is kept: outside the checkout, by content, whole or not at all.

An entry is made in a scratch folder beside it and renamed when it is complete. Must not import anything of the package.
"""

from __future__ import annotations

import os
import secrets
import shutil
from pathlib import Path


def root() -> Path:
    """`$XDG_CACHE_HOME`, else `~/.cache`, and below it the folder that is ours. Safe to delete at any time."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    base = Path(home) if Path(home).is_absolute() else Path.home() / ".cache"
    return base / "inference-operator" / "controlplane"


def scratch(entry: Path) -> Path:
    """A name for the folder in which `entry` is made; what a killed process left there before is removed.

    Call it with the entry's lock held. The name is new each time, since whoever cleans up after a killed process may
    still be at it.
    """
    prefix = f"{entry.name}.making-"
    for leftover in entry.parent.glob(f"{prefix}*"):
        shutil.rmtree(leftover, ignore_errors=True)
    return entry.parent / f"{prefix}{secrets.token_hex(4)}"
