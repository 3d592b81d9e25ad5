"""What is known of one IngestPipeline beyond what every kind knows: whose mark it carries, what it needs, its tests. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from inference_operator.api.ingest_pipeline import KIND, IngestPipelineSpec, IngestPipelineStatus
from inference_operator.api.pipeline_tests import TrialStatus
from inference_operator.api.policies import AdoptionPolicy
from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.pipeline.compare import differences, digest
from inference_operator.core.pipeline.stamp import OWNER_KEY, Ownership
from inference_operator.core.pipeline.trials import trial_digest, tried
from inference_operator.core.pipeline.values import DesiredPipeline, ObservedPipeline
from inference_operator.core.situation import Answer, Rehearsed, Situation
from inference_operator.core.values import Absent
from inference_operator.core.verdict import Step

_FOREIGN = (Ownership.ANOTHER_OBJECT, Ownership.ANOTHER_KUBERNETES)


@dataclass(frozen=True, slots=True)
class Unmet:
    """Something that the pipeline names and that can't be used. `path` is the field that names it, `message` says why not."""

    path: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSituation(Situation):
    """See `Situation`. `circle`: pipelines that call each other, this one among them. `asked`: a person asked to look anew.

    `trials` is what came of the tests in this pass.
    """

    kind: ClassVar[str] = KIND
    noun: ClassVar[str] = "Ingest pipeline"
    id_field: ClassVar[str] = "spec.pipelineId"

    spec: IngestPipelineSpec
    previous: IngestPipelineStatus
    desired: DesiredPipeline | None = None
    observed: ObservedPipeline | Absent | None = None
    unmet: tuple[Unmet, ...] = ()
    circle: tuple[str, ...] | None = None
    trials: TrialStatus | None = None
    asked: bool = False

    @property
    def digest(self) -> str:
        assert self.desired is not None
        return digest(self.desired)

    def compared(self) -> tuple[Difference, ...]:
        if self.desired is None or not isinstance(self.observed, ObservedPipeline):
            return ()
        unmarked = self.owned and not self.carries_own_mark
        mark = Difference(("meta", OWNER_KEY), self.uid, None, Mutability.MUTABLE)
        return (*differences(self.desired, self.observed), *((mark,) if unmarked else ()))

    @property
    def carries_own_mark(self) -> bool:
        return isinstance(self.observed, ObservedPipeline) and self.observed.ownership is Ownership.OURS

    @property
    def carries_foreign_mark(self) -> bool:
        if not isinstance(self.observed, ObservedPipeline):
            return False
        whose = self.observed.ownership
        return whose in _FOREIGN or (whose is Ownership.NAMESAKE and self.held_before)

    @property
    def held_before(self) -> bool:
        """True when this very object has written here: an earlier one of its name can't have come after it."""
        return self.claimed_by_uid and self.previous.applied is not None and self.cluster_is_the_same

    @property
    def is_foreign(self) -> bool:
        """`Always` takes over once. Who once held it and lost it that way does not take it back, or two would fight for ever.

        Who goes takes nothing over: what does not carry our mark by then was never written by us.
        """
        always = self.spec.adoption_policy is AdoptionPolicy.ALWAYS and not self.deleting
        takes_over = always and self.previous.applied is None
        return self.carries_foreign_mark and not takes_over

    @property
    def must_be_written(self) -> bool:
        return isinstance(self.observed, Absent) or bool(self.differences)

    @property
    def latest_trials(self) -> TrialStatus | None:
        """What came of the tests of this very pipeline; None where they have to run."""
        if self.trials is not None or self.desired is None:
            return self.trials
        before = self.previous.tests
        is_same = before is not None and before.digest == trial_digest(self.desired, self.spec.tests)
        return before if is_same and self.cluster_is_the_same and not self.asked else None

    def folded(self, step: Step, answer: Answer) -> Self:
        assert isinstance(answer, Rehearsed), (step, answer)
        assert self.desired is not None
        return replace(self, trials=tried(self.desired, self.spec.tests, answer.results))
