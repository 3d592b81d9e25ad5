"""Whether the operator is traced. Imports OpenTelemetry only where it is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from inference_operator.core.clock import Clock
from inference_operator.core.tracing import SILENT, Tracer
from inference_operator.kubernetes.credentials import ConfigurationError

if TYPE_CHECKING:
    from inference_operator.shell.otlp import OtlpTracer

_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"


@asynccontextmanager
async def tracing(
    how: Literal["off", "otlp"],
    environment: Mapping[str, str],
    clock: Clock,
    operator: Mapping[str, str],
    last_seconds: float = 3.0,
) -> AsyncIterator[Tracer]:
    """A tracer for the block; at its end the last spans are sent.

    Args:
        how: `--tracing`.
        environment: of the process. OpenTelemetry reads the rest of it by itself.
        clock: see `OtlpTracer`.
        operator: who traces: `pod`, `namespace` and `version`.
        last_seconds: how long the last spans may take to be sent, while another replica works already.

    Raises:
        ConfigurationError: OpenTelemetry is not installed, or can't do what its environment says.
    """
    if how == "off" or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        yield SILENT
        return
    tracer = _otlp(environment, clock, operator)
    try:
        yield tracer
    finally:
        await _ended(tracer.close(), last_seconds)


def _otlp(environment: Mapping[str, str], clock: Clock, operator: Mapping[str, str]) -> OtlpTracer:
    spoken = next((environment[name].strip() for name in _PROTOCOLS if environment.get(name)), _PROTOCOL)
    if spoken != _PROTOCOL:
        raise ConfigurationError(f"traces are sent as {_PROTOCOL}, and OTEL_EXPORTER_OTLP_PROTOCOL asks for something else")
    try:
        from inference_operator.shell.otlp import OtlpTracer  # noqa: PLC0415 - nobody else has to have it, nor to wait for it
    except ImportError:
        raise ConfigurationError(
            "--tracing=otlp needs OpenTelemetry, which is not installed: pip install 'inference-operator[otel]'"
        ) from None
    resource = {
        "service.name": "inference-operator",
        "service.version": operator["version"],
        "service.instance.id": operator["pod"],
        "k8s.namespace.name": operator["namespace"],
        "k8s.pod.name": operator["pod"],
    }
    try:
        return OtlpTracer(clock, resource)
    except ValueError:
        # Not quoted: it may be about a header, which holds credentials.
        raise ConfigurationError("OpenTelemetry can't use its settings: check the environment variables OTEL_…") from None


async def _ended(thread: threading.Thread, within: float) -> None:
    """Wait for it, but not long, and without holding up the event loop."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch() -> None:
        thread.join(within)
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=watch, name="end of traces", daemon=True).start()
    await ended.wait()
