"""Which version of which Secret and ConfigMap is the latest, in memory, without ever asking for their contents.

Decides what is watched and what is polled, and answers for both. The parts: `metadata_scope` watches, `metadata_poll` polls.
"""

import asyncio
import random
from collections.abc import Callable, Collection

from inference_operator.api.status import SourceKind
from inference_operator.core.clock import Clock
from inference_operator.core.values import ObjectRef, ObjectVersion
from inference_operator.kubernetes.client import KubernetesClient
from inference_operator.kubernetes.metadata_poll import ReferencePoll
from inference_operator.kubernetes.metadata_scope import QUIET, OnChange, Phase, Scope, ScopeWatch
from inference_operator.kubernetes.values import ObjectKey, Unknown


class MetadataWatch:
    """Watches until `run` is cancelled. `namespaces` empty means all of them.

    `on_change` is called for every Secret and ConfigMap that changed or went; it must neither wait nor raise. A watch that
    says nothing for `quiet` seconds is opened anew.
    """

    def __init__(
        self,
        client: KubernetesClient,
        clock: Clock,
        *,
        on_change: OnChange,
        namespaces: Collection[str] = (),
        chance: Callable[[], float] = random.random,
        quiet: float = QUIET,
    ) -> None:
        self.synced = asyncio.Event()
        """Set once every scope is watched, or known to be forbidden."""
        self._poll = ReferencePoll(client, clock, covered=self._is_watched, on_change=on_change)
        self._scopes = [
            ScopeWatch(
                client,
                Scope(kind, namespace),
                clock,
                on_change=on_change,
                on_settled=self._settled,
                referred=lambda: self._poll.referred,
                chance=chance,
                quiet=quiet,
            )
            for kind in SourceKind
            for namespace in (sorted(namespaces) or (None,))
        ]

    @property
    def last_heard(self) -> float:
        """When the scope that is silent for longest last said something, on the monotonic clock. Now, where all are forbidden.

        Bookmarks come about once a minute, so minutes of silence mean that a watch is stuck.
        """
        return min(watch.last_heard for watch in self._scopes)

    async def run(self) -> None:
        """Watch and poll for ever."""
        async with asyncio.TaskGroup() as tasks:
            for watch in self._scopes:
                tasks.create_task(watch.run(), name=f"watch {watch.scope}")
            tasks.create_task(self._poll.run(), name="poll references")

    def version_of(self, ref: ObjectRef) -> ObjectVersion | Unknown | None:
        """See `shell.ports`."""
        for watch in self._scopes:
            if watch.phase is Phase.SYNCED and watch.scope.covers(ref):
                return watch.versions.get(ref)
        return self._poll.version_of(ref)

    def refer(self, owner: ObjectKey, refs: Collection[ObjectRef]) -> None:
        """See `shell.ports`."""
        self._poll.refer(owner, refs)

    def _is_watched(self, ref: ObjectRef) -> bool:
        """True as well while it is not yet known whether it may be watched."""
        return any(watch.scope.covers(ref) and watch.phase is not Phase.DENIED for watch in self._scopes)

    def _settled(self) -> None:
        if all(watch.phase is not Phase.STARTING for watch in self._scopes):
            self.synced.set()
        self._poll.look_soon()
