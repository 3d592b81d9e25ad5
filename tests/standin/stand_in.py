"""The stand-in as an object: holds the one mutable reference to the state, the clock, the log and the faults.

This is the API for tests. What a request means is decided in `core.py`; how it travels in `app.py`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.standin import core, outbound
from tests.standin.clock import Clock, SystemClock
from tests.standin.faults import Faults
from tests.standin.ingest import apply_file_settings
from tests.standin.messages import Asking, Json, Outcome, Request, Response, Step, Waiting
from tests.standin.request_log import RequestLog
from tests.standin.state import Cluster, Deployment, Endpoint, Model, Pace, Provider, State, put
from tests.standin.tls_faults import CertificateKind
from tests.standin.version import Version

if TYPE_CHECKING:
    from tests.standin.security import Security


class StandIn:
    """An Elasticsearch cluster in this process.

    `make_app(standin)` is its ASGI application, `StandInTransport(standin)` an httpx transport that needs no socket,
    `serve(standin)` puts it on one. `change` applies a function to the state from any thread, and wakes requests that
    wait. `faults` and `log` are described in their modules. `reachable = False` lets every connection fail; `certificate`
    is the one that new TLS connections are shown (`tls_faults.py`). `backups` are states by name, for the control path.
    `keep` is told each new state before anybody sees it.
    """

    def __init__(
        self,
        *,
        version: str = "9.5.0",
        clock: Clock | None = None,
        security: Security | None = None,
        provider: Provider | None = None,
        pace: Pace | None = None,
        cluster: Cluster | None = None,
        state: State | None = None,
        control: bool = True,
        keep: Callable[[State], None] | None = None,
    ) -> None:
        self.clock: Clock = clock or SystemClock()
        self.faults = Faults()
        self.log = RequestLog()
        self.control = control
        self.reachable = True
        self.certificate: CertificateKind = "good"
        self.backups: dict[str, State] = {}
        self._state = state or State(
            version=Version.parse(version),
            cluster=cluster or Cluster(),
            security=security,
            provider=provider or Provider(),
            pace=pace or Pace(),
        )
        self._keep = keep
        self._lock = threading.RLock()
        self._watchers: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = set()

    @property
    def state(self) -> State:
        """The cluster as it is now; keep it to put it back later with `restore`."""
        return self._state

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Stored endpoints by id, secrets included."""
        return self._state.endpoints

    def change(self, function: Callable[[State], State]) -> None:
        """Replace the state by a function of it."""

        def run(state: State, now: float) -> Step:
            return Step(function(state), Response())

        self._advance(run)

    def restore(self, state: State) -> None:
        """Put the whole cluster back to an earlier state."""
        self.change(lambda _: state)

    def change_provider(self, **changes: Any) -> None:
        """Set fields of `Provider`."""
        self.change(lambda state: replace(state, provider=replace(state.provider, **changes)))

    def change_cluster(self, **changes: Any) -> None:
        """Set fields of `Cluster`."""
        self.change(lambda state: replace(state, cluster=replace(state.cluster, **changes)))

    def change_pace(self, **changes: Any) -> None:
        """Set fields of `Pace`."""
        self.change(lambda state: replace(state, pace=replace(state.pace, **changes)))

    def refuse_key(self, *values: str) -> None:
        """From now on providers answer 401 to these secret values."""
        self.change_provider(refused=self.state.provider.refused | frozenset(values))

    def accept_key(self, *values: str) -> None:
        """Take values back from what `refuse_key` said."""
        self.change_provider(refused=self.state.provider.refused - frozenset(values))

    def replace_cluster(self, uuid: str) -> None:
        """Put an empty cluster of another identity behind the same address; credentials stay."""
        self.change(
            lambda state: State(
                version=state.version,
                cluster=replace(state.cluster, uuid=uuid),
                security=state.security,
                provider=state.provider,
                pace=state.pace,
            )
        )

    def apply_file_settings(self, pipelines: Mapping[str, Json]) -> None:
        """Let file-based settings own exactly these pipelines. Raises ElasticsearchError for one that can't be read."""
        now = self.clock.now()
        self.change(lambda state: apply_file_settings(state, pipelines, now))

    def fail_deployment(self, deployment_id: str, reason: str | None) -> None:
        """Let a deployment fail with `reason`, or heal it with None. Raises KeyError for an unknown one."""

        def fail(state: State) -> State:
            deployment: Deployment = state.deployments[deployment_id]
            return state.with_deployment(replace(deployment, failure=reason))

        self.change(fail)

    def load_model(self, model_id: str, task_type: str) -> None:
        """Load a model of the user, as eland does."""
        model = Model(model_id, task_type, downloaded_at=self.clock.now())
        self.change(lambda state: replace(state, models=put(state.models, model_id, model)))

    async def answer(self, request: Request) -> Response:
        """Carry a request out, waiting as long as the server would."""
        watcher = (asyncio.get_running_loop(), asyncio.Event())
        self._watchers.add(watcher)
        try:
            outcome = self._advance(lambda state, now: core.handle(state, request, now))
            while not isinstance(outcome, Response):
                outcome = await self._go_on(outcome, watcher[1])
            return outcome
        finally:
            self._watchers.discard(watcher)

    async def _go_on(self, outcome: Waiting | Asking, changed: asyncio.Event) -> Outcome:
        if isinstance(outcome, Asking):
            reply = await outbound.send(outcome.call, outcome.deadline, self.clock)
            return self._advance(lambda state, now: core.receive(outcome, reply, state, now))
        await self._wait(outcome, changed)
        return self._advance(lambda state, now: core.resume(outcome, state, now))

    async def _wait(self, waiting: Waiting, changed: asyncio.Event) -> None:
        pause = waiting.until - self.clock.now()
        if pause <= 0:
            return
        sleep = asyncio.ensure_future(self.clock.sleep(pause))
        watch = asyncio.ensure_future(changed.wait())
        try:
            await asyncio.wait({sleep, watch} if waiting.watches else {sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.clear()
            sleep.cancel()
            watch.cancel()

    def _advance(self, run: Callable[[State, float], Step]) -> Outcome:
        with self._lock:
            before = self._state
            step = run(before, self.clock.now())
            if self._keep is not None and step.state is not before:
                self._keep(step.state)
            self._state = step.state
            watchers = tuple(self._watchers) if step.state is not before else ()
        for loop, event in watchers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(event.set)
        return step.outcome
