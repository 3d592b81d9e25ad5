"""Durations: how long they are, and which texts are none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_operator.api.durations import MAX_LENGTH, seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30.0), ("500ms", 0.5), ("2m", 120.0), ("1h30m", 5400.0), ("0s", 0.0), ("1m1m", 120.0), ("1m1ms", 60.001)],
)
def test_units_add_up(text: str, expected: float) -> None:
    assert seconds(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    "text", ["", "s", "30", "1.5h", "-1s", "1d", "1 h", " 1s", "1s\n", "1S", "\u0663s", "1000000s", "1s" * MAX_LENGTH]
)
def test_other_texts_are_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="write a whole number and a unit") as caught:
        seconds(text)

    assert len(text) < 4 or text not in str(caught.value)


@given(st.integers(0, 999_999), st.sampled_from(["ms", "s", "m", "h"]), st.integers(0, 99))
def test_a_longer_text_is_a_longer_time(number: int, unit: str, more: int) -> None:
    assert seconds(f"{number}{unit}{more}s") == pytest.approx(seconds(f"{number}{unit}") + more)
