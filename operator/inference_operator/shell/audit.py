"""The audit log: a JSON line before each write to Elasticsearch, and one after it, held or lost.

Decides what a record holds: names, paths and answers, and never a secret, nor a text of the server or a provider. The line before
a write is flushed before the write is sent, so that whatever reaches Elasticsearch is on record, whenever the process dies. Why a
write is sent is set by the reconciler, and travels in a context variable: the client below knows requests only.
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog

from inference_operator.core.clock import Clock
from inference_operator.core.deed import Deed
from inference_operator.core.failure import Failure, HttpFailure, TransportFailure
from inference_operator.core.tracing import SILENT, Tracer
from inference_operator.elasticsearch.answers import Response
from inference_operator.elasticsearch.traffic import CANCELLED, Write
from inference_operator.kubernetes.credentials import ConfigurationError

log: Any = structlog.get_logger(__name__)

LOGGER = "inference_operator.audit"
_TYPE = re.compile(r"[a-z0-9_]{1,80}")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a write is sent. `credentials` name where the connection was read from; `pass_id` is the same for one pass."""

    pass_id: str
    kind: str
    namespace: str
    name: str
    uid: str
    generation: int
    external_id: str
    step: str
    cluster_uuid: str | None
    credentials: tuple[str, ...]
    deed: Deed


_cause: ContextVar[Cause | None] = ContextVar("cause", default=None)


@contextmanager
def because(cause: Cause | None) -> Iterator[None]:
    """Writes that are sent in this block have this cause."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


def new_pass() -> str:
    """Names one pass over one object."""
    return uuid.uuid4().hex[:16]


class AuditLog:
    """A `Trail`.

    Args:
        clock: tells when.
        operator: who writes: `pod`, `namespace` and `version`.
        put: takes a line, newline included, and has it written when it returns. Raises OSError where it can't.
        tracer: names the trace that a write belongs to.
    """

    def __init__(self, clock: Clock, operator: Mapping[str, str], put: Callable[[str], object], tracer: Tracer = SILENT) -> None:
        self._tracer = tracer
        self._clock = clock
        self._operator = dict(operator)
        self._put = put
        self._numbers = itertools.count(1)
        self._process = uuid.uuid4().hex[:12]

    def intended(self, write: Write) -> str:
        """It is about to be sent. Returns what names it."""
        name = self._name()
        self._record("intent", name, write)
        return name

    def ended(self, name: str, write: Write, result: Response | Failure | None, seconds: float) -> None:
        """It was answered or lost; None: nobody waited for the answer."""
        self._record("outcome", name, write, _outcome(result) | {"durationMs": round(seconds * 1000, 3)})

    def fenced(self, write: Write) -> None:
        """It was not sent, since another replica may be at work."""
        self._record("outcome", self._name(), write, _told("unsent", lost="fenced") | {"durationMs": 0.0})

    def _name(self) -> str:
        return f"{self._process}-{next(self._numbers)}"

    def _record(
        self, phase: Literal["intent", "outcome"], name: str, write: Write, outcome: Mapping[str, Any] | None = None
    ) -> None:
        record = {
            "logger": LOGGER,
            "event": "elasticsearch write",
            "level": "info",
            "timestamp": self._clock.now().isoformat(),
            "phase": phase,
            "write": name,
            "traceId": self._tracer.trace_id(),
            "operator": self._operator,
            "operation": write.operation,
            "request": f"{write.method} {write.path}",
            **_of_cause(_cause.get(), write.address),
            **(outcome or {}),
        }
        try:
            self._put(json.dumps(record) + "\n")
        except OSError as error:
            log.error("an audit record could not be written", write=name, phase=phase, error=error.errno)  # noqa: TRY400


def _of_cause(cause: Cause | None, address: str) -> dict[str, Any]:
    if cause is None:
        return {"cluster": {"uuid": None, "url": address}}
    changes = cause.deed.changes
    return {
        "pass": cause.pass_id,
        "credentials": list(cause.credentials),
        "object": {
            "kind": cause.kind,
            "namespace": cause.namespace,
            "name": cause.name,
            "uid": cause.uid,
            "generation": cause.generation,
        },
        "externalId": cause.external_id,
        "cluster": {"uuid": cause.cluster_uuid, "url": address},
        "step": cause.step,
        "changes": [{"path": change.path, "from": change.before, "to": change.after} for change in changes],
        "sources": list(cause.deed.sources),
    }


def _outcome(result: Response | Failure | None) -> dict[str, Any]:
    match result:
        case Response(status=status):
            return _told("done" if status < 300 else "error", status=status)  # noqa: PLR2004 - 2xx
        case HttpFailure(status=status, type=name):
            return _told("error", status=status, type=name if _TYPE.fullmatch(name) else "other")
        case TransportFailure(kind=kind, sent=sent):
            return _told("unknown" if sent else "unsent", lost=kind.value)
        case _:
            return _told("unknown", lost=CANCELLED)


def _told(result: str, *, status: int | None = None, type: str | None = None, lost: str | None = None) -> dict[str, Any]:  # noqa: A002 - Elasticsearch's word
    return {"result": result, "status": status, "errorType": type, "lost": lost}


@contextmanager
def audit_log(where: str, clock: Clock, operator: Mapping[str, str], tracer: Tracer = SILENT) -> Iterator[AuditLog | None]:
    """`-`: stdout; `off`: none; else a file, which is appended to. Raises ConfigurationError where it can't be opened."""
    if where == "off":
        yield None
    elif where == "-":
        yield AuditLog(clock, operator, _to_stdout, tracer)
    else:
        with _opened(Path(where)) as file:
            yield AuditLog(clock, operator, file.write, tracer)


def _opened(path: Path) -> TextIO:
    try:
        return path.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise ConfigurationError(f"--audit-log: {path} can't be opened: {error.strerror}") from None


def _to_stdout(line: str) -> None:
    sys.stdout.write(line)
    sys.stdout.flush()
