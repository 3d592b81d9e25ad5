"""The sentences that users read in conditions and events: what happened, to which object, what to do next.

Nothing is decided here. A value that a Secret feeds never gets into a sentence; a setting is named by its path.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference_operator.core.situation import Situation
from inference_operator.core.values import Path, Usage, dotted

_LISTED = 5


def listed(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def paths_of(paths: Iterable[Path]) -> str:
    """The fields, as users write them."""
    return listed(sorted(f"spec.{dotted(path)}" for path in paths))


def users(usage: Usage) -> str:
    """Name the referrers: `pipelines: p1, p2; indices: i1`."""
    parts = []
    if usage.pipelines:
        parts.append(f"pipelines: {listed(usage.pipelines)}")
    if usage.indices:
        parts.append(f"indices: {listed(usage.indices)}")
    return "; ".join(parts)


def named(s: Situation) -> str:
    """`inference endpoint products`, to stand inside a sentence."""
    return f"{s.noun[0].lower()}{s.noun[1:]} {s.external_id}"


def _short(s: Situation) -> str:
    """`endpoint`, `pipeline`."""
    return s.noun.rsplit(" ", 1)[-1]


def where(s: Situation) -> str:
    """`Elasticsearch 9.5.0 at https://…`."""
    if s.server is None:
        return "Elasticsearch"
    version = f" {s.server.version}" if s.server.version else ""
    return f"Elasticsearch{version} at {s.server.address}"


def available(s: Situation) -> str:
    return f"{s.noun} {s.external_id} is as written, in {where(s)}"


def observed(s: Situation) -> str:
    return f"{s.noun} {s.external_id} is there, in {where(s)}; managementPolicy Observe never changes it"


def in_sync(s: Situation) -> str:
    return f"Elasticsearch holds what the spec says of {s.external_id}"


def references_resolved() -> str:
    return "Everything that the spec refers to was found"


def id_conflict(s: Situation) -> str:
    return (
        f"{s.id_field}: {s.external_id} belongs to {s.kind} {s.rival} on the same cluster;"
        " choose another id, or delete one of the two objects"
    )


def already_exists(s: Situation) -> str:
    differing = paths_of(d.path for d in s.differences)
    unlike = f", and differs in {differing}" if differing and s.spec.adoption_policy != "Never" else ""
    return (
        f"{s.id_field}: {s.external_id} exists in {where(s)} and was not made by this object{unlike}; it is left alone."
        f" Choose another id, delete that {_short(s)}, or take it over with spec.adoptionPolicy (now {s.spec.adoption_policy})"
    )


def nothing_to_observe(s: Situation) -> str:
    return f"{where(s)} has no {named(s)}; it is only observed, so nothing is created"


def deleted_by_others(s: Situation) -> str:
    return (
        f"{s.noun} {s.external_id} was deleted in {where(s)} by somebody else;"
        " driftPolicy is Detect, so it is not put back. Set driftPolicy: Correct, or delete this object"
    )


def drifted(s: Situation) -> str:
    return (
        f"{paths_of(d.path for d in s.differences)}: changed in {where(s)} by somebody else; driftPolicy is Detect, so it is"
        " left so. See status.drift; set driftPolicy: Correct to repair it, or take the change into the spec"
    )


def blocked(s: Situation, usage: Usage) -> str:
    if s.done.refused and s.spec.force_delete:
        return (
            f"Elasticsearch refuses to delete {named(s)} although spec.forceDelete is true: it is in use by {users(usage)}."
            " Set index.default_pipeline and index.final_pipeline of these indices to another pipeline or to _none"
        )
    return (
        f"{s.noun} {s.external_id} is not deleted because it is in use by {users(usage)}."
        " Point these elsewhere, or set spec.forceDelete: true"
    )


def deletion_held_up(s: Situation, cause: str) -> str:
    return (
        f"{cause.rstrip('.')}. Until then {named(s)} can't be deleted and this object stays;"
        f" set spec.deletionPolicy: Retain to let the object go and keep the {_short(s)}"
    )


def suspended(s: Situation) -> str:
    return f"spec.suspend is true: {s.external_id} is not changed until it is false again"


def differs(s: Situation) -> str:
    return f"{paths_of(d.path for d in s.differences)}: differs in {where(s)}; see status.drift"


def replacing(s: Situation, cause: str) -> str:
    return f"The old {named(s)} was deleted to make way, and the new one could not be created yet. {cause}"


def put_back(s: Situation, paths: Iterable[Path]) -> str:
    """`paths`: what somebody else had changed; the path `()` stands for the whole."""
    paths = frozenset(paths)
    if () in paths:
        return f"{s.noun} {s.external_id} was deleted in {where(s)} by somebody else; it was made anew, as written"
    return f"{paths_of(paths)}: changed in {where(s)} by somebody else; {s.external_id} was put back to what is written"
