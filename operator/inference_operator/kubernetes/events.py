"""Kubernetes events (events.k8s.io/v1) about our objects.

Decides when an event is the same as one before, which then becomes a series, and that no event is worth a failure: what the
API server does not take is logged. An event may get lost; conditions tell the state.
"""

import logging
import secrets
import socket
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from inference_operator.api.meta import GROUP
from inference_operator.core.clock import Clock
from inference_operator.core.values import Json
from inference_operator.kubernetes.client import MERGE_PATCH, KubernetesClient, Reply, Request, path_of, refused
from inference_operator.kubernetes.values import EventType, KubernetesFailure, ObjectKey

_log = logging.getLogger(__name__)

CONTROLLER = f"{GROUP}/inference-operator"
SERIES_WINDOW = 600.0
"""Seconds after its last occurrence in which the same event counts as one more of a series."""
_REMEMBERED = 1000
_NOTE_BYTES = 1024
_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True)
class Occurrence:
    """What makes an event the same event."""

    key: ObjectKey
    uid: str
    api_version: str
    kind: str
    type: EventType
    reason: str
    action: str
    note: str


@dataclass(slots=True)
class _Series:
    name: str
    count: int
    last: float


class EventRecorder:
    """Writes events, one request each, and remembers the last thousand to fold repetitions."""

    def __init__(self, client: KubernetesClient, clock: Clock, instance: str | None = None) -> None:
        self._client = client
        self._clock = clock
        self._instance = (instance or socket.gethostname())[:128]
        self._series: OrderedDict[Occurrence, _Series] = OrderedDict()

    async def record(self, occurrence: Occurrence) -> None:
        """Best effort; never raises for what the API server says."""
        series = self._series.get(occurrence)
        now = self._clock.monotonic()
        if series is not None and now - series.last < SERIES_WINDOW and await self._continue(occurrence, series):
            series.last = now
            self._series.move_to_end(occurrence)
            return
        await self._begin(occurrence, now)

    async def _begin(self, occurrence: Occurrence, now: float) -> None:
        suffix = f".{secrets.token_hex(8)}"
        name = occurrence.key.name[: _NAME_LENGTH - len(suffix)] + suffix
        reply = await self._client.ask(
            f"create event {occurrence.reason} for {occurrence.key}",
            Request(
                _path(occurrence),
                method="POST",
                body=_body(occurrence, name, self._instance, _micro_time(self._clock.now())),
            ),
        )
        if _taken(f"event {occurrence.reason} for {occurrence.key}", reply):
            self._series[occurrence] = _Series(name, 1, now)
            self._series.move_to_end(occurrence)
            while len(self._series) > _REMEMBERED:
                self._series.popitem(last=False)

    async def _continue(self, occurrence: Occurrence, series: _Series) -> bool:
        """Count one more. False if the event is gone (they live an hour), so that a new one is due."""
        series.count += 1
        reply = await self._client.ask(
            f"patch event {occurrence.reason} for {occurrence.key}",
            Request(
                _path(occurrence, series.name),
                method="PATCH",
                body={"series": {"count": series.count, "lastObservedTime": _micro_time(self._clock.now())}},
                content_type=MERGE_PATCH,
            ),
        )
        if isinstance(reply, Reply) and reply.status == HTTPStatus.NOT_FOUND:
            return False
        _taken(f"event {occurrence.reason} for {occurrence.key}", reply)
        return True


def _taken(what: str, reply: Reply | KubernetesFailure) -> bool:
    if isinstance(reply, Reply) and reply.ok:
        return True
    if isinstance(reply, Reply) and (reply.blames("NamespaceTerminating") or reply.status == HTTPStatus.NOT_FOUND):
        return False  # nobody is left to read it
    failure = refused(what, reply) if isinstance(reply, Reply) else reply
    _log.warning("%s was not recorded: %s", what, failure.message)
    return False


def _path(occurrence: Occurrence, *name: str) -> str:
    return path_of("apis", "events.k8s.io", "v1", "namespaces", occurrence.key.namespace, "events", *name)


def _body(occurrence: Occurrence, name: str, instance: str, moment: str) -> dict[str, Json]:
    key = occurrence.key
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": key.namespace},
        "eventTime": moment,
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "type": occurrence.type.value,
        "reason": occurrence.reason,
        "action": occurrence.action,
        "note": cut(occurrence.note),
        "regarding": {
            "apiVersion": occurrence.api_version,
            "kind": occurrence.kind,
            "namespace": key.namespace,
            "name": key.name,
            "uid": occurrence.uid,
        },
    }


def cut(note: str, limit: int = _NOTE_BYTES) -> str:
    """The note in at most that many bytes of UTF-8, which is what the API server counts; cut between characters."""
    raw = note.encode(errors="replace")
    if len(raw) <= limit:
        return note
    return raw[: limit - len("…".encode())].decode(errors="ignore") + "…"


def _micro_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
