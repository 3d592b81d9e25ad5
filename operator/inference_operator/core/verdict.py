"""What `plan` can say: the next step to take, or the conclusion that ends the pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from inference_operator.core.disposition import Disposition
from inference_operator.core.values import Path, Usage


@dataclass(frozen=True, slots=True)
class Look:
    """Ask Elasticsearch for this id: what is known comes from a bulk read, or is not known at all."""


@dataclass(frozen=True, slots=True)
class Resolve:
    """Read the values of Secrets that were not read because their version had not changed."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Write the claim, and the finalizer where the endpoint goes with the object, in one patch."""


@dataclass(frozen=True, slots=True)
class Unclaim:
    """Take claim and finalizer back: somebody else was faster."""


@dataclass(frozen=True, slots=True)
class SetFinalizer:
    """Add or remove the finalizer alone."""

    present: bool


@dataclass(frozen=True, slots=True)
class Create:
    """PUT it."""


@dataclass(frozen=True, slots=True)
class Update:
    """Make these settings as the spec says.

    An endpoint takes an `_update`, and secrets of a block that is touched go along; a pipeline is replaced as a whole by a PUT.
    """

    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Validate:
    """PUT to the id that is taken: Elasticsearch checks everything and then refuses, which is what is wanted."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """Ask who refers to it."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete it. `replacing`: it is created anew right after."""

    force: bool
    replacing: bool = False


@dataclass(frozen=True, slots=True)
class Inspect:
    """Look at the deployment of an in-cluster model."""


@dataclass(frozen=True, slots=True)
class Rehearse:
    """Run the tests that the spec carries on the server, without writing anything."""


Step: TypeAlias = (
    Look | Resolve | Claim | Unclaim | SetFinalizer | Create | Update | Validate | DryRun | Delete | Inspect | Rehearse
)

SENT = (Create, Update, Validate, Delete)
"""The steps that write to Elasticsearch, or may."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as the spec says, and usable."""


@dataclass(frozen=True, slots=True)
class Held:
    """Not as the spec says, for a reason that `disposition` holds."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Unusable:
    """Elasticsearch holds what the spec says, and it can't be used: a model does not serve, or what it needs is not there."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Blocked:
    """The object is to be deleted, and what it stands for is in use."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Watching:
    """The object only observes: what is there was read."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """Nothing is changed until `suspend` is false again. `unusable`: why what is there can't be used, if so."""

    unusable: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The object is to be deleted and nothing holds it."""


Conclusion: TypeAlias = Nothing | Held | Unusable | Blocked | Watching | Suspended | Released
Verdict: TypeAlias = Step | Conclusion
