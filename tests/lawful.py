"""The laws that every status obeys, whatever happened.

Those of kstatus (`Ready` is always there, `Reconciling` and `Stalled` say why it is not true, never both) and our own:
bounded messages, a closed list of reasons, one generation for the whole status, times that change only with the status.
"""

from __future__ import annotations

import re
from datetime import datetime

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.meta import Condition
from inference_operator.api.status import MAX_DRIFT, MAX_REFERRERS
from inference_operator.core.reasons import Reason

MAX_MESSAGE = 4096
"""Characters of a condition's message: enough for two quoted texts of a server, and far from what an object may hold."""

_ONLY_WHILE_TRUE = frozenset({"Reconciling", "Stalled", "Drifted", "DeletionBlocked", "Suspended"})
_REASONS = frozenset(Reason)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_TYPES = _ONLY_WHILE_TRUE | {"Ready", "ReferencesResolved", "Synced", "ModelReady", "Probed"}


def assert_lawful(status: ManagedStatus, generation: int) -> None:
    """Raise AssertionError naming the law that is broken. `generation` is that of the object that the status describes."""
    conditions = {condition.type: condition for condition in status.conditions}
    assert len(conditions) == len(status.conditions), "a condition type is there at most once"
    assert status.observed_generation == generation, "the status describes this very generation"
    _assert_kstatus(conditions)
    for condition in status.conditions:
        _assert_well_formed(condition, generation)
    assert len(status.drift) <= MAX_DRIFT
    if status.used_by is not None:
        assert max(len(status.used_by.pipelines), len(status.used_by.indices)) <= MAX_REFERRERS
        assert status.used_by.total >= len(status.used_by.pipelines) + len(status.used_by.indices)


def _assert_kstatus(conditions: dict[str, Condition]) -> None:
    assert "Ready" in conditions, "Ready is always there"
    assert not {"Reconciling", "Stalled"} <= conditions.keys(), "never Reconciling and Stalled at once"
    for name in _ONLY_WHILE_TRUE & conditions.keys():
        assert conditions[name].status == "True", f"{name} is there only while it is true"
    at_work = {"Reconciling", "Stalled"} & conditions.keys()
    if conditions["Ready"].status == "True":
        assert not at_work, "Ready is not True while Reconciling or Stalled"
    else:
        assert at_work or "Suspended" in conditions, "what is not ready is Reconciling, Stalled or Suspended"
    if "Synced" in conditions and conditions["Synced"].status == "Unknown":
        assert conditions["Ready"].status != "True", "what is not known to be in sync is not Ready"


def _assert_well_formed(condition: Condition, generation: int) -> None:
    assert condition.type in _TYPES, f"{condition.type} is documented"
    assert condition.reason in _REASONS, f"{condition.reason} is of the closed list"
    assert condition.observed_generation == generation, f"{condition.type} is of the generation of the whole"
    assert condition.message, f"{condition.type} says something"
    assert len(condition.message) <= MAX_MESSAGE, f"the message of {condition.type} is bounded"
    assert all(c.isprintable() for c in condition.message), f"the message of {condition.type} is one line of text"
    assert _TIME.fullmatch(condition.last_transition_time), f"the time of {condition.type} has the form of Kubernetes"
    datetime.fromisoformat(condition.last_transition_time)


def assert_succession(before: ManagedStatus, after: ManagedStatus, now: str) -> None:
    """Raise AssertionError where `after`, made at `now`, may not follow on `before`."""
    since = {condition.type: condition for condition in before.conditions}
    for condition in after.conditions:
        old = since.get(condition.type)
        unchanged = old is not None and old.status == condition.status
        expected = old.last_transition_time if old is not None and unchanged else now
        assert condition.last_transition_time == expected, f"{condition.type} changes its time only with its status"
