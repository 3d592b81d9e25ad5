"""Which providers there are, and which one the environment chose."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tests.e2e import on_kind, on_node

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.e2e.cluster import Cluster

VARIABLE = "E2E_PROVIDER"


class Provider(NamedTuple):
    """Where clusters come from: what takes minutes and is kept, and a cluster for the length of a block."""

    prepare: Callable[[], None]
    running: Callable[[], AbstractContextManager[Cluster]]


PROVIDERS = {
    "node": Provider(on_node.prepare, on_node.running),
    "kind": Provider(on_kind.prepare, on_kind.running),
}


def chosen() -> Provider:
    """Raises KeyError where the environment names none."""
    return PROVIDERS[os.environ[VARIABLE]]
