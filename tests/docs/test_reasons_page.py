"""`docs/reasons.md` lists every reason that can be met, and says of each what the stories show."""

from __future__ import annotations

import re

import pytest

from inference_operator.core.reasons import Reason
from tests.docs.conftest import OpenTerminal
from tests.docs.pages import GUIDE, REASONS
from tests.docs.story import Goes
from tests.docs.test_guide_commands import save_files
from tests.docs.test_reasons_reached import STORIES

PIPELINE = """apiVersion: inference-operator.io/v1alpha1
kind: IngestPipeline
metadata: {name: products}
spec: {processors: [{set: {field: seen, value: true}}]}"""
REACHED = [reason.value for reason in Reason]


def bullet(reason: str, title: str) -> str:
    """The text of one of the four points of a section, on one line."""
    found = re.search(rf"^\* \*\*{title}\*\* (.*?)(?=^\* |\Z)", REASONS.section(reason), re.DOTALL | re.MULTILINE)
    assert found, f"{reason} has no point {title!r}"
    return " ".join(found[1].split())


def test_the_sections_are_the_list_in_its_order() -> None:
    assert [text for depth, text in REASONS.headings if depth == 2] == ["List", *REACHED]


def test_the_table_is_the_list_in_its_order() -> None:
    assert re.findall(r"^\| \[`(\w+)`\]\(#(\w+)\) \| [^|]+ \|$", REASONS.section("List"), re.MULTILINE) == [
        (reason, reason.lower()) for reason in REACHED
    ]


def test_every_reason_of_the_page_has_a_story() -> None:
    assert {story.reason for story in STORIES} == set(REACHED)


@pytest.mark.parametrize("reason", REACHED)
def test_a_section_names_the_conditions_that_carry_the_reason(reason: str) -> None:
    told = set(re.findall(r"`(\w+=\w+)`", bullet(reason, "Shown in")))
    assert told == {condition for story in STORIES if story.reason == reason for condition in story.shown}


@pytest.mark.parametrize("reason", REACHED)
def test_a_section_says_which_event_is_told(reason: str) -> None:
    _, _, told = bullet(reason, "Shown in").partition("event ")
    events = {name if name != "none" else None for name in re.findall(r"Normal|Warning|none", told)}
    assert events == {story.event for story in STORIES if story.reason == reason}


@pytest.mark.parametrize("reason", REACHED)
def test_a_section_says_how_it_goes_on(reason: str) -> None:
    told = bullet(reason, "By itself")
    assert {goes for goes in Goes if goes.value in told} == {story.goes for story in STORIES if story.reason == reason}


@pytest.mark.parametrize("reason", REACHED)
def test_a_section_has_four_points(reason: str) -> None:
    points = re.findall(r"^\* \*\*([\w ]+)\*\* ", REASONS.section(reason), re.MULTILINE)
    assert points == ["Shown in", "Means", "By itself", "To do"]


@pytest.mark.xdist_group("docs")
def test_the_commands_of_the_page_work(open_terminal: OpenTerminal) -> None:
    with open_terminal() as terminal:
        save_files(GUIDE, terminal)
        terminal.run("kubectl create secret generic openai --from-literal=api-key=sk-one")
        terminal.run("kubectl apply -f product-embeddings.yaml")
        terminal.run("kubectl wait --for=condition=Ready infep/product-embeddings --timeout=30s")
        terminal.run(f"kubectl apply -f - <<'EOF'\n{PIPELINE}\nEOF")
        terminal.run("kubectl wait --for=condition=Ready ingp/products --timeout=30s")
        for command in REASONS.commands:
            assert '"error"' not in terminal.carry_out(command).text
