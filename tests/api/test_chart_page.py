"""The table of values in the chart's page."""

from __future__ import annotations

import pytest

from inference_operator.chart_page import BEGIN, END, NoPlaceError, UnexplainedError, refreshed, render

VALUES = """# A file of values.

# -- How many.
count: 2
# Around the group.
group:
  # -- One of `a` | `b`,
  # and nothing else.
  kind: a
  # -- As a whole.
  labels:
    x: "1"
"""


def test_a_row_for_each_value_that_is_explained() -> None:
    assert render(VALUES).splitlines()[2:] == [
        "| `count` | `2` | How many. |",
        '| `group.kind` | `"a"` | One of `a` \\| `b`, and nothing else. |',
        '| `group.labels` | `{"x": "1"}` | As a whole. |',
    ]


@pytest.mark.parametrize("values", ["bare: 1\n", "# Only a remark.\nbare: 1\n", "# -- Of the other.\nother: 1\nbare: 1\n"])
def test_a_value_that_nobody_explains_is_named(values: str) -> None:
    with pytest.raises(UnexplainedError, match="bare"):
        render(values)


def test_only_what_is_between_the_markers_is_replaced() -> None:
    page = refreshed(f"before\n{BEGIN}\nold\n{END}\nafter\n", VALUES)
    assert page.startswith(f"before\n{BEGIN}\n\n| value |")
    assert page.endswith(f"\n{END}\nafter\n")
    assert "old" not in page
    assert refreshed(page, VALUES) == page


@pytest.mark.parametrize("page", ["", BEGIN, END, f"{END}\n{BEGIN}"])
def test_a_page_without_a_place_is_refused(page: str) -> None:
    with pytest.raises(NoPlaceError):
        refreshed(page, VALUES)
