"""Structured logs: one JSON object a line, or coloured text for people.

Nothing that comes out of a Secret is ever handed to a logger; this module decides the form only.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import structlog


def configure_logging(form: Literal["json", "console"], level: str) -> None:
    """Send our own records and those of the libraries to stderr, in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    last = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            # No traceback: its frames' texts come from anywhere. The place of a fault is told by whoever catches it.
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _without_traceback, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in ("kopf", "httpx", "httpcore", "aiohttp", "asyncio", "kubernetes", "urllib3"):
        # At debug level these print whole requests and patches.
        logging.getLogger(library).setLevel(max(logging.WARNING, root.level))


def _without_traceback(_: Any, __: str, event: Any) -> Any:
    fault = event.pop("exc_info", None)
    kind = fault[0] if isinstance(fault, tuple) else type(fault) if isinstance(fault, BaseException) else None
    if kind is not None:
        event["fault"] = kind.__name__
    return event
