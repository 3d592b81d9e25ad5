"""All objects counted, in one walk: by kind, by condition, by why they are not ready, and since when.

Decides what is counted: conditions and reasons of closed lists, which the operator writes itself. Every one of them is told,
also as 0, so that the number of objects does not change the number of series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import get_args

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import Condition
from inference_operator.api.status import DeploymentStatus
from inference_operator.core.conditions import Truth
from inference_operator.core.reasons import Reason
from inference_operator.shell.metrics import definitions as d
from inference_operator.shell.store import Known, ObjectStore, Unreadable

CONDITION_TYPES = (
    "Ready",
    "Reconciling",
    "Stalled",
    "ReferencesResolved",
    "Synced",
    "ModelReady",
    "Drifted",
    "DeletionBlocked",
    "Suspended",
    "Probed",
)
"""All that the operator writes."""
TRUTHS: tuple[str, ...] = get_args(Truth)

Labels = tuple[str, ...]
Row = tuple[Labels, float]


class Census:
    """The objects of a store. `kinds`: plural to kind. `now` is the wall clock's time, with a zone."""

    def __init__(self, store: ObjectStore, kinds: Mapping[str, str], now: datetime) -> None:
        self._kinds = tuple(kinds.values())
        self._now = now
        self._objects, self._unreadable, self._drifted, self._running, self._wanted = (Counter[Labels]() for _ in range(5))
        self._conditions, self._not_ready = Counter[Labels](), Counter[Labels]()
        # Times as they are written, in UTC and of one form: their order as text is their order in time.
        self._since: dict[Labels, str] = {}
        self._not_ready_since: dict[Labels, str] = {}
        for key in store:
            found = store.get(key)
            assert found is not None
            self._count(kinds[key.plural], found)

    def families(self) -> Iterable[tuple[d.Metric, Iterable[Row]]]:
        """Each metric with its series."""
        each = [(kind,) for kind in self._kinds]
        stands = [(kind, type_, truth) for kind in self._kinds for type_ in CONDITION_TYPES for truth in TRUTHS]
        reasons = [(kind, reason.value) for kind in self._kinds for reason in Reason]
        return (
            (d.OBJECTS, _rows(self._objects, each)),
            (d.UNREADABLE, _rows(self._unreadable, each)),
            (d.CONDITIONS, _rows(self._conditions, stands)),
            (d.CONDITIONS_OLDEST, self._ages(self._since, stands)),
            (d.NOT_READY, _rows(self._not_ready, reasons)),
            (d.NOT_READY_OLDEST, self._ages(self._not_ready_since, reasons)),
            (d.DRIFTED, _rows(self._drifted, each)),
            (d.ALLOCATIONS, _rows(self._running, each)),
            (d.ALLOCATIONS_WANTED, _rows(self._wanted, each)),
        )

    def _count(self, kind: str, found: Known) -> None:
        status: ManagedStatus = found.status
        self._objects[kind,] += 1
        self._unreadable[kind,] += isinstance(found, Unreadable)
        self._drifted[kind,] += bool(status.drift)
        for condition in status.conditions:
            self._stands(kind, condition)
        deployment = getattr(status, "deployment", None)  # of whatever kind: asking for a protocol would cost more than the rest
        if isinstance(deployment, DeploymentStatus):
            self._running[kind,] += deployment.allocation_count or 0
            self._wanted[kind,] += deployment.target_allocation_count or 0

    def _stands(self, kind: str, condition: Condition) -> None:
        labels, since = (kind, condition.type, condition.status), condition.last_transition_time
        self._conditions[labels] += 1
        if since < self._since.get(labels, "~"):
            self._since[labels] = since
        if condition.type == "Ready" and condition.status != "True":
            why = (kind, condition.reason)
            self._not_ready[why] += 1
            if since < self._not_ready_since.get(why, "~"):
                self._not_ready_since[why] = since

    def _ages(self, since: Mapping[Labels, str], labels: Iterable[Labels]) -> Iterable[Row]:
        return [(each, self._age(since[each]) if each in since else 0.0) for each in labels]

    def _age(self, since: str) -> float:
        try:
            # Never before now: the clocks of two replicas differ by a little.
            return max(0.0, (self._now - datetime.fromisoformat(since)).total_seconds())
        except (ValueError, TypeError):  # others can write a status, too, and nobody's time may spoil a scrape
            return 0.0


def _rows(counted: Counter[Labels], labels: Iterable[Labels]) -> Iterable[Row]:
    return [(each, counted[each]) for each in labels]
