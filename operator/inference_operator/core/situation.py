"""Everything that a decision may depend on, as one frozen value: what objects of all kinds have in common.

`gather` fills it, `plan` reads it, `core.advance` folds the answer of each step back in. What a kind knows beyond this is
a subclass in its own package (`core.endpoint`, `core.pipeline`). Pure.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeAlias

from inference_operator.api.managed import ManagedObject, ManagedSpec, ManagedStatus
from inference_operator.api.meta import CLAIM_ANNOTATION, FINALIZER
from inference_operator.api.policies import DeletionPolicy, ManagementPolicy
from inference_operator.core.difference import Difference
from inference_operator.core.failure import Failure
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import Referrers
from inference_operator.core.values import ABSENT, Absent, Deployment, Desired, Observed, Path, Server, Usage
from inference_operator.core.verdict import Step


@dataclass(frozen=True, slots=True)
class ClaimMark:
    """The annotation `<uid>@<cluster>/<id>`: this object is about to create, or created, what stands under that id."""

    uid: str
    cluster: str
    external_id: str

    @classmethod
    def parse(cls, text: str | None) -> ClaimMark | None:
        """None where there is no claim, or something that is none: a mangled claim counts for nothing."""
        uid, at, rest = (text or "").partition("@")
        cluster, slash, external_id = rest.rpartition("/")
        return cls(uid, cluster, external_id) if uid and at and cluster and slash and external_id else None

    def __str__(self) -> str:
        return f"{self.uid}@{self.cluster}/{self.external_id}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the spec itself, found without asking anybody."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Pass:
    """What was done in this pass. `updated` are the paths of successful updates; `tried` the last step that failed.

    `written`: an answer of Elasticsearch to a create or update was seen; `created`: to a create, so that it knows every setting.
    `refused`: a delete was, because of users that are known now. `replaced`: what was there was deleted to be made anew.
    `repaired`: what was put back after somebody else had changed it; the path `()` stands for the whole.
    `not_replaced`: why the settings of a replacement were refused.
    """

    claimed: bool = False
    written: bool = False
    created: bool = False
    looked_again: bool = False
    validated: bool = False
    inspected: bool = False
    refused: bool = False
    replaced: bool = False
    updated: frozenset[Path] = frozenset()
    repaired: frozenset[Path] = frozenset()
    tried: Step | None = None
    not_replaced: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation(ABC):
    """One object and what stands under its id in Elasticsearch, as far as they are known now.

    `observed` is None while it is not known; `fresh` says that it comes from an answer to this very pass rather than from a
    bulk read. `failure` is what stopped `gather`, or the last step (then `done.tried` names the step). `abandoned`: there is no
    way to reach Elasticsearch and there won't be one. `rival` owns the same id, as `namespace/name`; `heir` takes over when this
    object goes. `usage` was asked for in this pass, and decides; `referrers` come from a bulk read, and are only shown.
    """

    kind: ClassVar[str]
    noun: ClassVar[str]
    id_field: ClassVar[str]

    uid: str
    generation: int
    external_id: str
    spec: ManagedSpec
    previous: ManagedStatus
    deleting: bool = False
    has_finalizer: bool = False
    claim: ClaimMark | None = None
    problem: Problem | None = None
    server: Server | None = None
    rival: str | None = None
    heir: str | None = None
    desired: Desired | None = None
    observed: Observed | Absent | None = None
    fresh: bool = False
    usage: Usage | None = None
    referrers: Referrers | None = None
    failure: Failure | None = None
    abandoned: bool = False
    done: Pass = field(default_factory=Pass)
    # Not copied by `replace`: another situation has other differences.
    _differences: tuple[Difference, ...] | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, found: ManagedObject, **more: Any) -> Self:
        """What the object alone tells. `more` are the fields that only the kind has."""
        meta = found.metadata
        return cls(
            uid=meta.uid,
            generation=meta.generation,
            external_id=found.external_id,
            spec=found.spec,
            previous=found.status,
            deleting=meta.deletion_timestamp is not None,
            has_finalizer=FINALIZER in meta.finalizers,
            claim=ClaimMark.parse(meta.annotations.get(CLAIM_ANNOTATION)),
            **more,
        )

    # ------------------------------------------------------------ what a kind says

    @property
    @abstractmethod
    def digest(self) -> str:
        """Identifies what the spec says; needs `desired`. The same for an equal spec, for ever."""

    @abstractmethod
    def compared(self) -> tuple[Difference, ...]:
        """What is not as the spec says, worked out. Empty while a side is unknown."""

    @property
    def secrets(self) -> frozenset[str]:
        """The secret values that this pass has read, for cutting them out of texts."""
        return frozenset()

    @property
    def secrets_to_send(self) -> frozenset[Path]:
        """The settings to send again because their Secret changed."""
        return frozenset()

    @property
    def needs_values(self) -> bool:
        """True when nothing can be said before the secret values are read."""
        return False

    @property
    def mendable(self) -> tuple[Difference, ...]:
        """The differences that can be mended in place."""
        return self.differences

    @property
    def is_looked_at(self) -> bool:
        """True when all that decides whether it can be used was seen in this pass."""
        return isinstance(self.observed, Observed)

    @property
    def is_foreign(self) -> bool:
        """True when what stands there says itself that it belongs to somebody else, whatever the claim says."""
        return False

    @property
    def carries_own_mark(self) -> bool:
        """True when what stands there says itself that it belongs to this object, whichever cluster the claim names."""
        return False

    @property
    def fails_after_storing(self) -> bool:
        """True when a create that is refused may have stored what it was to create."""
        return False

    def folded(self, step: Step, answer: Answer) -> Self:
        """The situation after a step that only this kind knows."""
        raise AssertionError((step, answer))

    def without_trace(self) -> Self:
        """The situation once nothing stands under the id."""
        return replace(self, observed=ABSENT, fresh=True, usage=None)

    # ------------------------------------------------------------ what follows for every kind

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as the spec says. Empty while a side is unknown. Many rules ask, so it is worked out once."""
        found = self._differences
        if found is None:
            found = self.compared()
            object.__setattr__(self, "_differences", found)  # a value that follows from the others may be filled in later
        return found

    @property
    def observes_only(self) -> bool:
        return self.spec.management_policy is ManagementPolicy.OBSERVE

    @property
    def deletes(self) -> bool:
        """True when what stands in Elasticsearch goes with the object."""
        return not self.observes_only and self.spec.deletion_policy is DeletionPolicy.DELETE

    @property
    def claimed_by_uid(self) -> bool:
        """A claim counts only for the object's own uid: copies and restored objects carry one, too."""
        return self.claim is not None and self.claim.uid == self.uid and self.claim.external_id == self.external_id

    @property
    def owned(self) -> bool:
        """True when what stands under the id in this cluster is, or will be, this object's."""
        claim = self.claim
        called = claim is not None and self.server is not None and self.server.is_called(claim.cluster)
        return self.claimed_by_uid and (called or self.carries_own_mark) and not self.is_foreign

    @property
    def new_claim(self) -> ClaimMark:
        """The claim to write. Needs `server`."""
        assert self.server is not None
        return ClaimMark(self.uid, self.server.identity, self.external_id)

    @property
    def claim_is_vague(self) -> bool:
        """True when the claim names the cluster by its address, and its UUID is known by now."""
        server = self.server
        return self.owned and server is not None and server.uuid is not None and self.claim != self.new_claim

    @property
    def spec_was_applied(self) -> bool:
        """True when the spec says what was last written with success, so that a difference is somebody else's doing."""
        applied = self.previous.applied
        if self.desired is None or applied is None:
            return False
        return applied.digest == self.digest and self.cluster_is_the_same

    @property
    def cluster_is_the_same(self) -> bool:
        """False only when both UUIDs are known and differ."""
        before, now = self.previous.cluster, self.server
        return before is None or now is None or None in (before.uuid, now.uuid) or before.uuid == now.uuid

    @property
    def once_set(self) -> frozenset[str]:
        """The settings that were last written."""
        applied = self.previous.applied
        return frozenset(applied.paths) if applied and not self.done.created else frozenset()

    @property
    def is_being_replaced(self) -> bool:
        """True between the delete and the create of a replacement, also when a restart lies between them."""
        return self.done.replaced or self.ready_before is Reason.REPLACING

    @property
    def ready_before(self) -> Reason | None:
        """What `Ready` said of this very generation."""
        if self.previous.observed_generation != self.generation:
            return None
        said = next((c.reason for c in self.previous.conditions if c.type == "Ready"), None)
        return next((reason for reason in Reason if reason == said), None)


@dataclass(frozen=True, slots=True)
class Patched:
    """Kubernetes took a patch of the object's metadata."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Elasticsearch refused to delete what is in use."""

    usage: Usage


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What became of the documents of the spec's tests, one result each, as `_simulate` told."""

    results: tuple[object, ...]


Answer: TypeAlias = Observed | Desired | Absent | Usage | Refused | Deployment | Rehearsed | Patched | Failure | None
"""What a step brought. None: asked, and there is no deployment."""
