"""CEL rules as data, to stand beside the model field that they guard. Imports nothing of this package."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of `x-kubernetes-validations`.

    Attributes:
        rule: The CEL expression; true means accepted. `self` is the value it stands beside, `oldSelf` the stored one.
        message: What the user reads when it is refused: what is wrong and what to do.
    """

    rule: str
    message: str


def validations(*rules: Rule) -> dict[str, Any]:
    """Return the `json_schema_extra` that puts the rules into the schema of a field or model."""
    return {"x-kubernetes-validations": [asdict(rule) for rule in rules]}
