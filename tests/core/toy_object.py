"""An object and its operator as a toy: gather, plan, act and report without an event loop, with faults, and laws on each step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from inference_operator.api.inference_endpoint import InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.core.advance import advance
from inference_operator.core.difference import Mutability
from inference_operator.core.endpoint.compare import mutability
from inference_operator.core.endpoint.plan import plan
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.endpoint.status import next_status
from inference_operator.core.failure import HttpFailure
from inference_operator.core.situation import Answer, ClaimMark
from inference_operator.core.values import Absent, Desired, ObjectVersion, Observed
from inference_operator.core.verdict import (
    Claim,
    Conclusion,
    Create,
    Delete,
    Held,
    Nothing,
    Resolve,
    SetFinalizer,
    Step,
    Unclaim,
    Update,
    Validate,
)
from tests.core.situations import ID, LOST, SECRET, UID, desire, openai_spec
from tests.core.stories import MOST_STEPS, PATCHED
from tests.core.toy_server import ToyServer, holds
from tests.lawful import assert_lawful, assert_succession


class Fault(Enum):
    """What goes wrong with one request."""

    NONE = "none"
    BUSY = "busy"
    LOST_BEFORE = "lost before it was done"
    LOST_AFTER = "lost after it was done"
    OUTRUN = "a stranger creates the id before it"
    DELETED = "a stranger deletes the endpoint before it"
    KILLED_BEFORE = "the operator is killed before it"
    KILLED_AFTER = "the operator is killed after it"


class Killed(Exception):  # noqa: N818 - nothing went wrong with the toy
    """The operator is dead; whatever was done stays."""


BUSY = HttpFailure(503, "cluster_block_exception", "blocked")
WRITES = (Create, Update, Delete, Validate, Claim, Unclaim, SetFinalizer)


@dataclass(slots=True)
class ToyObject:
    """The object as the API server keeps it, and what the operator did about it."""

    server: ToyServer
    spec: InferenceEndpointSpec = field(default_factory=openai_spec)
    generation: int = 1
    deleting: bool = False
    gone: bool = False
    claim: ClaimMark | None = None
    has_finalizer: bool = False
    status: InferenceEndpointStatus = field(default_factory=InferenceEndpointStatus)
    secret: str = "value-1"
    secret_version: int = 1
    bulk: Observed | Absent | None = None
    writes: list[Step] = field(default_factory=list)
    passes: int = 0
    conclusion: Conclusion | None = None

    def reconcile(self, faults: Iterator[Fault]) -> Conclusion | None:
        """One pass; None where the operator was killed in it."""
        s = self._gather()
        self.writes.clear()
        try:
            s, conclusion = self._converge(s, faults)
        except Killed:
            return None
        self._report(s, conclusion)
        self.conclusion = conclusion
        return conclusion

    def refresh(self) -> None:
        """The bulk read of a new round. Without it the next pass sees what was read, or written, before."""
        self.bulk = self.server.endpoint()

    def _converge(self, s: EndpointSituation, faults: Iterator[Fault]) -> tuple[EndpointSituation, Conclusion]:
        for _ in range(MOST_STEPS):
            verdict = plan(s)
            if isinstance(verdict, Conclusion):
                return s, verdict
            self._assert_allowed(s, verdict)
            s = advance(s, verdict, self._act(s, verdict, next(faults, Fault.NONE)))
        raise AssertionError(f"a pass does not come to an end: {self.writes}")

    def _gather(self) -> EndpointSituation:
        noted = {(v.name, v.uid, v.resource_version) for v in self.status.secret_versions}
        trusted = self.status.observed_generation == self.generation
        unchanged = trusted and (SECRET.name, "uid", str(self.secret_version)) in noted
        return EndpointSituation(
            uid=UID,
            generation=self.generation,
            external_id=ID,
            spec=self.spec,
            previous=self.status,
            deleting=self.deleting,
            has_finalizer=self.has_finalizer,
            claim=self.claim,
            server=self.server.server,
            desired=None if self.deleting else self.desired(read=not unchanged),
            secrets_changed=not unchanged and self.spec.service == "openai",
            observed=None if self.deleting else self.bulk,
        )

    def desired(self, *, read: bool = True) -> Desired:
        return desire(self.spec, value=self.secret, read=read, version=ObjectVersion("uid", str(self.secret_version)))

    def _act(self, s: EndpointSituation, step: Step, fault: Fault) -> Answer:
        if isinstance(step, WRITES):
            self.writes.append(step)
        if isinstance(step, Resolve):
            return self.desired()
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        answer = self._patch(s, step) if isinstance(step, Claim | Unclaim | SetFinalizer) else self._ask(s, step, fault)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        return answer

    def _ask(self, s: EndpointSituation, step: Step, fault: Fault) -> Answer:
        if fault in (Fault.BUSY, Fault.LOST_BEFORE):
            return BUSY if fault is Fault.BUSY else LOST
        if fault is Fault.OUTRUN:
            self.server.stranger_creates("theirs")
        if fault is Fault.DELETED:
            self.server.stored = None
        answer = self.server.answer(s, step)
        self.refresh()
        return LOST if fault is Fault.LOST_AFTER else answer

    def _patch(self, s: EndpointSituation, step: Claim | Unclaim | SetFinalizer) -> Answer:
        match step:
            case Claim():
                self.claim, self.has_finalizer = s.new_claim, s.deletes
            case Unclaim():
                self.claim, self.has_finalizer = None, False
            case SetFinalizer(present=present):
                self.has_finalizer = present
        self.gone = self.deleting and not self.has_finalizer
        return PATCHED

    def _report(self, s: EndpointSituation, conclusion: Conclusion) -> None:
        self.passes += 1
        if self.deleting and not isinstance(conclusion, Held):
            self.gone = not self.has_finalizer
        if self.gone:
            return
        now = f"2026-01-01T{self.passes // 60 % 24:02}:{self.passes % 60:02}:00Z"
        status = next_status(s, conclusion, now=now, handled=None)
        assert_lawful(status, self.generation)
        assert_succession(self.status, status, now)
        assert self.secret not in repr(status), "a secret in the status"
        if isinstance(conclusion, Nothing):
            self._assert_usable(s)
        self.status = status

    def _assert_usable(self, s: EndpointSituation) -> None:
        """Of what a stranger made anew under our claim, or changed since the last bulk read, nobody could know."""
        stored = self.server.stored
        if stored is not None and stored.made_by_us and s.observed == stored.shown:
            assert holds(self.server, self.desired()), "Ready although Elasticsearch holds something else"

    def _assert_allowed(self, s: EndpointSituation, step: Step) -> None:
        """The laws: nothing is touched that is not ours, nothing is written that must not be, no path that can't change."""
        if isinstance(step, Create | Update | Delete | Validate):
            assert s.owned, f"{step} of what is not ours"
            assert not s.observes_only, f"{step} while observing"
            assert s.deleting or not s.spec.suspend, f"{step} while suspended"
        # A claim that merely learns the name of the cluster takes nothing that was not ours before.
        if isinstance(step, Claim | Update | Validate) and not (isinstance(step, Claim) and s.claim_is_vague):
            assert s.fresh, f"{step} after a bulk read, which may be old"
        if isinstance(step, Update):
            assert s.desired is not None
            version = self.server.server.parsed_version
            for path in step.paths:
                assert mutability(s.desired, path, version) is not Mutability.IMMUTABLE, f"an update of {path}"
        if isinstance(step, Delete):
            allowed = s.spec.force_delete if s.deleting else s.spec.replace_policy == "Always"
            assert allowed or not step.force, "a forced deletion that nobody asked for"
            assert s.deleting or s.spec.replace_policy != "Never", "a replacement that nobody asked for"
            assert not s.deleting or s.spec.deletion_policy == "Delete", "a deletion of what is to stay"
