"""A whole cluster of one node on this machine, whose pods really run. `../README.md` says how and why."""

from __future__ import annotations

from tests.controlplane.node.cluster import NodeCluster

__all__ = ["NodeCluster"]
