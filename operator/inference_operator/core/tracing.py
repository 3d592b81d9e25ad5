"""What the parts of the operator tell to whoever traces them: what they are at, from when until when.

A trace is a tree of spans: a pass over an object, its steps, and the requests that these send. Nothing that is told here may come
out of a body, a header or a message, so that it may be shown to anybody. Knows no tracing library; without one, `SILENT` listens.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Protocol, Self, TypeAlias

Attributes: TypeAlias = Mapping[str, str | int]


class Span(Protocol):
    """Something that takes time."""

    def note(self, attributes: Attributes) -> None:
        """Tell more about it."""
        ...

    def fail(self, error_type: str) -> None:
        """It went wrong. `error_type` is a word of a closed list, never a message."""
        ...


class Tracer(Protocol):
    """Hears of spans. Must not raise, and not wait.

    A span is what happens in its `with` block, and in the tasks that are made there. One that ends by an exception is told by the
    exception's type alone.
    """

    def begin(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """A trace of its own, whatever is under way."""
        ...

    def within(self, name: str, attributes: Attributes, *, calls: bool = False) -> AbstractContextManager[Span]:
        """A part of the trace under way; nothing where there is none. `calls`: another program is asked, and waited for."""
        ...

    def request(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """Another program is asked: a part of the trace under way, or a trace of its own where there is none."""
        ...

    def headers(self) -> Mapping[str, str]:
        """What a request says about the span that it is sent in, after W3C Trace Context. Empty where nothing is traced."""
        ...

    def trace_id(self) -> str | None:
        """Of the trace under way, as 32 hexadecimal digits. None where nothing is recorded."""
        ...


class _SilentSpan:
    """Takes note of nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...
    def note(self, attributes: Attributes) -> None: ...
    def fail(self, error_type: str) -> None: ...


class _Silent:
    """Traces nothing."""

    def begin(self, name: str, attributes: Attributes) -> _SilentSpan:  # noqa: ARG002 - as the protocol has it
        return SILENT_SPAN

    def within(self, name: str, attributes: Attributes, *, calls: bool = False) -> _SilentSpan:  # noqa: ARG002
        return SILENT_SPAN

    def request(self, name: str, attributes: Attributes) -> _SilentSpan:  # noqa: ARG002
        return SILENT_SPAN

    def headers(self) -> Mapping[str, str]:
        return {}

    def trace_id(self) -> str | None:
        return None


SILENT_SPAN = _SilentSpan()
SILENT: Tracer = _Silent()
