"""What everybody pulls."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.e2e.cluster import Cluster

MOST_BYTES = 150_000_000


def test_the_image_is_small(cluster: Cluster) -> None:
    """Compressed as in a registry, base included."""
    assert 0 < cluster.image.compressed_bytes < MOST_BYTES
