"""InferenceEndpoint, as the shell sees it: its models, its rules, and which request carries out which step."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from inference_operator.api.inference_endpoint import KIND, InferenceEndpoint, InferenceEndpointStatus
from inference_operator.api.kubernetes_object import status_in
from inference_operator.api.services import catalogue
from inference_operator.core.deed import Deed
from inference_operator.core.endpoint import deed, plan, status, words
from inference_operator.core.endpoint.compare import IN_CLUSTER, Yardstick, compare, with_defaults
from inference_operator.core.endpoint.references import MalformedReference, blocks, inline_secrets, references
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import Failure, HttpFailure, ReferenceFailure, TransportFailure
from inference_operator.core.reasons import Reason
from inference_operator.core.situation import Answer, Problem, Refused
from inference_operator.core.values import Absent, DesiredEndpoint, ObjectRef, Observed, ObservedEndpoint, Server, dotted
from inference_operator.core.verdict import (
    Conclusion,
    Create,
    Delete,
    DryRun,
    Inspect,
    Look,
    Step,
    Update,
    Validate,
    Verdict,
)
from inference_operator.elasticsearch.cluster import Cluster, usage_of
from inference_operator.kinds.endpoint.prober import Prober
from inference_operator.kinds.endpoint.sources import Sources
from inference_operator.shell.kind import Surroundings
from inference_operator.shell.ports import Body, ObjectKey
from inference_operator.shell.store import Identity

PLURAL = "inferenceendpoints"


def problem_of(found: InferenceEndpoint) -> Problem | None:
    """What is wrong with a spec beyond what its model says, as far as it can be told without asking anybody."""
    for reference in references(found.spec):
        if isinstance(reference, MalformedReference):
            message = f"spec.{dotted(reference.path)}: {reference.message}"
            return Problem(Reason.VALIDATION_FAILED, message)
    plain = inline_secrets(blocks(found.spec), catalogue().sensitive_names())
    return Problem(Reason.INLINE_SECRET, words.inline_secrets(plain)) if plain else None


class InferenceEndpoints:
    """A `shell.kind.Kind`."""

    name = KIND
    plural = PLURAL
    marks_its_own = False

    def __init__(self, around: Surroundings) -> None:
        self._store = around.store
        self._sources = Sources(around.kubernetes)
        self._prober = Prober(
            store=around.store,
            clusters=around.clusters,
            sources=self._sources,
            queue=around.queue,
            clock=around.clock,
            dice=around.dice,
            meter=around.meter,
        )

    # ------------------------------------------------------------ the object

    @staticmethod
    def parse(body: Body) -> InferenceEndpoint:
        return InferenceEndpoint.parse(body)

    @staticmethod
    def status_of(body: Body) -> InferenceEndpointStatus:
        return status_in(InferenceEndpointStatus, body)

    def unreadable_status(
        self, previous: InferenceEndpointStatus, *, generation: int, fault: str, now: str
    ) -> InferenceEndpointStatus:
        return status.unreadable_status(previous, generation=generation, fault=fault, now=now)

    def lane(self, found: InferenceEndpoint) -> Hashable:
        """In-cluster models wait for downloads, so they queue apart."""
        return catalogue().canonical(found.spec.service) == IN_CLUSTER

    def sources(self, found: InferenceEndpoint) -> tuple[ObjectRef, ...]:
        return self._sources.objects(found)

    def needs(self, found: InferenceEndpoint) -> frozenset[Identity]:
        return frozenset()

    def named(self, s: EndpointSituation) -> frozenset[Identity]:
        return frozenset()

    def begin(self, key: ObjectKey, found: InferenceEndpoint) -> EndpointSituation:
        return EndpointSituation.of(found, problem=problem_of(found), probe=self._prober.latest(key, found.metadata.uid))

    # ------------------------------------------------------------ what is and what ought to be

    async def desire(self, found: InferenceEndpoint, s: EndpointSituation) -> EndpointSituation:
        desired = await self._sources.desired(found)
        if isinstance(desired, ReferenceFailure):
            return replace(s, failure=desired)
        if not s.claimed_by_uid:
            self._sources.forget(s.uid)
        return replace(s, desired=desired, secrets_changed=self._sources.changed(found, desired))

    async def resolve(self, found: InferenceEndpoint) -> Answer:
        return await self._sources.desired(found, read_all=True)

    async def observe(
        self,
        key: ObjectKey,
        found: InferenceEndpoint,
        s: EndpointSituation,
        cluster: Cluster,
        *,
        anew: bool,
    ) -> EndpointSituation:
        there = await (self.look(found, s, cluster) if anew else cluster.peek(s.external_id))
        if isinstance(there, HttpFailure | TransportFailure | ReferenceFailure):
            return replace(s, failure=there)
        referrers = await cluster.referrers(s.external_id)
        return replace(self.seen(found, s, there), fresh=anew, referrers=referrers)

    async def look(self, found: InferenceEndpoint, s: EndpointSituation, cluster: Cluster) -> ObservedEndpoint | Absent | Failure:
        return await cluster.look(s.external_id)

    def seen(self, found: InferenceEndpoint, s: EndpointSituation, there: Observed | Absent) -> EndpointSituation:
        assert isinstance(there, ObservedEndpoint | Absent)
        return replace(s, observed=there, fresh=True)

    async def inherits(self, found: InferenceEndpoint, there: Observed, server: Server) -> bool:
        desired = await self._sources.desired(found, read_all=True)
        if not isinstance(desired, DesiredEndpoint) or not isinstance(there, ObservedEndpoint):
            return False
        return not compare(desired, there, Yardstick(server.parsed_version, absent_counts=True))

    # ------------------------------------------------------------ decisions and deeds

    def plan(self, s: EndpointSituation) -> Verdict:
        return plan.plan(s)

    def deed(self, s: EndpointSituation, step: Step) -> Deed:
        return deed.deed(s, step)

    async def act(self, found: InferenceEndpoint, s: EndpointSituation, step: Step, cluster: Cluster) -> Answer:
        match step:
            case Create() | Update() | Validate():
                return await self._write(found, s, step, cluster)
            case Look():
                return await self.look(found, s, cluster)
            case DryRun():
                return await cluster.users(s.external_id, since=self._store.leaving_since(s.uid))
            case Delete(force=force):
                return await _delete(s, cluster, force=force)
            case Inspect():
                return await cluster.deployment(s.deployment_id)
            case _:
                raise AssertionError(step)

    async def _write(
        self, found: InferenceEndpoint, s: EndpointSituation, step: Create | Update | Validate, cluster: Cluster
    ) -> Answer:
        assert s.desired is not None
        timeout = s.spec.timeout_seconds
        answer: ObservedEndpoint | Failure
        if isinstance(step, Update):
            answer = await cluster.update(with_defaults(s.desired, s.mendable), step.paths, timeout)
        else:
            put = cluster.create if isinstance(step, Create) else cluster.validate
            answer = await put(s.desired, timeout)
        if isinstance(answer, ObservedEndpoint):
            self._sources.note_sent(found, s.desired)
        return answer

    # ------------------------------------------------------------ afterwards

    def status(self, s: EndpointSituation, conclusion: Conclusion, *, now: str, handled: str | None) -> InferenceEndpointStatus:
        return status.next_status(s, conclusion, now=now, handled=handled)

    def concluded(self, key: ObjectKey, s: EndpointSituation, conclusion: Conclusion, asked: str | None) -> None:
        self._prober.follow(key, s, conclusion, asked)

    def forget(self, key: ObjectKey, uid: str) -> None:
        self._prober.forget(key)
        self._sources.forget(uid)

    async def stop(self) -> None:
        await self._prober.stop()


async def _delete(s: EndpointSituation, cluster: Cluster, *, force: bool) -> Answer:
    """A refusal because of users who came after the dry run names them."""
    answer = await cluster.delete(s.external_id, force=force)
    if isinstance(answer, HttpFailure) and (usage := usage_of(answer)) is not None and s.deleting:
        return Refused(usage)
    return answer
