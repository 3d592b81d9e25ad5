"""Every command of the guides and of the longer examples, typed in the order of the page, shows what stands there."""

from __future__ import annotations

import json
import shlex

import pytest

from tests.docs.conftest import OpenTerminal
from tests.docs.markdown import Page
from tests.docs.pages import GUIDE, PIPELINE_GUIDE, ROOT
from tests.docs.terminal import Terminal
from tests.examples.left_by_others import left_by_eck_custom_resources, left_by_terraform

pytestmark = pytest.mark.xdist_group("docs")
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    "page",
    [pytest.param(GUIDE, id="inferenceendpoint"), pytest.param(PIPELINE_GUIDE, id="ingestpipeline", marks=pytest.mark.full)],
)
def test_the_guide_can_be_typed_from_the_first_to_the_last_line(open_terminal: OpenTerminal, page: Page) -> None:
    with open_terminal() as terminal:
        save_files(page, terminal)
        type_all(page, terminal)


@pytest.mark.parametrize(
    "example",
    [pytest.param("semantic-search", marks=pytest.mark.full), "tencent-cloud"],  # what is done is much the same
)
def test_the_page_of_an_example_can_be_typed_at_the_top_of_a_checkout(open_terminal: OpenTerminal, example: str) -> None:
    with open_terminal() as terminal:
        (terminal.folder / EXAMPLES.name).symlink_to(EXAMPLES)
        type_all(Page(EXAMPLES / example / "README.md"), terminal)


@pytest.mark.full  # tests/examples takes the files over in one process
def test_the_page_about_migrating_takes_over_what_the_old_tools_left(open_terminal: OpenTerminal) -> None:
    page = Page(EXAMPLES / "migrating" / "README.md")
    with open_terminal() as terminal:
        (terminal.folder / EXAMPLES.name).symlink_to(EXAMPLES)
        terminal.carry_out(page.commands[0])  # the one that makes `es`
        for left in (left_by_eck_custom_resources(), left_by_terraform()):
            for path, body in left.requests:
                shown = terminal.run(f"es {path} -X PUT --json {shlex.quote(json.dumps(body))}")
                assert '"error"' not in shown.text, shown.text
        type_all(page, terminal)


def type_all(page: Page, terminal: Terminal) -> None:
    for command in page.commands:
        terminal.carry_out(command)


def save_files(page: Page, terminal: Terminal) -> None:
    for block in page.blocks:
        if block.file is not None:
            (terminal.folder / block.file).write_text(block.text)
