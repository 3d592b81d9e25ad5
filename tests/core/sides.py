"""The two sides of a comparison, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_operator.core.values import DesiredEndpoint, ObservedEndpoint
from tests.core.situations import ID


def want(
    service: str = "openai",
    task_type: str = "text_embedding",
    *,
    task: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Any] | None = None,
    **service_settings: Any,
) -> DesiredEndpoint:
    return DesiredEndpoint(ID, task_type, service, service_settings, task or {}, chunks, {})


def have(
    service: str = "openai",
    task_type: str = "text_embedding",
    *,
    task: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Any] | None = None,
    **service_settings: Any,
) -> ObservedEndpoint:
    return ObservedEndpoint(ID, task_type, service, service_settings, task or {}, chunks)
