"""CEL rules as data, to stand beside the model field that they guard. Imports nothing of this package."""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import AfterValidator


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`.

    Attributes:
        rule: The CEL expression; true means accepted. `self` is the value it stands beside, `oldSelf` the stored one.
        message: What the user reads when it is refused: what is wrong and what to do.
        field_path: The field to name in the error, as in `.inferenceId`; None for the value it stands beside.
    """

    rule: str
    message: str
    field_path: str | None = None

    def manifest(self) -> dict[str, str]:
        """Return the entry as the API server takes it."""
        entry = {"rule": self.rule, "message": self.message}
        return entry if self.field_path is None else entry | {"fieldPath": self.field_path}


def validations(*rules: Rule) -> dict[str, Any]:
    """Return the `json_schema_extra` that puts the rules into the schema of a field or model."""
    return {"x-kubernetes-validations": [rule.manifest() for rule in rules]}


def matching(pattern: str, message: str) -> tuple[AfterValidator, Rule]:
    """Return what the model and what the API server asks of a text. `pattern` is one that RE2 knows, without backslashes."""

    def check(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(message)
        return text

    return AfterValidator(check), Rule(f"self.matches('{pattern}')", message)
