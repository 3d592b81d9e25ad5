"""From the end of a pass to conditions: the only place where they are made.

Lawful in the sense of kstatus: `Ready` is always there; `Reconciling` and `Stalled` only while true and never both; whatever
is not usable and will not mend itself is `Stalled`. Pure: the time of a transition is an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from inference_operator.api.meta import Condition
from inference_operator.core import words
from inference_operator.core.disposition import Area, Disposition, Mood, disposition
from inference_operator.core.failure import ReferenceFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Situation
from inference_operator.core.values import Absent
from inference_operator.core.verdict import (
    Blocked,
    Conclusion,
    Held,
    Nothing,
    Released,
    Suspended,
    Unusable,
    Watching,
)

Truth = Literal["True", "False", "Unknown"]

_MAX_MESSAGE = 4096
_REASONS = frozenset(reason.value for reason in Reason)


@dataclass(frozen=True, slots=True)
class Line:
    """A condition before it knows since when."""

    type: str
    status: Truth
    reason: Reason
    message: str


def lines(s: Situation, conclusion: Conclusion) -> Iterator[Line]:
    """The conditions at the end of a pass, but for those that only one kind has."""
    match conclusion:
        case Nothing() | Released():
            yield Line("Ready", "True", Reason.AVAILABLE, words.available(s))
            yield from _resolved_and_synced(s)
        case Watching():
            yield Line("Ready", "True", Reason.OBSERVED, words.observed(s))
            yield from _watched(s)
        case Unusable(disposition=cause):
            yield _not_ready(s, cause)
            yield from _watched(s) if s.observes_only else _resolved_and_synced(s, but=cause.area)
            yield Line(cause.area.value, _doubt(s, cause, cause.area.value), cause.reason, cause.message)
            yield _mood(cause)
        case Held(disposition=cause):
            yield from _held(s, cause)
        case Blocked(usage=usage):
            yield from _blocked(s, words.blocked(s, usage))
        case Suspended(unusable=cause):  # pragma: no branch - the last of all conclusions, as mypy proves
            yield from _suspended(s, cause)


def _resolved_and_synced(s: Situation, but: Area | None = None) -> Iterator[Line]:
    if but is not Area.REFERENCES:
        yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
    yield Line(Area.SYNC.value, "True", Reason.AVAILABLE, words.in_sync(s))


def _watched(s: Situation) -> Iterator[Line]:
    yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
    if s.differences:
        yield Line(Area.SYNC.value, "False", Reason.OBSERVED, words.differs(s))
        yield Line("Drifted", "True", Reason.OBSERVED, words.differs(s))
    else:
        yield Line(Area.SYNC.value, "True", Reason.OBSERVED, words.in_sync(s))


def _not_ready(s: Situation, cause: Disposition) -> Line:
    return Line("Ready", _doubt(s, cause, "Ready"), cause.reason, cause.message)


def _doubt(s: Situation, cause: Disposition, name: str) -> Truth:
    """A request that was put off takes nothing back of what the answer said for which it was: `RateLimited` is told of both."""
    said = (name, "False", cause.reason, s.generation)
    stays = any((c.type, c.status, c.reason, c.observed_generation) == said for c in s.previous.conditions)
    return "Unknown" if cause.blind and not stays else "False"


def _mood(cause: Disposition) -> Line:
    return Line("Stalled" if cause.mood is Mood.STALL else "Reconciling", "True", cause.reason, cause.message)


def _held(s: Situation, cause: Disposition) -> Iterator[Line]:
    yield _not_ready(s, cause)
    if cause.area is Area.REFERENCES:
        yield Line(Area.REFERENCES.value, "False", cause.reason, cause.message)
        yield Line(Area.SYNC.value, "Unknown", cause.reason, cause.message)
    else:
        if s.desired is not None:
            yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())
        yield Line(Area.SYNC.value, _doubt(s, cause, Area.SYNC.value), cause.reason, cause.message)
    if cause.reason is Reason.DRIFTED:
        yield Line("Drifted", "True", cause.reason, cause.message)
    yield _mood(cause)


def _blocked(s: Situation, message: str) -> Iterator[Line]:
    yield Line("Ready", "False", Reason.DELETING, f"{s.external_id} is to be deleted and still serves")
    yield Line("DeletionBlocked", "True", Reason.IN_USE, message)
    yield Line("Reconciling", "True", Reason.DELETING, message)


def _suspended(s: Situation, unusable: Disposition | None) -> Iterator[Line]:
    message = words.suspended(s)
    if _is_as_applied(s):
        yield Line("Ready", "True", Reason.AVAILABLE, words.available(s)) if unusable is None else _not_ready(s, unusable)
        yield Line(Area.SYNC.value, "True", Reason.AVAILABLE, words.in_sync(s))
    else:
        yield from _as_before(s, message)
    yield from _references(s)
    if unusable is not None:
        yield Line(unusable.area.value, "False", unusable.reason, unusable.message)
    yield Line("Suspended", "True", Reason.SUSPENDED, message)


def _references(s: Situation) -> Iterator[Line]:
    if isinstance(s.failure, ReferenceFailure):
        cause = disposition(s.failure)
        yield Line(Area.REFERENCES.value, "False", cause.reason, cause.message)
    elif s.desired is not None:
        yield Line(Area.REFERENCES.value, "True", Reason.AVAILABLE, words.references_resolved())


def _is_as_applied(s: Situation) -> bool:
    """True when what was last written was looked at, and is so still."""
    return s.is_looked_at and s.spec_was_applied and not s.differences


def _as_before(s: Situation, message: str) -> Iterator[Line]:
    """What was known stays while nothing speaks against it: not the spec, nor what was seen in Elasticsearch."""
    stays = s.spec_was_applied and not isinstance(s.observed, Absent) and not s.differences
    for name in ("Ready", Area.SYNC.value):
        before = next((c for c in s.previous.conditions if c.type == name), None)
        if before is not None and stays and before.reason in _REASONS:
            yield Line(name, before.status, Reason(before.reason), before.message)
        else:
            yield Line(name, "Unknown", Reason.SUSPENDED, message)


def dated(before: tuple[Condition, ...], lines: tuple[Line, ...], generation: int, now: str) -> tuple[Condition, ...]:
    """Conditions change their time only with their status."""
    since = {c.type: c for c in before}
    return tuple(
        Condition(
            type=line.type,
            status=line.status,
            reason=line.reason.value,
            message=_one_line(line.message),
            observed_generation=generation,
            last_transition_time=since[line.type].last_transition_time
            if line.type in since and since[line.type].status == line.status
            else now,
        )
        for line in lines
    )


def _one_line(text: str) -> str:
    """Bounded: names of settings come from users, and reasons of a failed deployment from Elasticsearch."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[: _MAX_MESSAGE - 1]}…"
