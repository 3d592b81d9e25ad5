"""What a kind takes, by CONTRIBUTING, is what the second kind took: every file is listed and there, sizes are about right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import Page
from tests.docs.pages import ROOT

SOURCE = ROOT / "operator" / "inference_operator"
SECTION = Page(ROOT / "CONTRIBUTING.md").section("Adding a kind")
WHOLE = dict(re.findall(r"^\| `([\w/]+\.py)` \| (\d+) \|", SECTION, re.MULTILINE))
OWN = (
    "api/ingest_pipeline.py",
    "api/pipeline_tests.py",
    "core/pipeline/*.py",
    "elasticsearch/pipeline*.py",
    "kinds/pipeline/*.py",
)


def lines_of(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_every_file_of_the_kind_is_listed() -> None:
    found = [path for pattern in OWN for path in SOURCE.glob(pattern) if path.name != "__init__.py"]
    assert set(WHOLE) == {path.relative_to(SOURCE).as_posix() for path in found}


@pytest.mark.parametrize("file", WHOLE)
def test_the_size_of_a_file_is_about_as_stated(file: str) -> None:
    stated = int(WHOLE[file])
    assert abs(lines_of(SOURCE / file) - stated) <= max(15, stated // 4)


def test_the_sum_is_about_as_stated() -> None:
    (stated,) = re.findall(r"about ([\d,]+) lines", SECTION)
    added = sum(int(lines) for lines in re.findall(r"\| \+(\d+) \|", SECTION))
    total = added + sum(lines_of(SOURCE / file) for file in WHOLE)
    assert abs(total - int(stated.replace(",", ""))) <= 300
