"""Which namespaces carry the labels that were asked for, in memory and followed.

Decides what is chosen while that can't be known: nothing. The API server matches the labels; a namespace that begins or ceases
to match is told as one that came or went.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from inference_operator.core.clock import Clock
from inference_operator.kubernetes.client import KubernetesClient, path_of
from inference_operator.kubernetes.metadata_scope import Phase, ScopeWatch


@dataclass(frozen=True, slots=True)
class LabelledNamespaces:
    """The scope of the watch."""

    selector: str

    def covers(self, ref: str) -> bool:
        return bool(ref)

    def ref(self, namespace: str, name: str) -> str:
        del namespace
        return name

    @property
    def path(self) -> str:
        return path_of("api", "v1", "namespaces")

    @property
    def denied(self) -> str:
        return "none is chosen, so no object is looked after; grant `list` and `watch` on namespaces"

    def __str__(self) -> str:
        return f"namespaces with the labels `{self.selector}` (--namespace-selector)"


class NamespaceWatch:
    """Watches until `run` is cancelled.

    `on_change` is called with the name of each namespace that is chosen from now on, or is not any more, but not for those
    that are chosen at the start. It must neither wait nor raise.
    """

    def __init__(self, client: KubernetesClient, clock: Clock, selector: str, *, on_change: Callable[[str], None]) -> None:
        self.settled = asyncio.Event()
        """Set once it is known which match, or that this may not be known."""
        self._on_change = on_change
        self._told: frozenset[str] = frozenset()
        self._watch: ScopeWatch[str] = ScopeWatch(
            client,
            LabelledNamespaces(selector),
            clock,
            on_change=lambda _: self._tell(),
            on_settled=self._settled,
            referred=tuple,
        )

    @property
    def is_denied(self) -> bool:
        return self._watch.phase is Phase.DENIED

    @property
    def missing(self) -> str | None:
        """Why it is not known which are chosen, for a person; None when it is, or nothing went wrong yet."""
        if self.is_denied:
            return "the namespaces that are chosen by label can't be watched: grant `list` and `watch` on namespaces"
        if self._watch.phase is Phase.STARTING and self._watch.failure is not None:
            return f"{self._watch.scope} can't be listed: {self._watch.failure}"
        return None

    @property
    def last_heard(self) -> float:
        """On the monotonic clock; now, while it is forbidden."""
        return self._watch.last_heard

    def has(self, namespace: str) -> bool:
        """Whether objects there are looked after."""
        return namespace in self._watch.versions

    async def run(self) -> None:
        """Watch for ever."""
        await self._watch.run()

    def _settled(self) -> None:
        if self.settled.is_set():
            self._tell()
        else:
            self._told = frozenset(self._watch.versions)
            self.settled.set()

    def _tell(self) -> None:
        before, self._told = self._told, frozenset(self._watch.versions)
        for namespace in sorted(before ^ self._told):
            self._on_change(namespace)
