"""The tables of `docs/metrics.md`, and a scrape in the same form."""

from __future__ import annotations

import re

from tests.docs.pages import ROOT
from tests.shell.metrics_story import Scraped

TEXT = (ROOT / "docs" / "metrics.md").read_text("utf-8")
ROWS = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \| (.*?) \| .+ \|$", TEXT, re.MULTILINE)
DOCUMENTED = {name: set(re.findall(r"`(\w+)`", labels)) for name, _, labels in ROWS}
"""Each metric of the page with its labels."""
_SUFFIXES = {"_bucket", "_count", "_sum"}


def labels_of(told: Scraped) -> dict[str, set[str]]:
    """The labels of every metric that has a series, under the name that the page gives it."""
    found: dict[str, set[str]] = {}
    histograms = {name for name, kind in told.types.items() if kind == "histogram"}
    for name, labels in told.series:
        stem, _, suffix = name.rpartition("_")
        metric = stem if f"_{suffix}" in _SUFFIXES and stem in histograms else name
        found.setdefault(metric, set()).update(label for label, _ in labels if label != "le")
    return found
