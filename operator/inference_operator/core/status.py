"""What the status of every kind says alike: the cluster, who uses it, what drifted, what was last written.

Nothing in here changes without news, so an unchanged world gives an equal status, and no write. Pure: the time of a
transition is an argument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from inference_operator.api.managed import ManagedStatus
from inference_operator.api.status import MAX_REFERRERS, Applied, ClusterStatus, UsedBy
from inference_operator.core.conditions import Line, Truth, dated
from inference_operator.core.failure import may_be_done
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import refreshed
from inference_operator.core.situation import Situation
from inference_operator.core.values import Absent, Json, Path, Tree, Usage, dotted, show
from inference_operator.core.verdict import Conclusion, Delete, Nothing, Unusable, Update

# Characters of JSON: Kubernetes stores 1.5 MB an object at most, and the spec is in there already.
_MAX_OBSERVED = 262_144
_MAX_VALUE = 1024

Status = TypeVar("Status", bound=ManagedStatus)


def unreadable_status(previous: Status, *, generation: int, fault: str, now: str) -> Status:
    """The status of an object that does not have the form of its kind. `fault` names the field."""
    message = f"{fault}. Correct the object; if it is as documented, the installed CRD is older than the operator: upgrade it"
    told = tuple(Line(name, status, Reason.VALIDATION_FAILED, message) for name, status in _UNREADABLE)
    conditions = dated(previous.conditions, told, generation, now)
    copy: Status = previous.model_copy(update={"observed_generation": generation, "conditions": conditions})
    return copy


_UNREADABLE: tuple[tuple[str, Truth], ...] = (("Ready", "False"), ("Stalled", "True"))


def cluster(s: Situation) -> ClusterStatus | None:
    """The cluster. What can't be read just now is not forgotten: an unknown UUID is not another cluster."""
    if s.server is None:
        return s.previous.cluster
    before = s.previous.cluster
    return ClusterStatus(
        uuid=s.server.uuid or (before.uuid if before else None),
        version=s.server.version or (before.version if before else None),
    )


def used_by(s: Situation) -> UsedBy | None:
    """Who uses it. Found while nobody deletes, it says nothing of indices, so that nobody does is not said then."""
    if s.usage is not None:
        return _users(s.usage)
    if isinstance(s.observed, Absent):
        return None
    if s.referrers is None:
        return s.previous.used_by
    known = refreshed(s.previous.used_by, s.referrers)
    return _users(known) if known.total else None


def _users(usage: Usage) -> UsedBy:
    return UsedBy(pipelines=usage.pipelines[:MAX_REFERRERS], indices=usage.indices[:MAX_REFERRERS], total=usage.total)


def text(value: Tree) -> str | None:
    """A value of a difference as status shows it: JSON, secrets as `<secret name/key>`; None where there is no such setting.

    Bounded: a processor may hold a script of any length, a template of a request too.
    """
    return None if value is None else shortened(json.dumps(show(value), sort_keys=True, ensure_ascii=False))


def fits(document: Mapping[str, Json]) -> bool:
    """True when a status may show all of it."""
    return len(json.dumps(document)) <= _MAX_OBSERVED


def shortened(value: str) -> str:
    """The text, or the beginning of a long one."""
    return value if len(value) <= _MAX_VALUE else f"{value[: _MAX_VALUE - 1]}…"


def applied(s: Situation, conclusion: Conclusion, paths: tuple[Path, ...]) -> Applied | None:
    """What Elasticsearch holds of what the object said. `paths` are those that the spec sets; needs `desired`."""
    if not isinstance(conclusion, Nothing | Unusable) or s.desired is None or s.observes_only:
        return _left_behind(s, frozenset(paths))
    before = s.previous.applied
    generation = before.generation if before is not None and before.digest == s.digest else s.generation
    return Applied(generation=generation, digest=s.digest, paths=tuple(dotted(path) for path in paths))


def _left_behind(s: Situation, wanted: frozenset[Path]) -> Applied | None:
    """The same after a pass that was held. What it wrote of another spec, or may have, is no spec as a whole."""
    before = _still_there(s)
    # Without a note of what was written there is none of what may have been: it would say that the object was here before.
    unsure = s.done.tried if before is not None and s.failure is not None and may_be_done(s.failure) else None
    taken = s.done.updated.difference(d.path for d in s.differences)  # some are acknowledged and ignored
    written = taken | (unsure.paths if isinstance(unsure, Update) else frozenset())
    may_be_gone = isinstance(unsure, Delete) and unsure.replacing
    if not written and not s.done.created and not may_be_gone:
        return before
    if before is not None and before.digest == s.digest and not may_be_gone:
        return before
    kept = () if before is None or s.done.created else before.paths
    set_now = wanted if s.done.created else written & wanted
    return Applied(generation=s.generation, paths=tuple(sorted({*kept, *map(dotted, set_now)})))


def _still_there(s: Situation) -> Applied | None:
    """What was written stood in this cluster, and was not deleted to make way: otherwise it says nothing of what is there now."""
    before = s.previous.applied
    if before is None or (s.cluster_is_the_same and not s.done.replaced):
        return before
    return Applied(generation=before.generation)
