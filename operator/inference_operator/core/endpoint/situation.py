"""What is known of one InferenceEndpoint beyond what every kind knows: settings, secrets, the model behind it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

from inference_operator.api.ids import is_reserved
from inference_operator.api.inference_endpoint import KIND, InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.core.difference import Difference, Mutability
from inference_operator.core.endpoint.compare import Yardstick, compare, digest, hides_values, is_in_cluster, secret_paths
from inference_operator.core.reasons import Reason
from inference_operator.core.scrub import texts
from inference_operator.core.situation import Answer, Situation
from inference_operator.core.values import (
    ABSENT,
    Absent,
    Deployment,
    DesiredEndpoint,
    ObservedEndpoint,
    Path,
    ProbeOutcome,
    dotted,
    sealed,
)
from inference_operator.core.verdict import Inspect, Resolve, Step

# How an endpoint reads back that is stored without chunking settings.
_WITHOUT_CHUNKING = {"strategy": "word", "max_chunk_size": 250, "overlap": 100}
_NOT_IN_PLACE = (Reason.UPDATE_IGNORED, Reason.REPLACE_REQUIRED, Reason.REPLACE_BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSituation(Situation):
    """See `Situation`. `secrets_changed`: a value that was fed differs from what was last sent, or that can't be excluded.

    `probe` is the end of the last probe that this process made; it is only shown.
    """

    kind: ClassVar[str] = KIND
    noun: ClassVar[str] = "Inference endpoint"
    id_field: ClassVar[str] = "spec.inferenceId"

    spec: InferenceEndpointSpec
    previous: InferenceEndpointStatus
    desired: DesiredEndpoint | None = None
    secrets_changed: bool = False
    observed: ObservedEndpoint | Absent | None = None
    deployment: Deployment | None = None
    probe: ProbeOutcome | None = None

    @property
    def digest(self) -> str:
        assert self.desired is not None
        return digest(self.desired)

    @property
    def secrets(self) -> frozenset[str]:
        if self.desired is None:
            return frozenset()
        return frozenset(text for leaf in sealed(self.desired.tree) for text in texts(leaf.value))

    def compared(self) -> tuple[Difference, ...]:
        if self.desired is None or not isinstance(self.observed, ObservedEndpoint):
            return ()
        yardstick = Yardstick(
            version=self.server.parsed_version if self.server else None,
            absent_counts=not self.done.created and not (self.owned and self.spec_was_applied),
            once_set=self.once_set,
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
        if path[0] != "chunkingSettings" or not isinstance(self.observed, ObservedEndpoint) or self.previous.applied is None:
            return False
        once = any(name.startswith("chunkingSettings.") for name in self.previous.applied.paths)
        return once and self.observed.chunking_settings == _WITHOUT_CHUNKING

    @property
    def secrets_to_send(self) -> frozenset[Path]:
        return secret_paths(self.desired) if self.desired is not None and self.secrets_are_due else frozenset()

    @property
    def secrets_are_due(self) -> bool:
        """True when what is there may hold other values: ours changed, or were not sent to this cluster by this object."""
        is_new_here = self.done.claimed or not self.cluster_is_the_same
        return (self.secrets_changed or is_new_here) and not self.done.written

    @property
    def needs_values(self) -> bool:
        if self.desired is None or self.desired.is_read:
            return False
        return isinstance(self.observed, ObservedEndpoint) and hides_values(self.desired, self.observed)

    @property
    def runs_in_cluster(self) -> bool:
        return self.desired is not None and is_in_cluster(self.desired)

    @property
    def is_looked_at(self) -> bool:
        return isinstance(self.observed, ObservedEndpoint) and (self.done.inspected or not self.runs_in_cluster)

    @property
    def fails_after_storing(self) -> bool:
        return self.runs_in_cluster

    @property
    def starts_on_demand(self) -> bool:
        """True for an endpoint that Elasticsearch brings along: its first use deploys the model."""
        return self.runs_in_cluster and is_reserved(self.external_id)

    @property
    def deployment_id(self) -> str:
        """The deployment behind an in-cluster model: its own unless it is attached to another."""
        if isinstance(self.observed, ObservedEndpoint):
            attached = self.observed.service_settings.get("deployment_id")
            if isinstance(attached, str) and attached:
                return attached
        return self.external_id

    def folded(self, step: Step, answer: Answer) -> Self:
        match step:
            case Resolve():
                assert isinstance(answer, DesiredEndpoint)
                # A Secret that changed between the two readings counts as changed, or the change would pass for sent.
                changed = self.desired is None or answer.sources != self.desired.sources
                return replace(self, desired=answer, secrets_changed=self.secrets_changed or changed)
            case Inspect():
                assert answer is None or isinstance(answer, Deployment)
                return replace(self, deployment=answer, done=replace(self.done, inspected=True))
            case _:
                raise AssertionError((step, answer))

    def without_trace(self) -> Self:
        return replace(self, observed=ABSENT, fresh=True, usage=None, deployment=None)
