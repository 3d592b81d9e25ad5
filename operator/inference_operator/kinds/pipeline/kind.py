"""IngestPipeline, as the shell sees it: its models, its rules, and which request carries out which step."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace

from inference_operator.api.ingest_pipeline import KIND, IngestPipeline, IngestPipelineStatus
from inference_operator.api.kubernetes_object import status_in
from inference_operator.core.deed import Deed
from inference_operator.core.failure import Failure
from inference_operator.core.pipeline import deed, plan, status
from inference_operator.core.pipeline.compare import differences
from inference_operator.core.pipeline.needs import calls_of, needs_of
from inference_operator.core.pipeline.situation import PipelineSituation
from inference_operator.core.pipeline.stamp import Stamp, ownership
from inference_operator.core.pipeline.trials import trial_documents
from inference_operator.core.pipeline.values import ObservedPipeline, desired_of
from inference_operator.core.situation import Answer, Refused, Rehearsed
from inference_operator.core.status import unreadable_status
from inference_operator.core.values import Absent, Json, ObjectRef, Observed, Server
from inference_operator.core.verdict import Conclusion, Create, Delete, DryRun, Look, Rehearse, Step, Update, Verdict
from inference_operator.elasticsearch.cluster import Cluster, pipeline_usage_of
from inference_operator.kinds.pipeline.needs import ENDPOINTS, PIPELINES, Search
from inference_operator.shell.kind import Surroundings
from inference_operator.shell.ports import Body, ObjectKey
from inference_operator.shell.store import Identity

PLURAL = PIPELINES


class IngestPipelines:
    """A `shell.kind.Kind`."""

    name = KIND
    plural = PLURAL
    marks_its_own = True

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._search = Search(around.store, around.clusters)

    # ------------------------------------------------------------ the object

    @staticmethod
    def parse(body: Body) -> IngestPipeline:
        return IngestPipeline.parse(body)

    @staticmethod
    def status_of(body: Body) -> IngestPipelineStatus:
        return status_in(IngestPipelineStatus, body)

    def unreadable_status(self, previous: IngestPipelineStatus, *, generation: int, fault: str, now: str) -> IngestPipelineStatus:
        return unreadable_status(previous, generation=generation, fault=fault, now=now)

    def lane(self, found: IngestPipeline) -> Hashable:
        return PLURAL

    def sources(self, found: IngestPipeline) -> tuple[ObjectRef, ...]:
        return ()

    def needs(self, found: IngestPipeline) -> frozenset[Identity]:
        return _named_in(desired_of(found.spec, found.external_id).body)

    def named(self, s: PipelineSituation) -> frozenset[Identity]:
        return _named_in(s.observed.body) if isinstance(s.observed, ObservedPipeline) else frozenset()

    def begin(self, key: ObjectKey, found: IngestPipeline) -> PipelineSituation:
        return PipelineSituation.of(found)

    # ------------------------------------------------------------ what is and what ought to be

    async def desire(self, found: IngestPipeline, s: PipelineSituation) -> PipelineSituation:
        return replace(s, desired=desired_of(found.spec, found.external_id))

    async def resolve(self, found: IngestPipeline) -> Answer:
        raise AssertionError(f"nothing of {found.external_id} is left unread")

    async def observe(
        self,
        key: ObjectKey,
        found: IngestPipeline,
        s: PipelineSituation,
        cluster: Cluster,
        *,
        anew: bool,
    ) -> PipelineSituation:
        there = await (self.look(found, s, cluster) if anew else self._peek(found, s, cluster))
        if isinstance(there, Failure):
            return replace(s, failure=there)
        referrers = await cluster.pipelines.referrers(s.external_id)
        s = replace(self.seen(found, s, there), fresh=anew, asked=anew, referrers=referrers)
        if s.observes_only or s.spec.suspend:
            return s
        return await self._with_needs(s, cluster)

    async def _with_needs(self, s: PipelineSituation, cluster: Cluster) -> PipelineSituation:
        assert s.desired is not None
        assert s.server is not None
        found = await self._search.of(s.desired, s.server, cluster)
        if isinstance(found, Failure):
            return replace(s, failure=found)
        return replace(s, unmet=found.unmet, circle=found.circle)

    async def look(self, found: IngestPipeline, s: PipelineSituation, cluster: Cluster) -> ObservedPipeline | Absent | Failure:
        return await self._with_owner(found, await cluster.pipelines.look(s.external_id))

    async def _peek(self, found: IngestPipeline, s: PipelineSituation, cluster: Cluster) -> ObservedPipeline | Absent | Failure:
        return await self._with_owner(found, await cluster.pipelines.peek(s.external_id))

    async def _with_owner(
        self, found: IngestPipeline, there: ObservedPipeline | Absent | Failure
    ) -> ObservedPipeline | Absent | Failure:
        """What the mark of a pipeline means to this very object."""
        if not isinstance(there, ObservedPipeline):
            return there
        namespace = there.stamp.namespace if there.stamp is not None else ""
        is_heard_of = self._around.watches(namespace)
        whose = ownership(there.stamp, await self._stamp(found), lambda uid: not is_heard_of or self._around.store.has(uid))
        return replace(there, ownership=whose)

    async def _stamp(self, found: IngestPipeline) -> Stamp:
        meta = found.metadata
        return Stamp(await self._around.kubernetes.cluster_uid(), meta.namespace, meta.name, meta.uid)

    def seen(self, found: IngestPipeline, s: PipelineSituation, there: Observed | Absent) -> PipelineSituation:
        assert isinstance(there, ObservedPipeline | Absent)
        return replace(s, observed=there, fresh=True)

    async def inherits(self, found: IngestPipeline, there: Observed, server: Server) -> bool:
        return isinstance(there, ObservedPipeline) and not differences(desired_of(found.spec, found.external_id), there)

    # ------------------------------------------------------------ decisions and deeds

    def plan(self, s: PipelineSituation) -> Verdict:
        return plan.plan(s)

    def deed(self, s: PipelineSituation, step: Step) -> Deed:
        return deed.deed(s, step)

    async def act(self, found: IngestPipeline, s: PipelineSituation, step: Step, cluster: Cluster) -> Answer:
        match step:
            case Create() | Update():
                return await self._put(found, s, cluster)
            case Look():
                return await self.look(found, s, cluster)
            case Rehearse():
                return await _rehearse(s, cluster)
            case DryRun():
                return await cluster.pipelines.users(s.external_id, self._around.store.leaving_since(s.uid))
            case Delete():
                return await _delete(s, cluster)
            case _:
                raise AssertionError(step)

    async def _put(self, found: IngestPipeline, s: PipelineSituation, cluster: Cluster) -> Answer:
        """An acknowledgement does not say what is there now: somebody else may have written since the look before."""
        assert s.desired is not None
        failure = await cluster.pipelines.put(s.desired, await self._stamp(found))
        return failure if failure is not None else await self.look(found, s, cluster)

    # ------------------------------------------------------------ afterwards

    def status(self, s: PipelineSituation, conclusion: Conclusion, *, now: str, handled: str | None) -> IngestPipelineStatus:
        return status.next_status(s, conclusion, now=now, handled=handled)

    def concluded(self, key: ObjectKey, s: PipelineSituation, conclusion: Conclusion, asked: str | None) -> None:
        """Nothing goes on beside the reconciling."""

    def forget(self, key: ObjectKey, uid: str) -> None:
        """Nothing is remembered."""

    async def stop(self) -> None:
        """Nothing is under way."""


def _named_in(body: Mapping[str, Json]) -> frozenset[Identity]:
    endpoints = {Identity(ENDPOINTS, name) for name in needs_of(body).endpoints}
    return frozenset(endpoints | {Identity(PIPELINES, name) for name in calls_of(body)})


async def _rehearse(s: PipelineSituation, cluster: Cluster) -> Answer:
    assert s.desired is not None
    results = await cluster.pipelines.simulate(s.desired.body, trial_documents(s.spec.tests))
    return results if isinstance(results, Failure) else Rehearsed(results)


async def _delete(s: PipelineSituation, cluster: Cluster) -> Answer:
    """A refusal names the indices that hold the pipeline."""
    answer = await cluster.pipelines.delete(s.external_id)
    usage = pipeline_usage_of(answer) if isinstance(answer, Failure) else None
    return answer if usage is None else Refused(usage)
