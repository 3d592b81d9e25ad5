"""What a story about a reason is: how it comes about, what is read then, and what makes it go away.

The stories are the tables `stories_of_…`, and `stories_told_of_pipelines` tells most of them of the other kind;
`test_reasons_reached` carries them out, and `test_reasons_page` and `test_guide` hold the pages to them.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from inference_operator.core.reasons import Reason
from inference_operator.shell.ports import ObjectKey
from tests.machine.world import NAMESPACE, World


class Goes(Enum):
    """How it goes on once the cause is gone, in the words of `docs/reasons.md`."""

    AT_ONCE = "at once"
    """Something that the operator watches tells it: no time passes."""
    RETRIED = "again and again"
    """Tried again, with pauses, before the next comparison is due."""
    COMPARED = "with the next comparison"
    """Only when the whole cluster is compared, or somebody asks for it."""
    EDITED = "with an edit"
    """Only a change of the object itself helps, and that helps at once."""
    STAYS = "nothing to do"
    """As it should be."""


Deed: TypeAlias = Callable[[World], Awaitable[object] | object]
Cure: TypeAlias = Callable[[World, ObjectKey], Awaitable[object] | object]


def nothing(*_: object) -> None:
    """No deed."""


async def done(value: Awaitable[object] | object) -> None:
    """Wait for what a deed answers, where there is something to wait for."""
    if inspect.isawaitable(value):
        await value


@dataclass(frozen=True, kw_only=True)
class Story:
    """One way to a reason, and out of it.

    Attributes:
        title: what happened, as a person would say it.
        reason: what must be read.
        shown: the conditions that carry it, as `Ready=False`.
        event: the type of its event; None where none is told.
        goes: how it goes on after `cure`.
        spec: merged over an OpenAI endpoint named `a`.
        before: done before the operator starts.
        after: done once the object has come to rest.
        cure: takes the cause away.
        end: `Ready` after the cure; None where the object is gone.
        standin: arguments of the stand-in.
        namespace: of the object.
        pipeline: whether it is an IngestPipeline; then `spec` is merged over one that sets a field.
    """

    title: str
    reason: Reason
    shown: frozenset[str]
    event: str | None = "Warning"
    goes: Goes
    spec: Mapping[str, Any] = field(default_factory=dict)
    before: Deed = nothing
    after: Cure = nothing
    cure: Cure = nothing
    end: tuple[str, str] | None = ("True", "Available")
    standin: Mapping[str, Any] = field(default_factory=dict)
    namespace: str = NAMESPACE
    pipeline: bool = False

    def __str__(self) -> str:
        return f"{self.reason}: {self.title}"


def shown(*conditions: str) -> frozenset[str]:
    return frozenset(conditions)


REFUSED = shown("Ready=False", "Synced=False", "Stalled=True")
"""It was looked at, and a person must act."""
UNDER_WAY = shown("Ready=False", "Synced=False", "Reconciling=True")
"""It was looked at, and goes on."""
UNSEEN = shown("Ready=Unknown", "Synced=Unknown", "Reconciling=True")
"""It could not be looked at."""
MISSING = shown("Ready=False", "ReferencesResolved=False", "Synced=Unknown", "Reconciling=True")
"""Something that the spec names is not there."""
UNUSABLE = shown("Ready=False", "ReferencesResolved=False", "Synced=Unknown", "Stalled=True")
"""Something that the spec names can't be used."""


def edit(**changes: Any) -> Cure:
    """Change fields of the spec."""
    return lambda world, key: world.kubernetes.edit_spec(key, changes)
