"""The one error for objects that can't be read. Says which field and why, never the value. Imports only pydantic."""

from pydantic import ValidationError


class InvalidObject(ValueError):  # noqa: N818 - it is what the object is
    """A Kubernetes object does not have the form of its kind.

    The API server refuses such objects; one can still appear when the installed CRD is older than the operator.

    Attributes:
        path: The first field at fault, as in `spec.elasticsearchRef.name`; empty for the object as a whole.
        message: What is wrong with it. Never contains the value.
    """

    def __init__(self, path: str, message: str) -> None:
        """Keep the path and the message apart; `str()` joins them."""
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


def first_fault(error: ValidationError) -> InvalidObject:
    """Return the first fault of a pydantic error, in the words of the field's own path."""
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    message = fault["msg"].removeprefix("Value error, ")
    return InvalidObject(_path(fault["loc"]), message)


def _path(location: tuple[int | str, ...]) -> str:
    text = ""
    for step in location:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.removeprefix(".")
