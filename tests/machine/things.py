"""What the scenarios of every kind need to know of a kind: how to change it, behind the operator's back, too, and who uses it.

A scenario speaks of "the thing" that an object stands for; `things_of_endpoints` and `things_of_pipelines` say what that means.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import httpx

from tests.standin import StandIn

KEY = "canary-scenario-27c1"
OTHER_KEY = "canary-scenario-of-the-other-namespace"


class Place(Protocol):
    """The part of a stage that things are told with."""

    @property
    def standin(self) -> StandIn:
        """Elasticsearch, for looking behind its back."""
        ...

    def id_of(self, name: str) -> str:
        """The id in Elasticsearch of an object."""
        ...

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """What somebody else says to Elasticsearch."""
        ...


class Thing(Protocol):
    """A kind, as seen by a scenario. All questions are about what stands under the id of an object, by the object's name."""

    kind: str
    plural: str
    id_field: str
    round: str
    """The path that each comparison reads once."""
    create: str
    """A create, as `elasticsearch_writes` tells it."""
    update: str
    """A change in place, as `elasticsearch_writes` tells it."""
    said_path: str
    """The field of the spec that `saying` sets."""
    other_path: str
    """The field of the spec that `other` sets."""
    plain: Mapping[str, Any]
    """The spec where a scenario does not say."""
    full: Mapping[str, Any]
    """A spec with all that there is."""
    other: Mapping[str, Any]
    """What makes it quite another thing than a plain one."""

    def saying(self, words: str) -> dict[str, Any]:
        """Fields of a spec that hold these words, in a place that can be changed."""
        ...

    def said(self, place: Place, name: str = "a") -> str | None:
        """The words that Elasticsearch holds; None where it holds none."""
        ...

    def stored(self, place: Place, name: str = "a") -> object | None:
        """All that Elasticsearch holds, for comparing; None where that is nothing."""
        ...

    def is_full(self, place: Place, name: str = "a") -> bool:
        """True when it is as `full` says."""
        ...

    def is_other(self, place: Place, name: str = "a") -> bool:
        """True when it is as `other` says."""
        ...

    def is_from(self, owner: str, place: Place, name: str = "a") -> bool:
        """True when object `owner` wrote it: `a` is of the first namespace, `b` of the other one."""
        ...

    async def appear(self, place: Place, name: str = "a", *, other: bool = False) -> None:
        """Somebody else makes it, as plain as the object wants it, or as `other`."""
        ...

    async def meddle(self, place: Place, words: str, name: str = "a") -> None:
        """Somebody else lets it say something else."""
        ...

    async def vanish(self, place: Place, name: str = "a") -> None:
        """Somebody else deletes it."""
        ...

    async def use(self, place: Place, name: str = "a") -> str:
        """Somebody begins to use it, so that it goes only by force. Returns the user, as `usedBy.indices` shows it."""
        ...

    async def unuse(self, place: Place, name: str = "a") -> None:
        """That user goes."""
        ...
