"""Is a figure flat? A straight line through its samples, and what it would take to call it growing. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WARM_UP = 1 / 3
"""The share of the samples at the start that is left out: caches fill, pools open."""
ALLOWED_SHARE = 0.05
LEAST_SAMPLES = 6


@dataclass(frozen=True, slots=True)
class Trend:
    """A line through the samples after the warm-up. `rise` is from its begin to its end, in the figure's unit."""

    mean: float
    rise: float
    per_hour: float
    allowed: float

    @property
    def growing(self) -> bool:
        return self.rise > self.allowed


def trend(seconds: Sequence[float], values: Sequence[float], allowed: float) -> Trend:
    """Fit by least squares. `allowed` is a rise in the figure's unit that is noise; 5 % of the mean always are.

    Raises:
        ValueError: fewer than six samples are left after the warm-up.

    """
    skipped = int(len(seconds) * WARM_UP)
    seconds, values = seconds[skipped:], values[skipped:]
    if len(seconds) < LEAST_SAMPLES:
        raise ValueError(f"{len(seconds)} samples after the warm-up are too few to tell; run it for longer")
    slope = statistics.linear_regression(seconds, values).slope
    mean = statistics.fmean(values)
    return Trend(mean, slope * (seconds[-1] - seconds[0]), slope * 3600, max(allowed, ALLOWED_SHARE * mean))
