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
    """PUT the endpoint."""


@dataclass(frozen=True, slots=True)
class Update:
    """`_update` these settings; secrets of a block that is touched go along."""

    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Validate:
    """PUT to the id that is taken: Elasticsearch checks everything and then refuses, which is what is wanted."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """Ask who refers to the endpoint."""


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete the endpoint. `replacing`: it is created anew right after."""

    force: bool
    replacing: bool = False


@dataclass(frozen=True, slots=True)
class Inspect:
    """Look at the deployment of an in-cluster model."""


Step: TypeAlias = Look | Resolve | Claim | Unclaim | SetFinalizer | Create | Update | Validate | DryRun | Delete | Inspect


@dataclass(frozen=True, slots=True)
class Nothing:
    """All is as the spec says, and usable."""


@dataclass(frozen=True, slots=True)
class Held:
    """Not as the spec says, for a reason that `disposition` holds."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Deploying:
    """The endpoint is as written, its model is not ready to serve."""

    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Blocked:
    """The object is to be deleted, and the endpoint is in use."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Watching:
    """The object only observes: what is there was read."""


@dataclass(frozen=True, slots=True)
class Suspended:
    """Nothing is changed until `suspend` is false again. `model`: why the model of the endpoint can't serve, if so."""

    model: Disposition | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The object is to be deleted and nothing holds it."""


Conclusion: TypeAlias = Nothing | Held | Deploying | Blocked | Watching | Suspended | Released
Verdict: TypeAlias = Step | Conclusion
