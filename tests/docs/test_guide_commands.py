"""Every command of the guide, typed in the order of the page, shows what stands there."""

from __future__ import annotations

import pytest

from tests.docs.conftest import OpenTerminal
from tests.docs.markdown import Page
from tests.docs.pages import GUIDE
from tests.docs.terminal import Terminal

pytestmark = pytest.mark.xdist_group("docs")


def test_the_guide_can_be_typed_from_the_first_to_the_last_line(open_terminal: OpenTerminal) -> None:
    with open_terminal() as terminal:
        save_files(GUIDE, terminal)
        for command in GUIDE.commands:
            terminal.carry_out(command)


def save_files(page: Page, terminal: Terminal) -> None:
    for block in page.blocks:
        if block.file is not None:
            (terminal.folder / block.file).write_text(block.text)
