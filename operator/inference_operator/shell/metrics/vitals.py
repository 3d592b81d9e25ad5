"""What is told at a scrape and the operator alone does not know: the process around it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Vitals:
    """Ages are seconds. `lease_age`: None without leader election, infinite without the Lease. `leads`: this replica works."""

    watch_age: Callable[[], float]
    leads: Callable[[], bool]
    lease_age: Callable[[], float] | None = None
