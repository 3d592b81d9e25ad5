"""Everything that a decision may depend on, as one frozen value, and how an answer changes it.

`gather` fills it, `plan` reads it, `advance` folds the answer of each step back in. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TypeAlias

from inference_operator.api.ids import is_reserved
from inference_operator.api.inference_endpoint import InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.api.policies import DeletionPolicy, ManagementPolicy
from inference_operator.core.compare import (
    Difference,
    Mutability,
    Yardstick,
    compare,
    digest,
    hides_values,
    is_in_cluster,
    secret_paths,
)
from inference_operator.core.failure import Failure, HttpFailure, ReferenceFailure, TransportFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.referrers import Referrers
from inference_operator.core.values import (
    ABSENT,
    Absent,
    Deployment,
    Desired,
    Observed,
    Path,
    ProbeOutcome,
    Server,
    Usage,
    dotted,
)
from inference_operator.core.verdict import (
    Claim,
    Create,
    Delete,
    DryRun,
    Inspect,
    Look,
    Resolve,
    SetFinalizer,
    Step,
    Unclaim,
    Update,
    Validate,
)

# How an endpoint reads back that is stored without chunking settings.
_WITHOUT_CHUNKING = {"strategy": "word", "max_chunk_size": 250, "overlap": 100}
_NOT_IN_PLACE = (Reason.UPDATE_IGNORED, Reason.REPLACE_REQUIRED, Reason.REPLACE_BLOCKED)


@dataclass(frozen=True, slots=True)
class ClaimMark:
    """The annotation `<uid>@<cluster>/<id>`: this object is about to create, or created, that endpoint."""

    uid: str
    cluster: str
    inference_id: str

    @classmethod
    def parse(cls, text: str | None) -> ClaimMark | None:
        """None where there is no claim, or something that is none: a mangled claim counts for nothing."""
        uid, at, rest = (text or "").partition("@")
        cluster, slash, inference_id = rest.rpartition("/")
        return cls(uid, cluster, inference_id) if uid and at and cluster and slash and inference_id else None

    def __str__(self) -> str:
        return f"{self.uid}@{self.cluster}/{self.inference_id}"


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with the spec itself, found without asking anybody."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Pass:
    """What was done in this pass. `updated` are the paths of successful updates; `tried` the last step that failed.

    `written`: an answer of Elasticsearch to a create or update was seen; `created`: to a create, so that it knows every setting.
    """

    claimed: bool = False
    written: bool = False
    created: bool = False
    looked_again: bool = False
    validated: bool = False
    inspected: bool = False
    updated: frozenset[Path] = frozenset()
    tried: Step | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """One object and its endpoint, as far as they are known now.

    `observed` is None while it is not known; `fresh` says that it comes from an answer to this very pass rather than from a
    bulk read. `secrets_changed`: a value that was fed differs from what was last sent, or that can't be excluded.
    `failure` is what stopped `gather`, or the last step (then `done.tried` names the step). `abandoned`: there is no way to
    reach Elasticsearch and there won't be one. `rival` owns the same id, as `namespace/name`;
    `heir` takes the endpoint over when this object goes. `usage` was asked for in this pass,
    and decides; `referrers` come from a bulk read, and are only shown. So is `probe`, the end of the
    last probe that this process made.
    """

    uid: str
    generation: int
    inference_id: str
    spec: InferenceEndpointSpec
    previous: InferenceEndpointStatus
    deleting: bool = False
    has_finalizer: bool = False
    claim: ClaimMark | None = None
    problem: Problem | None = None
    server: Server | None = None
    rival: str | None = None
    heir: str | None = None
    desired: Desired | None = None
    secrets_changed: bool = False
    observed: Observed | Absent | None = None
    fresh: bool = False
    usage: Usage | None = None
    referrers: Referrers | None = None
    deployment: Deployment | None = None
    probe: ProbeOutcome | None = None
    failure: Failure | None = None
    abandoned: bool = False
    done: Pass = field(default_factory=Pass)

    @property
    def observes_only(self) -> bool:
        return self.spec.management_policy is ManagementPolicy.OBSERVE

    @property
    def deletes(self) -> bool:
        """True when the endpoint goes with the object."""
        return not self.observes_only and self.spec.deletion_policy is DeletionPolicy.DELETE

    @property
    def claimed_by_uid(self) -> bool:
        """A claim counts only for the object's own uid: copies and restored objects carry one, too."""
        return self.claim is not None and self.claim.uid == self.uid and self.claim.inference_id == self.inference_id

    @property
    def owned(self) -> bool:
        """True when what stands under the id in this cluster is, or will be, this object's."""
        claim = self.claim
        return self.claimed_by_uid and claim is not None and self.server is not None and self.server.is_called(claim.cluster)

    @property
    def new_claim(self) -> ClaimMark:
        """The claim to write. Needs `server`."""
        assert self.server is not None
        return ClaimMark(self.uid, self.server.identity, self.inference_id)

    @property
    def spec_was_applied(self) -> bool:
        """True when the spec says what was last written with success, so that a difference is somebody else's doing."""
        applied = self.previous.applied
        if self.desired is None or applied is None:
            return False
        return applied.digest == digest(self.desired) and self.cluster_is_the_same

    @property
    def cluster_is_the_same(self) -> bool:
        """False only when both UUIDs are known and differ."""
        before, now = self.previous.cluster, self.server
        return before is None or now is None or None in (before.uuid, now.uuid) or before.uuid == now.uuid

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What is not as the spec says. Empty while a side is unknown."""
        if self.desired is None or not isinstance(self.observed, Observed):
            return ()
        applied = self.previous.applied
        yardstick = Yardstick(
            version=self.server.parsed_version if self.server else None,
            absent_counts=not self.done.created and not (self.owned and self.spec_was_applied),
            once_set=frozenset(applied.paths) if applied and not self.done.created else frozenset(),
        )
        found = compare(self.desired, self.observed, yardstick)
        return tuple(difference for difference in found if not self._is_believed(difference))

    def _is_believed(self, difference: Difference) -> bool:
        """True when an update took a setting that it may change and does not show it: Elasticsearch keeps some to itself."""
        unseen = difference.observed is None and difference.path in self.done.updated
        return unseen and difference.mutability is Mutability.MUTABLE

    @property
    def stuck(self) -> tuple[Difference, ...]:
        """The differences that `_update` can't mend, as known beforehand or as the answers showed."""
        return tuple(d for d in self.differences if d.mutability is Mutability.IMMUTABLE or self.was_ignored(d))

    @property
    def mendable(self) -> tuple[Difference, ...]:
        """The differences to send in an `_update`."""
        stuck = {difference.path for difference in self.stuck}
        return tuple(d for d in self.differences if d.path not in stuck)

    def was_ignored(self, difference: Difference) -> bool:
        """True when an update said 200 and changed nothing, in this pass or, for this very spec and server, in an earlier one."""
        return difference.path in self.done.updated or self._was_told(difference.path, self.told_before)

    def was_accepted(self, path: Path) -> bool:
        """True when it was an update that showed that the setting stays as it is, and no refusal and no catalogue."""
        told = self.told_before if self.told_before is Reason.UPDATE_IGNORED else None
        return path in self.done.updated or self._was_told(path, told)

    def _was_told(self, path: Path, reason: Reason | None) -> bool:
        return reason is not None and dotted(path) in {entry.path for entry in self.previous.drift}

    @property
    def told_before(self) -> Reason | None:
        """What status says already of changes that `_update` can't make, while spec and server are the same."""
        if self.previous.observed_generation != self.generation or not self._same_version:
            return None
        synced = next((c.reason for c in self.previous.conditions if c.type == "Synced"), None)
        return next((reason for reason in _NOT_IN_PLACE if reason == synced), None)

    @property
    def _same_version(self) -> bool:
        before, now = self.previous.cluster, self.server
        return before is not None and now is not None and before.version == now.version

    def was_lost(self, path: Path) -> bool:
        """True for chunking settings that were written once, and that an update dropped (Elasticsearch issue 139574)."""
        if path[0] != "chunkingSettings" or not isinstance(self.observed, Observed) or self.previous.applied is None:
            return False
        once = any(name.startswith("chunkingSettings.") for name in self.previous.applied.paths)
        return once and self.observed.chunking_settings == _WITHOUT_CHUNKING

    @property
    def secrets_to_send(self) -> frozenset[Path]:
        """The settings to send again because their Secret changed."""
        if self.desired is None or not self.secrets_changed or self.done.written:
            return frozenset()
        return secret_paths(self.desired)

    @property
    def needs_values(self) -> bool:
        """True when nothing can be said before the secret values are read."""
        if self.desired is None or self.desired.is_read:
            return False
        return isinstance(self.observed, Observed) and hides_values(self.desired, self.observed)

    @property
    def runs_in_cluster(self) -> bool:
        return self.desired is not None and is_in_cluster(self.desired)

    @property
    def starts_on_demand(self) -> bool:
        """True for an endpoint that Elasticsearch brings along: its first use deploys the model."""
        return self.runs_in_cluster and is_reserved(self.inference_id)

    @property
    def deployment_id(self) -> str:
        """The deployment behind an in-cluster model: its own unless it is attached to another."""
        if isinstance(self.observed, Observed):
            attached = self.observed.service_settings.get("deployment_id")
            if isinstance(attached, str) and attached:
                return attached
        return self.inference_id


@dataclass(frozen=True, slots=True)
class Patched:
    """Kubernetes took a patch of the object's metadata."""


Answer: TypeAlias = Observed | Absent | Usage | Deployment | Desired | Patched | Failure | None
"""What a step brought. None: asked, and there is no deployment."""


def advance(situation: Situation, step: Step, answer: Answer) -> Situation:
    """The situation after a step. A failed step is remembered in `done.tried`, so that `plan` can decide what it means."""
    if isinstance(answer, HttpFailure | TransportFailure | ReferenceFailure) and not _is_acceptance(step, answer):
        return _failed(situation, step, answer)
    if isinstance(step, Claim | Unclaim | SetFinalizer):
        return _patched(situation, step)
    if isinstance(step, Delete) or isinstance(answer, Absent):
        return _gone(situation, step)
    return _answered(situation, step, answer)


def _failed(situation: Situation, step: Step, failure: Failure) -> Situation:
    if isinstance(situation.done.tried, Create) and isinstance(step, Look) and not already_exists(situation.failure):
        failure = situation.failure or failure  # why the create failed says more than that the look failed, too
    # A look from before the create says nothing about what the create left.
    looked_again = situation.done.looked_again and not isinstance(step, Create)
    return replace(situation, failure=failure, done=replace(situation.done, tried=step, looked_again=looked_again))


def _gone(situation: Situation, step: Step) -> Situation:
    """The endpoint is not there. After a delete of our own everything that was known of it is history."""
    blank = replace(situation, observed=ABSENT, fresh=True, usage=None, deployment=None)
    if isinstance(step, Delete):
        return replace(blank, failure=None, done=Pass(claimed=situation.done.claimed))
    done = replace(
        situation.done,
        looked_again=isinstance(step, Look),
        written=False,
        created=False,
        updated=frozenset(),
        inspected=False,
    )
    return replace(blank, done=done)


def _is_acceptance(step: Step, failure: Failure) -> bool:
    """A PUT to an id that is taken validates everything first: `already exists` then means that the settings are good."""
    return isinstance(step, Validate) and isinstance(failure, HttpFailure) and already_exists(failure)


def already_exists(failure: Failure | None) -> bool:
    """True for the answer of a PUT to an id that is taken."""
    return isinstance(failure, HttpFailure) and failure.type == "resource_already_exists_exception"


def _patched(situation: Situation, step: Step) -> Situation:
    match step:
        case Claim():
            done = replace(situation.done, claimed=True)
            return replace(situation, claim=situation.new_claim, has_finalizer=situation.deletes, done=done)
        case Unclaim():
            # What was known of the id is from before somebody else took it.
            blank = replace(situation, observed=None, fresh=False, failure=None, done=Pass())
            return replace(blank, claim=None, has_finalizer=False)
        case SetFinalizer(present=present):
            return replace(situation, has_finalizer=present)
        case _:
            raise AssertionError(step)


def _answered(situation: Situation, step: Step, answer: Answer) -> Situation:
    done = situation.done
    match step:
        case Look():
            assert isinstance(answer, Observed)
            return replace(situation, observed=answer, fresh=True, done=replace(done, looked_again=True))
        case Resolve():
            assert isinstance(answer, Desired)
            # A Secret that changed between the two readings counts as changed, or the change would pass for sent.
            changed = situation.desired is None or answer.sources != situation.desired.sources
            return replace(situation, desired=answer, secrets_changed=situation.secrets_changed or changed)
        case Create() | Validate() if isinstance(answer, Observed):
            # A `Validate` that succeeds found the id free: the endpoint had gone meanwhile, and now it is made.
            done = replace(done, written=True, created=True, looked_again=False)
            return replace(situation, observed=answer, fresh=True, failure=None, done=done)
        case Update(paths=paths):
            assert isinstance(answer, Observed)
            done = replace(done, written=True, updated=done.updated | paths)
            return replace(situation, observed=answer, fresh=True, failure=None, done=done)
        case Validate():
            return replace(situation, done=replace(done, validated=True))
        case DryRun():
            assert isinstance(answer, Usage)
            return replace(situation, usage=answer)
        case Inspect():
            assert answer is None or isinstance(answer, Deployment)
            return replace(situation, deployment=answer, done=replace(done, inspected=True))
        case _:
            raise AssertionError(step)
