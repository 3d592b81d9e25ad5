"""The two sides of a comparison, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference_operator.core.values import Desired, Observed
from tests.core.situations import ID


def want(
    service: str = "openai",
    task_type: str = "text_embedding",
    *,
    task: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Any] | None = None,
    **service_settings: Any,
) -> Desired:
    return Desired(ID, task_type, service, service_settings, task or {}, chunks, {})


def have(
    service: str = "openai",
    task_type: str = "text_embedding",
    *,
    task: Mapping[str, Any] | None = None,
    chunks: Mapping[str, Any] | None = None,
    **service_settings: Any,
) -> Observed:
    return Observed(ID, task_type, service, service_settings, task or {}, chunks)
