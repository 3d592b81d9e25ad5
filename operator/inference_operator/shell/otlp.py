"""Traces by OpenTelemetry, sent to a collector by OTLP over HTTP. Nobody else imports it, and this only where it is wanted.

Decides what is a trace, and that a collector which is slow or away costs nothing but its spans: they wait in a queue with an end,
and a thread of their own sends them. Where to, how much and as whom is said by OpenTelemetry's own environment variables.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import structlog
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from inference_operator.core.clock import Clock
from inference_operator.core.tracing import SILENT_SPAN, Attributes, Span

log: Any = structlog.get_logger(__name__)

_BETWEEN_WARNINGS = 600.0


class OtlpTracer:
    """A `Tracer`. Raises ValueError where OpenTelemetry can't use its environment.

    Args:
        clock: for the pauses between warnings; the times of spans are the system's.
        resource: who traces, in OpenTelemetry's words. What the environment says goes before.
    """

    def __init__(self, clock: Clock, resource: Mapping[str, str]) -> None:
        # Its warnings quote what it was given, the headers with their credentials, too. What matters is told by `_Delivery`.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL + 1)
        self._provider = TracerProvider(
            resource=Resource.create(dict(resource)).merge(OTELResourceDetector().detect()), shutdown_on_exit=False
        )
        self._provider.add_span_processor(BatchSpanProcessor(_Delivery(OTLPSpanExporter(), clock)))
        self._tracer = self._provider.get_tracer("inference_operator", resource.get("service.version"))
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def begin(self, name: str, attributes: Attributes) -> Iterator[Span]:
        """See `Tracer`."""
        under_way = _UnderWay()
        token = _under_way.set(under_way)
        try:
            with self._span(name, attributes, SpanKind.INTERNAL, Context()) as span:
                yield span
        finally:
            under_way.ended = True
            _under_way.reset(token)

    def within(self, name: str, attributes: Attributes, *, calls: bool = False) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        if not _is_under_way():
            return SILENT_SPAN
        return self._span(name, attributes, SpanKind.CLIENT if calls else SpanKind.INTERNAL, None)

    def request(self, name: str, attributes: Attributes) -> AbstractContextManager[Span]:
        """See `Tracer`."""
        return self._span(name, attributes, SpanKind.CLIENT, None if _is_under_way() else Context())

    def headers(self) -> Mapping[str, str]:
        """See `Tracer`."""
        headers: dict[str, str] = {}
        self._propagator.inject(headers)
        return headers

    def trace_id(self) -> str | None:
        """See `Tracer`."""
        context = trace.get_current_span().get_span_context()
        return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else None

    def close(self) -> threading.Thread:
        """Send what is left, in a thread that may be waited for, and that does not keep the process from ending."""
        thread = threading.Thread(target=self._provider.shutdown, name="last traces", daemon=True)
        thread.start()
        return thread

    @contextmanager
    def _span(self, name: str, attributes: Attributes, kind: SpanKind, context: Context | None) -> Iterator[Span]:
        # The text of an exception may hold anything, so none is recorded by the library.
        with self._tracer.start_as_current_span(
            name, context, kind, attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            told = _Told(span)
            try:
                yield told
            except BaseException as fault:
                told.fail(type(fault).__name__)
                raise


class _Told:
    """A `Span`."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    def note(self, attributes: Attributes) -> None:
        self._span.set_attributes(attributes)

    def fail(self, error_type: str) -> None:
        self._span.set_attribute("error.type", error_type)
        self._span.set_status(Status(StatusCode.ERROR))


class _UnderWay:
    """The trace that a task was made in. Tasks may outlive it; what they do then is no part of it any more."""

    __slots__ = ("ended",)

    def __init__(self) -> None:
        self.ended = False


_under_way: ContextVar[_UnderWay | None] = ContextVar("trace_under_way", default=None)


def _is_under_way() -> bool:
    found = _under_way.get()
    return found is not None and not found.ended


class _Delivery(SpanExporter):
    """Tells once when spans are not taken any more, and once when they are again, and never often."""

    def __init__(self, exporter: SpanExporter, clock: Clock) -> None:
        self._exporter = exporter
        self._clock = clock
        self._warned_at: float | None = None
        self._is_down = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send them. Never raises."""
        try:
            result = self._exporter.export(spans)
        except Exception:  # noqa: BLE001 - whatever a library raises over a network is a failure of the delivery
            result = SpanExportResult.FAILURE
        if result is SpanExportResult.SUCCESS:
            self._taken()
        else:
            self._refused()
        return result

    def shutdown(self) -> None:
        """Give up what is being sent."""
        self._exporter.shutdown()

    def _taken(self) -> None:
        if self._is_down:
            self._is_down = False
            log.info("traces are delivered again")

    def _refused(self) -> None:
        now = self._clock.monotonic()
        if self._warned_at is not None and now - self._warned_at < _BETWEEN_WARNINGS:
            return
        self._warned_at, self._is_down = now, True
        log.warning("traces can't be delivered, and are dropped: check OTEL_EXPORTER_OTLP_ENDPOINT and the collector")
