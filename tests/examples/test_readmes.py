"""The tables and commands of the examples' guides speak of files and objects that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inference_operator.api.services import catalogue
from tests.examples.catalogue_of_examples import EXAMPLES, endpoint, example_files, manifest_files, of_kind

README = EXAMPLES / "README.md"
ROW = re.compile(
    r"^\| (?:`(?P<service>[^`]+)` )?\| \[[^]]+\]\((?P<file>services/[^)]+)\) \| `(?P<task>[^`]+)` \| \S", re.MULTILINE
)
GUIDES = sorted(EXAMPLES.rglob("README.md"))


def test_the_table_of_services_lists_every_file_with_its_service_and_task() -> None:
    table, service = [], ""
    for row in ROW.finditer(README.read_text(encoding="utf-8")):
        service = row["service"] or service  # a further example of the same service
        table.append((service, row["file"], row["task"]))
    specs = {f"services/{path.name}": endpoint(path)["spec"] for path in example_files()}
    assert sorted(table) == sorted((spec["service"], file, spec["taskType"]) for file, spec in specs.items())
    order = list(catalogue().services)
    assert [order.index(name) for name, _, _ in table] == sorted(order.index(name) for name, _, _ in table)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.parent.name)
def test_links_lead_somewhere(guide: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)\)", guide.read_text(encoding="utf-8"))
    assert [link for link in links if "://" not in link and not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.parent.name)
def test_commands_name_files_and_objects_that_are_there(guide: Path) -> None:
    text = guide.read_text(encoding="utf-8")
    files = re.findall(r"(?<![\w/])examples/[\w./-]+", text)
    assert [file for file in files if not (EXAMPLES.parent / file).exists()] == []
    for short, kind in (("infep", "InferenceEndpoint"), ("ingp", "IngestPipeline")):
        objects = {item["metadata"]["name"] for path in manifest_files() for item in of_kind(path, kind)}
        assert set(re.findall(rf"{short}[/ ]([a-z][a-z0-9-]+)", text)) <= objects
