"""One place in which Elasticsearch does not hold what a spec says, and whether it can be mended in place."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from inference_operator.core.values import Json, Path, Tree


class Mutability(Enum):
    """Can `_update` change a setting?"""

    MUTABLE = "mutable"
    IMMUTABLE = "immutable"
    UNKNOWN = "unknown"  # not in the catalogue: the server's answer will tell


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting that is not as the spec says. `desired` None: the spec no longer has it and no default is known."""

    path: Path
    desired: Tree
    observed: Json
    mutability: Mutability
