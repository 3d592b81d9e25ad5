"""What a document must be before anything is read from it.

Decides how a document of another shape is told: malformed, never empty. The texts say what is missing, without values.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar

from inference_operator.core.failure import Failure, HttpFailure, TransportFailure, TransportKind
from inference_operator.core.values import ABSENT, Absent, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inference_operator.elasticsearch.answers import Response

_T = TypeVar("_T")


class MalformedError(Exception):
    """A document is not of the shape that Elasticsearch answers with. The message says what is missing, without values."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[_T]):
    """All there are, by id. `unreadable` are ids whose entry could not be understood: known to exist, nothing more."""

    entries: Mapping[str, _T]
    unreadable: frozenset[str] = frozenset()


def parsed(response: Response | Failure, parse: Callable[[Json], _T]) -> _T | Failure:
    """The document of a response; a failure passes through, and a document of another shape becomes one."""
    if isinstance(response, Failure):
        return response
    try:
        return parse(response.body)
    except MalformedError as error:
        detail = f"the answer to {response.operation} is malformed: {error}"
        return TransportFailure(TransportKind.GARBLED, response.address, detail)


def absent_or(result: _T | Failure) -> _T | Absent | Failure:
    """Elasticsearch's own "there is no such thing" is knowledge, not a failure."""
    match result:
        case HttpFailure(status=HTTPStatus.NOT_FOUND, type="resource_not_found_exception"):
            return ABSENT
        case _:
            return result


def an_object(value: Json, what: str) -> dict[str, Json]:
    """The value, which must be an object."""
    if not isinstance(value, dict):
        raise MalformedError(f"{what} is missing or not an object")
    return value


def a_list(fields: Mapping[str, Json], key: str) -> list[Json]:
    """The list under the key."""
    value = fields.get(key)
    if not isinstance(value, list):
        raise MalformedError(f"{key} is missing or not a list")
    return value


def a_text(fields: Mapping[str, Json], key: str) -> str:
    """The text under the key, which must not be empty."""
    value = fields.get(key)
    if not isinstance(value, str) or not value:
        raise MalformedError(f"{key} is missing or not a text")
    return value


def acknowledged(document: Json) -> None:
    """Of a change of the cluster state. One that is not acknowledged may be done later, or never."""
    if an_object(document, "an object").get("acknowledged") is not True:
        raise MalformedError("the change is not acknowledged")
