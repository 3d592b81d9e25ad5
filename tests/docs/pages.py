"""Which pages there are, and where."""

from __future__ import annotations

from pathlib import Path

from tests.docs.markdown import Page

ROOT = Path(__file__).parents[2]
GUIDE = Page(ROOT / "crds" / "inferenceendpoint.md")
PIPELINE_GUIDE = Page(ROOT / "crds" / "ingestpipeline.md")
REASONS = Page(ROOT / "docs" / "reasons.md")
PAGES = tuple(
    Page(path)
    for pattern in ("*.md", "crds/*.md", "docs/**/*.md", "examples/**/*.md", "tests/**/*.md")
    for path in sorted(ROOT.glob(pattern))
)
