"""What may stand where the name of a Kubernetes object is asked for. Imports only the schema rules.

Source of the forms: `apimachinery/pkg/util/validation`. They matter beyond a typing mistake: a name becomes a segment of a URL
or a part of a host, and nothing that could end there and begin something else is a name.
"""

import re
from typing import Annotated

from pydantic import Field

from inference_operator.api.rules import matching, validations

LABEL_LENGTH = 63
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

LABEL_FORM = "lower-case letters, digits and hyphens, and starts and ends with a letter or digit"

# That of a Service may begin with a digit since Kubernetes 1.36.
_check_label, _label_rule = matching(f"^{_LABEL}$", f"the name of a Service or namespace consists of {LABEL_FORM}")
_check_name, _name_rule = matching(
    f"^{_LABEL}([.]{_LABEL})*$",
    "the name of an object consists of lower-case letters, digits, hyphens and dots,"
    " and starts and ends with a letter or digit, as does each part between dots",
)

LabelName = Annotated[str, _check_label, Field(min_length=1, max_length=LABEL_LENGTH, json_schema_extra=validations(_label_rule))]
"""The name of a namespace or of a Service: a label of DNS."""
ObjectName = Annotated[str, _check_name, Field(min_length=1, max_length=253, json_schema_extra=validations(_name_rule))]
"""The name of most other objects: labels of DNS with dots between them."""


def is_label(text: str) -> bool:
    """Whether a namespace or Service can have that name, so that it is exactly one part of a host."""
    return len(text) <= LABEL_LENGTH and re.fullmatch(_LABEL, text) is not None
