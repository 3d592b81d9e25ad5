"""`docs/metrics.md` names every metric that a running operator has, with its type and labels, and no other."""

from __future__ import annotations

import re

from inference_operator.shell.metrics import page
from tests.docs.markdown import Page
from tests.docs.metrics_page import DOCUMENTED, ROWS, TEXT, labels_of
from tests.docs.pages import ROOT
from tests.shell.metrics_story import measured, tell

PAGE = Page(ROOT / "docs" / "metrics.md")


async def test_every_metric_of_the_page_is_in_a_scrape_of_a_running_operator_and_the_reverse() -> None:
    async with measured() as world:
        await tell(world)
        assert labels_of(world.scrape()) == DOCUMENTED


async def test_types_are_as_the_page_says() -> None:
    async with measured() as world:
        told = world.scrape().types
        assert {name: kind for name, kind, _ in ROWS} == {
            f"{name}_total" if kind == "counter" else name: kind for name, kind in told.items()
        }


def test_the_tables_are_fresh() -> None:
    assert page.refreshed(TEXT) == TEXT, "run `make generate`"


def test_the_page_tells_which_settings_there_are() -> None:
    assert set(re.findall(r"`(--metrics-[\w-]+)`", PAGE.section("The endpoint"))) == {
        "--metrics-address",
        "--metrics-port",
        "--metrics-cert-file",
        "--metrics-key-file",
        "--metrics-auth",
    }
