"""What a kind takes, by CONTRIBUTING, is what the second kind took: every file is listed and there."""

from __future__ import annotations

import re

from tests.docs.markdown import Page
from tests.docs.pages import ROOT

SOURCE = ROOT / "operator" / "inference_operator"
LISTED = [
    file
    for cells in re.findall(r"^\| (`.+?`) \| ", Page(ROOT / "CONTRIBUTING.md").section("Adding a kind"), re.MULTILINE)
    for file in re.findall(r"`([\w/]+\.py)`", cells)
]
OWN = (
    "api/ingest_pipeline.py",
    "api/pipeline_tests.py",
    "core/pipeline/*.py",
    "elasticsearch/pipeline*.py",
    "kinds/pipeline/*.py",
)


def test_every_file_of_the_kind_is_listed() -> None:
    found = [path for pattern in OWN for path in SOURCE.glob(pattern) if path.name != "__init__.py"]
    assert {path.relative_to(SOURCE).as_posix() for path in found} - set(LISTED) == set()


def test_what_is_listed_is_there_and_listed_once() -> None:
    assert [file for file in LISTED if not (SOURCE / file).is_file()] == []
    assert len(set(LISTED)) == len(LISTED)
