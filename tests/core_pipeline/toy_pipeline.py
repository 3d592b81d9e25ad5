"""An IngestPipeline as a toy: one id in Elasticsearch, an object with tests and needs, and the laws of writing a pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from inference_operator.api.ingest_pipeline import IngestPipelineSpec, IngestPipelineStatus
from inference_operator.core.pipeline.compare import differences
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.stamp import Ownership, Stamp, ownership
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline, desired_of
from inference_operator.core.situation import Answer, Refused, Rehearsed
from inference_operator.core.values import ABSENT, Absent, Json, Server, Usage
from inference_operator.core.verdict import Create, Delete, DryRun, Look, Rehearse, Step, Update
from tests.core.situations import ADDRESS, ID, UID
from tests.core.toy_object import ToyObject
from tests.core_pipeline.bodies import spec
from tests.core_pipeline.situations import BAD, GOOD, OWN, UNMET

BAD_DESCRIPTION = "fails its tests"
"""What the toy takes for a pipeline that does not do what its tests expect."""


@dataclass(slots=True)
class ToyServer:
    """Change the fields to play the stranger.

    `alive`: the uids of the objects that this Kubernetes cluster has. `callers`: pipelines and templates that name it;
    `holders`: indices that have it as their default, so that it can't be deleted.
    """

    real_uuid: str = "uuid-one"
    hides_uuid: bool = False
    stored: tuple[Mapping[str, Json], Stamp | None] | None = None
    alive: frozenset[str] = frozenset({UID, "their-uid"})
    callers: Usage = field(default_factory=Usage)
    holders: Usage = field(default_factory=Usage)
    next_stranger: tuple[Mapping[str, Json], Stamp | None] | None = None

    @property
    def server(self) -> Server:
        return Server(ADDRESS, None if self.hides_uuid else self.real_uuid, "9.5.0")

    def there(self) -> ObservedPipeline | Absent:
        if self.stored is None:
            return ABSENT
        body, stamp = self.stored
        return ObservedPipeline(ID, body, stamp, ownership(stamp, OWN, lambda uid: uid in self.alive))

    def answer(self, s: PipelineSituation, step: Step) -> Answer:
        match step:
            case Look():
                self._stranger_comes()
                return self.there()
            case Create() | Update():
                assert s.desired is not None
                self.stored = (s.desired.body, OWN)
                self._stranger_comes()
                return self.there()
            case Rehearse():
                assert s.desired is not None
                return BAD if s.desired.body.get("description") == BAD_DESCRIPTION else GOOD
            case DryRun():
                return self._users()
            case Delete():
                return self._delete()
            case _:
                raise AssertionError(step)

    def _users(self) -> Usage:
        """Our search finds both; Elasticsearch itself counts the indices alone."""
        return self.callers if self.callers.total else self.holders

    def _delete(self) -> Refused | Absent:
        if self.holders.total and self.stored is not None:
            return Refused(self.holders)
        self.stored = None
        return ABSENT

    def outrun(self) -> None:
        """A stranger writes after the next write, before anybody looks."""
        self.next_stranger = ({"processors": [], "description": "theirs"}, None)

    def _stranger_comes(self) -> None:
        if self.next_stranger is not None:
            self.stored, self.next_stranger = self.next_stranger, None

    def stranger_deletes(self) -> None:
        self.stored = None


@dataclass(slots=True)
class ToyPipeline(ToyObject[PipelineSituation]):
    """See `ToyObject`. `lacks`: what it names is not there; `circle`: it is part of one; `asked`: a person asks to look anew."""

    server: ToyServer
    spec: IngestPipelineSpec = field(default_factory=spec)
    status: IngestPipelineStatus = field(default_factory=IngestPipelineStatus)
    lacks: bool = False
    circle: bool = False
    asked: bool = False

    def gather(self) -> PipelineSituation:
        s = PipelineSituation(
            uid=UID,
            generation=self.generation,
            external_id=ID,
            spec=self.spec,
            previous=self.status,
            deleting=self.deleting,
            has_finalizer=self.has_finalizer,
            claim=self.claim,
            server=self.server.server,
        )
        if self.deleting:
            return replace(s, observed=self.server.there(), fresh=True) if s.claimed_by_uid and s.deletes else s
        asked, self.asked = self.asked, False
        s = replace(s, desired=self.desired, observed=self.server.there() if asked else self.bulk, fresh=asked, asked=asked)
        if s.observes_only or self.spec.suspend:
            return s
        return replace(s, unmet=UNMET if self.lacks else (), circle=(ID, ID) if self.circle else None)

    @property
    def desired(self) -> DesiredPipeline:
        return desired_of(self.spec, ID)

    def resolve(self) -> Rehearsed:
        raise AssertionError("a pipeline has nothing unread")

    def assert_usable(self, s: PipelineSituation) -> None:
        """Of what a stranger changed since the last bulk read nobody could know."""
        there = self.server.there()
        if isinstance(there, ObservedPipeline) and s.observed == there:
            assert not differences(self.desired, there), "Ready although Elasticsearch holds something else"
            assert there.ownership is Ownership.OURS, "Ready although the pipeline does not say whose it is"
            assert not s.unmet, "Ready although what it names is not there"

    def assert_kind_allows(self, s: PipelineSituation, step: Step) -> None:
        """Nothing is written that can't work or was not tried; nothing with another's mark is changed but by `Always`, once."""
        if isinstance(step, Create | Update | Rehearse):
            assert not s.circle, f"{step} of a pipeline that is part of a circle"
            assert not s.unmet, f"{step} without what it names"
            assert s.must_be_written, f"{step} for nothing"
        if isinstance(step, Create | Update):
            assert not s.done.written, "a race of writes"
            assert not s.spec.tests or (s.latest_trials is not None and s.latest_trials.outcome == "Passed"), "untried"
        if isinstance(step, Create | Update | Delete) and s.carries_foreign_mark:
            assert s.spec.adoption_policy == "Always", f"{step} of what is marked by another"
            assert s.previous.applied is None, f"{step} of what another took over"
            assert not isinstance(step, Delete), "a deletion of what is marked by another"
