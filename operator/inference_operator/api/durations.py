"""Durations as users write them: `30s`, `500ms`, `1h30m`. Pure; imports only the schema rules."""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from inference_operator.api.rules import Rule, validations

# At most six digits a unit, so that the sum of what fits into sixteen characters stays inside 64 bits of nanoseconds:
# CEL's duration() would fail instead of comparing.
_PATTERN = r"^([0-9]{1,6}(ms|s|m|h))+$"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"([0-9]+)(ms|s|m|h)")
MAX_LENGTH = 16


def seconds(text: str) -> float:
    """Return the length of a duration in seconds.

    Raises:
        ValueError: The text is not a sequence of whole numbers with the units ms, s, m or h. The text is not echoed.
    """
    if len(text) > MAX_LENGTH or not re.fullmatch(_PATTERN, text):
        raise ValueError("not a duration: write a whole number and a unit (ms, s, m, h), such as 30s or 1h30m")
    return sum(int(number) * _SECONDS[unit] for number, unit in _PART.findall(text))


def _bounded(shortest: str, longest: str, examples: str) -> tuple[AfterValidator, Rule]:
    message = f"must be a duration from {shortest} to {longest}, such as {examples}"

    def within(text: str) -> str:
        try:
            fits = seconds(shortest) <= seconds(text) <= seconds(longest)
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(message)
        return text

    cel = f"self.matches('{_PATTERN}') && duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}')"
    return AfterValidator(within), Rule(cel, message)


_within_timeout, _timeout_rule = _bounded("1ms", "1h", "500ms, 30s or 2m")
_within_interval, _interval_rule = _bounded("10s", "720h", "30s, 15m or 1h30m")

Timeout = Annotated[str, _within_timeout, Field(max_length=MAX_LENGTH, json_schema_extra=validations(_timeout_rule))]
Interval = Annotated[str, _within_interval, Field(max_length=MAX_LENGTH, json_schema_extra=validations(_interval_rule))]
