"""Which ids an inference endpoint may have. Imports only the schema rules.

Source: the id check of Elasticsearch's create call. Dots inside are accepted although its message does not name them.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from inference_operator.api.rules import Rule, validations

# Elasticsearch stores an endpoint as document `model_<id>`, and a document id has at most 512 bytes.
MAX_LENGTH = 506
_PATTERN = r"^[.]?[a-z0-9]([a-z0-9_.-]*[a-z0-9])?$"
_MALFORMED = (
    "an inference id consists of lower-case letters, digits, hyphens, underscores and dots,"
    " and starts and ends with a letter or digit"
)


def _well_formed(text: str) -> str:
    if not re.fullmatch(_PATTERN, text):
        raise ValueError(_MALFORMED)
    return text


InferenceId = Annotated[
    str,
    AfterValidator(_well_formed),
    Field(
        max_length=MAX_LENGTH,
        json_schema_extra=validations(Rule(f"self.matches('{_PATTERN}')", _MALFORMED)),
    ),
]


def is_reserved(inference_id: str) -> bool:
    """Whether only Elasticsearch itself may create the id: those with a leading dot."""
    return inference_id.startswith(".")
