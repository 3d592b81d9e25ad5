"""What kstatus says of a custom resource: its published rules, written down anew.

Source: the README of `pkg/kstatus` in kubernetes-sigs/cli-utils. The library itself judges the same objects in
`test_flux.py`. Must not import the operator.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Kstatus(Enum):
    """The statuses that an object which is there may have."""

    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"


def kstatus(body: Mapping[str, Any]) -> Kstatus:
    """The status of an object: what anyone may conclude from its metadata and conditions, whatever its kind."""
    metadata, status = body["metadata"], body.get("status", {})
    if "deletionTimestamp" in metadata:
        return Kstatus.TERMINATING
    if status.get("observedGeneration", metadata.get("generation")) != metadata.get("generation"):
        return Kstatus.IN_PROGRESS
    truth = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
    if truth.get("Reconciling") == "True":
        return Kstatus.IN_PROGRESS
    if truth.get("Stalled") == "True":
        return Kstatus.FAILED
    return Kstatus.IN_PROGRESS if truth.get("Ready") in ("False", "Unknown") else Kstatus.CURRENT
