"""What the objects of every kind have in common: metadata, how they are read, and that the id which they name stays.

Imports only the shared model parts.
"""

from collections.abc import Mapping
from typing import Any, Self, TypeVar

from pydantic import ValidationError

from inference_operator.api.depth import bounded
from inference_operator.api.invalid import InvalidObject, first_fault
from inference_operator.api.meta import ApiModel, ObjectMeta
from inference_operator.api.rules import Rule

Status = TypeVar("Status", bound=ApiModel)


class KubernetesObject(ApiModel):
    """Base of the kinds, which add `spec` and `status`."""

    metadata: ObjectMeta

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read an object as the API server sends it.

        Raises:
            InvalidObject: A field is missing, has a wrong form, or is nested too deeply. It names the field and never
                repeats its value, nor do its cause or context.
        """
        bounded(body)
        try:
            return cls.model_validate(body)
        except ValidationError as error:
            invalid = first_fault(error)
        # Raised outside the handler, so that the pydantic error, which holds the input, is not even the context.
        raise invalid


def status_in(model: type[Status], body: Mapping[str, Any]) -> Status:
    """The status of an object that can't be read as a whole; an empty one where that can't be read either."""
    status = body.get("status") or {}
    try:
        bounded({"status": status})
        return model.model_validate(status)
    except (ValidationError, InvalidObject):
        return model()


def id_stays(field: str) -> Rule:
    """The rule for the object that what it resolves to, `spec.FIELD` or else its name, never changes."""
    resolved = (
        f"(has({version}.spec.{field}) ? {version}.spec.{field} : {version}.metadata.name)" for version in ("self", "oldSelf")
    )
    message = f"{field} can't be changed (left out, it is metadata.name): delete the object and create a new one"
    return Rule(" == ".join(resolved), message, field_path=f".spec.{field}")
