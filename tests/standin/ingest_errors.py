"""What goes wrong while a pipeline is read or run, in the shape of the server's exceptions.

Decides types, statuses and the extra fields `processor_type`, `processor_tag` and `property_name`; runs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.standin.errors import ElasticsearchError, parse_error
from tests.standin.java_text import java_class
from tests.standin.messages import Json

_JAVA_CLASSES = {
    "illegal_argument_exception": "java.lang.IllegalArgumentException",
    "illegal_state_exception": "java.lang.IllegalStateException",
}


class WrappedError(ElasticsearchError):
    """A Java exception inside a bare `exception` of the server, which is then its own root cause."""

    def root(self) -> ElasticsearchError:
        return self


def state_error(reason: str) -> ElasticsearchError:
    return ElasticsearchError(500, "illegal_state_exception", reason)


def graph_error(reason: str) -> ElasticsearchError:
    return ElasticsearchError(500, "graph_structure_exception", reason)


def configuration(kind: str | None, tag: str | None, name: str | None, problem: str) -> ElasticsearchError:
    """A parse error about a property of a processor (or, with kind None, of a pipeline)."""
    reason = problem if name is None else f"[{name}] {problem}"
    return parse_error(reason, **context(kind, tag, name))


def context(kind: str | None, tag: str | None, name: str | None = None) -> Json:
    given = {"processor_type": kind, "processor_tag": tag, "property_name": name}
    return {key: value for key, value in given.items() if value is not None}


def wrong_type(kind: str | None, tag: str | None, name: str | None, value: Any, wanted: str) -> ElasticsearchError:
    return configuration(kind, tag, name, f"property isn't {wanted}, but of type [{java_class(value)}]")


def in_processor(error: ElasticsearchError, kind: str, tag: str | None) -> ElasticsearchError:
    """What reading a processor makes of an error inside: it names the processor, and wraps what is not the server's own."""
    named = context(kind, tag)
    java = _JAVA_CLASSES.get(error.error_type)
    if java is not None:
        reason = f"{java}: {error.reason}"
        return WrappedError(error.status, "exception", reason, caused_by=error, extra=named)
    error.extra = error.extra | named
    return error


def first_with_the_rest(errors: Sequence[ElasticsearchError]) -> ElasticsearchError:
    """The first of several errors, which carries the others as `suppressed`."""
    first, *rest = errors
    if rest:
        first.extra = first.extra | {"suppressed": [other.detail() for other in rest]}
    return first
