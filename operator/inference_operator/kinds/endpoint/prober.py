"""Makes real inferences: on an interval, after a write, when asked to; one at a time per object, beside the reconciling.

Reconciling says after each pass what is to be probed; the end of a probe is kept in memory, and the object is put into the
queue when it is news, so that status has one writer. Nothing is remembered over a restart: the first probes after it are spread
over their interval. Decides when, not what an outcome means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from typing import Any

import structlog

from inference_operator.api.durations import seconds
from inference_operator.api.inference_endpoint import InferenceEndpoint
from inference_operator.core.clock import Clock, Timer
from inference_operator.core.endpoint.probe import NoProbe, Subject, failed, secrets_to_cut, succeeded, to_probe
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import Failure, HttpFailure, ReferenceFailure
from inference_operator.core.values import ProbeOutcome
from inference_operator.core.verdict import Conclusion
from inference_operator.elasticsearch.inferences import Answered
from inference_operator.kinds.endpoint.sources import Sources
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.metrics.meter import Meter
from inference_operator.shell.ports import ObjectKey
from inference_operator.shell.queue import Priority, WorkQueue
from inference_operator.shell.store import ObjectStore

log: Any = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Course:
    """The probes of one object. While `paused`, `due` passes without a probe, which is made up for afterwards.

    `subject` is what was last to be probed; `asked` the request for a probe that was last taken up.
    """

    uid: str
    due: float
    subject: Subject | None = None
    paused: bool = True
    asked: str | None = None
    outcome: ProbeOutcome | None = None
    timer: Timer | None = None
    task: asyncio.Task[None] | None = None

    def end(self) -> None:
        """No more probes, the one under way included."""
        self.paused = True
        if self.timer is not None:
            self.timer.cancel()
        if self.task is not None:
            self.task.cancel()


class Prober:
    """Ends with `stop`. Not thread-safe: belongs to one event loop."""

    def __init__(
        self,
        *,
        store: ObjectStore,
        clusters: Clusters,
        sources: Sources,
        queue: WorkQueue[ObjectKey],
        clock: Clock,
        dice: Callable[[], float],
        meter: Meter,
    ) -> None:
        self._store = store
        self._clusters = clusters
        self._sources = sources
        self._queue = queue
        self._clock = clock
        self._dice = dice
        self._meter = meter
        self._courses: dict[ObjectKey, _Course] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopped = False

    def latest(self, key: ObjectKey, uid: str) -> ProbeOutcome | None:
        """How the last probe of this very object ended; None when this process has made none."""
        course = self._courses.get(key)
        return course.outcome if course is not None and course.uid == uid else None

    def follow(self, key: ObjectKey, s: EndpointSituation, conclusion: Conclusion, asked: str | None) -> None:
        """Take note of a pass. `asked` is the value of the reconcile-now annotation while it was not acted upon."""
        aim = to_probe(s, conclusion)
        if aim is NoProbe.UNWANTED or self._stopped:
            self.forget(key)
            return
        course = self._courses.get(key)
        if course is None or course.uid != s.uid:
            self.forget(key)
            course = self._courses[key] = self._begin(s)
        now = self._clock.monotonic()
        if s.done.written or asked not in (None, course.asked):
            course.due = now
        course.asked = asked or course.asked
        course.paused = not isinstance(aim, Subject)
        if isinstance(aim, Subject):
            _adapt(course, aim, now)
        self._wind(key, course)

    def forget(self, key: ObjectKey) -> None:
        """The object is gone, or not to be probed any more."""
        course = self._courses.pop(key, None)
        if course is not None:
            course.end()

    async def stop(self) -> None:
        """End all probes at once: an inference that nobody waits for harms nothing."""
        self._stopped = True
        for key in tuple(self._courses):
            self.forget(key)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _begin(self, s: EndpointSituation) -> _Course:
        """An object that was probed before this process knew of it waits for a part of its interval, each for another."""
        was_probed = s.previous.last_probe is not None
        wait = self._dice() * seconds(s.spec.probe.interval) if was_probed else 0.0
        return _Course(s.uid, self._clock.monotonic() + wait)

    def _wind(self, key: ObjectKey, course: _Course) -> None:
        """Set the timer for the next probe. While one is under way its end does that."""
        if course.timer is not None:
            course.timer.cancel()
            course.timer = None
        if not course.paused and course.task is None and self._courses.get(key) is course:
            wait = max(0.0, course.due - self._clock.monotonic())
            course.timer = self._clock.call_later(wait, lambda: self._start(key, course))

    def _start(self, key: ObjectKey, course: _Course) -> None:
        subject = course.subject
        if subject is None or course.paused:
            return
        # Each interval is up to a tenth shorter, so that the probes of many objects do not fall into step.
        course.due = self._clock.monotonic() + subject.interval * (1.0 - self._dice() / 10)
        # The pass that wound the timer has ended by now: its trace and its log fields are none of the probe's.
        course.task = task = asyncio.get_running_loop().create_task(self._probe(key, course, subject), context=Context())
        self._tasks.add(task)
        task.add_done_callback(lambda _: self._ended(key, course, task))

    def _ended(self, key: ObjectKey, course: _Course, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        course.task = None
        if not task.cancelled() and (fault := task.exception()) is not None:
            # Only its type: the text of an unforeseen exception may hold anything.
            log.error("probe failed", namespace=key.namespace, name=key.name, fault=type(fault).__name__)
        self._wind(key, course)

    async def _probe(self, key: ObjectKey, course: _Course, subject: Subject) -> None:
        cluster = self._clusters.last_cluster_of(key)
        if cluster is None:
            return
        sent = self._sources.sent(subject.uid)
        result = await cluster.infer(subject.inference_id, subject.task_type, subject.text, subject.timeout)
        outcome = succeeded(subject) if isinstance(result, Answered) else await self._told(key, subject, result, sent)
        took = round(result.seconds, 3) if isinstance(result, Answered) else None
        self._meter.probed(outcome.outcome, took)
        log.info(
            "probe",
            namespace=key.namespace,
            name=key.name,
            inference_id=subject.inference_id,
            task_type=subject.task_type,
            outcome=outcome.outcome,
            seconds=took,
        )
        before, course.outcome = course.outcome, outcome
        if outcome != before:
            self._queue.add(key, Priority.DEPENDENCY)

    async def _told(self, key: ObjectKey, subject: Subject, failure: Failure, sent: dict[str, bytes]) -> ProbeOutcome:
        """Secrets are read only now, to be cut out of what the server said, and only where it said something.

        `sent`: what Elasticsearch was given before. It may quote that, and not what it was given meanwhile.
        """
        found = self._store.get(key)
        if not isinstance(failure, HttpFailure) or not isinstance(found, InferenceEndpoint):
            return failed(subject, failure, None)
        read = await self._sources.desired(found, read_all=True)
        desired = None if isinstance(read, ReferenceFailure) else read
        is_current = desired is not None and sent == self._sources.sent(subject.uid) and not self._sources.changed(found, desired)
        return failed(subject, failure, secrets_to_cut(found.spec.management_policy, desired, is_current=is_current))


def _adapt(course: _Course, aim: Subject, now: float) -> None:
    """Take up an edit: a new text is tried at once, a shorter interval counts from now."""
    before, course.subject = course.subject, aim
    if before is not None and before.text != aim.text:
        course.due = now
    course.due = min(course.due, now + aim.interval)
