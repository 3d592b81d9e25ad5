"""Which change of a status is worth an Event: transitions only, and none on the plain way to Ready. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import Condition
from inference_operator.core.reasons import Reason

_PLAIN = {None, Reason.AVAILABLE, Reason.CREATING, Reason.MODEL_DEPLOYING, Reason.OBSERVED}


@dataclass(frozen=True, slots=True)
class News:
    """An Event to emit."""

    type: Literal["Normal", "Warning"]
    reason: str
    note: str


def news_of_repair(before: ManagedStatus, repair: str) -> Iterator[News]:
    """`repair` says what was put back, after others had changed it. It is true whatever becomes of the status."""
    if _condition(before, "Drifted") is None:
        yield News("Warning", Reason.DRIFTED, repair)


def news(before: ManagedStatus, after: ManagedStatus) -> Iterator[News]:
    """What happened between two statuses, told once."""
    old, new = _condition(before, "Ready"), _condition(after, "Ready")
    if new is not None and _told_apart(old, new) and not _is_plain(old, new):
        yield News("Normal" if new.status == "True" or new.reason == Reason.SUSPENDED else "Warning", new.reason, new.message)
    elif _drifted(before) != _drifted(after):
        yield from _drift(after)
    blocked = _condition(after, "DeletionBlocked")
    if blocked is not None and _condition(before, "DeletionBlocked") is None:
        yield News("Warning", blocked.reason, blocked.message)
    probe = _condition(after, "Probed")
    if probe is not None and _turned(_condition(before, "Probed"), probe):
        yield News("Normal" if probe.status == "True" else "Warning", probe.reason, probe.message)
    uuids = [status.cluster.uuid for status in (before, after) if status.cluster is not None and status.cluster.uuid is not None]
    if len(set(uuids)) > 1:
        yield News("Warning", Reason.CREATING, _replaced(*uuids))


def _drift(after: ManagedStatus) -> Iterator[News]:
    """What drifts changed while `Ready` says the same as before."""
    drifted, ready = _condition(after, "Drifted"), _condition(after, "Ready")
    if drifted is not None:
        yield News("Warning", Reason.DRIFTED, drifted.message)
    elif ready is not None:
        yield News("Normal", ready.reason, ready.message)


def _drifted(status: ManagedStatus) -> frozenset[str]:
    """The settings that the `Drifted` condition is about."""
    return frozenset(entry.path for entry in status.drift) if _condition(status, "Drifted") else frozenset()


def _condition(status: ManagedStatus, name: str) -> Condition | None:
    return next((condition for condition in status.conditions if condition.type == name), None)


def _told_apart(old: Condition | None, new: Condition) -> bool:
    return old is None or (old.status, old.reason) != (new.status, new.reason)


def _turned(old: Condition | None, new: Condition) -> bool:
    """True when something went wrong, or right again. That all is well from the first is no news."""
    return new.status != ("True" if old is None else old.status)


def _is_plain(old: Condition | None, new: Condition) -> bool:
    return (old.reason if old else None) in _PLAIN and new.reason in _PLAIN | {Reason.DELETING}


def _replaced(before: str, after: str) -> str:
    return f"The address leads to another Elasticsearch cluster ({after}, before: {before}); everything is put back there"
