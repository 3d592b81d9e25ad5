"""Every page leads somewhere: links, make targets, flags, files and chart values that it names are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from inference_operator.settings import Settings
from tests import yaml_documents
from tests.docs.markdown import Page
from tests.docs.pages import PAGES, ROOT


def name_of(page: Page) -> str:
    return page.path.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)

TARGETS = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
FLAGS = {"--config", "--help", *(f"--{name.replace('_', '-')}" for name in Settings.model_fields)}
VALUES = yaml_documents.document((ROOT / "charts" / "inference-operator" / "values.yaml").read_text())
FLAGS_OF_OTHERS = {"--from-file", "--hypothesis-profile"}
"""Of kubectl and pytest, named without their command."""
PLACES = (ROOT, ROOT / "operator" / "inference_operator", ROOT / "tests", ROOT / "operator" / "inference_operator" / "api")


def spans(page: Page) -> list[str]:
    """What stands as code inside of sentences."""
    return re.findall(r"`([^`\n]+)`", page.prose)


def code(page: Page) -> Iterator[str]:
    yield from spans(page)
    for block in page.blocks:
        yield from block.text.splitlines()


def test_there_are_pages_at_all() -> None:
    assert {name_of(page) for page in PAGES} >= {
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "crds/inferenceendpoint.md",
        "docs/reasons.md",
        "docs/decisions/README.md",
        "examples/README.md",
    }


@each_page
def test_a_relative_link_leads_to_a_file_and_its_heading(page: Page) -> None:
    assert [link for link in page.links if "://" not in link and not leads_somewhere(page, link)] == []


def leads_somewhere(page: Page, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = page.path.parent / file if file else page.path
    return target.exists() and (not anchor or anchor in Page(target).anchors)


@each_page
def test_a_make_target_exists(page: Page) -> None:
    assert [target for line in code(page) for target in made(line) if target not in TARGETS] == []


def made(line: str) -> list[str]:
    found = re.match(r"(?:\$ )?make((?: [a-z][a-z0-9-]*)+)", line)
    return found[1].split() if found else []


def test_the_list_of_make_targets_is_complete() -> None:
    listed = Page(ROOT / "CONTRIBUTING.md").section("Make targets")
    rows = re.findall(r"^\| (`.+?`) \|", listed, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`([a-z0-9-]+)`", row)} == TARGETS


@pytest.mark.parametrize("page", [page for page in PAGES if ROOT / "tests" not in page.path.parents], ids=name_of)
def test_a_flag_of_the_operator_exists(page: Page) -> None:
    flags = [span.partition("=")[0].split()[0] for span in spans(page) if span.startswith("--")]
    assert [flag for flag in flags if flag not in FLAGS | FLAGS_OF_OTHERS] == []


@each_page
def test_a_setting_in_the_environment_exists(page: Page) -> None:
    named = [name for line in code(page) for name in re.findall(r"\bINFERENCE_OPERATOR_(\w+)", line)]
    assert [name for name in named if name.lower() not in Settings.model_fields] == []


@each_page
def test_a_file_of_the_repository_exists(page: Page) -> None:
    files = [span for span in spans(page) if re.fullmatch(r"[\w.-]+(/[\w.-]+)+\.(py|md|json|yaml|toml|lock)", span)]
    there = [file for file in files if any((place / file).exists() for place in (page.path.parent, *PLACES))]
    made = ("build/", "dist/")  # by commands that the pages name
    assert [file for file in files if file not in there and "NAME" not in file and not file.startswith(made)] == []


@each_page
def test_a_value_of_the_chart_exists(page: Page) -> None:
    paths = [span.split(".") for span in spans(page) if re.fullmatch(r"[a-z]\w+(\.[a-z]\w+)+", span)]
    ours = [path for path in paths if path[0] in VALUES and isinstance(VALUES[path[0]], dict) and path[-1] != "py"]
    assert [path for path in ours if path[1] not in VALUES[path[0]]] == []


def test_what_is_not_there_is_found_out() -> None:
    page = Page(ROOT / "README.md")
    assert not leads_somewhere(page, "nowhere.md")
    assert not leads_somewhere(page, "CONTRIBUTING.md#nowhere")
    assert leads_somewhere(page, "CONTRIBUTING.md#make-targets")
    assert made("make nothing at all KEEP=1") == ["nothing", "at", "all"]
