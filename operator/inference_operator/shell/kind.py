"""What a kind must say of itself so that the shell can work on its objects; the shell names no kind.

A kind is a few small parts: models (`api`), pure rules (`core`), and an implementation of `Kind` in `kinds` that joins them with
the adapters. It decides nothing about when and how often; that is the shell's.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

from inference_operator.api.managed import ManagedObject, ManagedStatus
from inference_operator.core.clock import Clock
from inference_operator.core.deed import Deed
from inference_operator.core.failure import Failure
from inference_operator.core.situation import Answer, Situation
from inference_operator.core.values import Absent, ObjectRef, Observed, Server
from inference_operator.core.verdict import Conclusion, Step, Verdict
from inference_operator.elasticsearch.cluster import Cluster
from inference_operator.shell.clusters import Clusters
from inference_operator.shell.metrics.meter import SILENT, Meter
from inference_operator.shell.ports import Body, KubernetesPort, ObjectKey
from inference_operator.shell.queue import WorkQueue
from inference_operator.shell.store import Identity, ObjectStore, everywhere

O = TypeVar("O", bound=ManagedObject)  # noqa: E741 - an object
S = TypeVar("S", bound=Situation)


class Kind(Protocol[O, S]):
    """One kind. Nothing here raises for what the world does: failures are in the situation, or are the answer."""

    @property
    def name(self) -> str:
        """As in `kind:`."""
        ...

    @property
    def plural(self) -> str:
        """As in the URL."""
        ...

    @property
    def marks_its_own(self) -> bool:
        """True when what stands in Elasticsearch says itself whose it is, so that a deletion looks at it first."""
        ...

    def parse(self, body: Body) -> O:
        """Read an object. Raises InvalidObject, naming the field, where it does not have the form of its kind."""
        ...

    def status_of(self, body: Body) -> ManagedStatus:
        """The status of an object that can't be parsed; an empty one where that can't be read either."""
        ...

    def unreadable_status(self, previous: Any, *, generation: int, fault: str, now: str) -> ManagedStatus:
        """What to report of an object that can't be parsed."""
        ...

    def lane(self, found: O) -> Hashable:
        """Objects of one connection and one lane share a limit of how many are in work at once."""
        ...

    def sources(self, found: O) -> tuple[ObjectRef, ...]:
        """The Secrets and ConfigMaps that the spec takes values from."""
        ...

    def needs(self, found: O) -> frozenset[Identity]:
        """What else in Elasticsearch the spec names, whether an object provides it or not."""
        ...

    def named(self, s: S) -> frozenset[Identity]:
        """What else in Elasticsearch the thing names that stands there now, which may be of an earlier spec."""
        ...

    def begin(self, key: ObjectKey, found: O) -> S:
        """What the object alone tells."""
        ...

    async def desire(self, found: O, s: S) -> S:
        """Add what the spec wants, references resolved, or the failure to do so."""
        ...

    async def observe(self, key: ObjectKey, found: O, s: S, cluster: Cluster, *, anew: bool) -> S:
        """Add what Elasticsearch holds, or the failure to tell. `anew`: by a request of its own, not from a bulk read."""
        ...

    async def look(self, found: O, s: S, cluster: Cluster) -> Observed | Absent | Failure:
        """What Elasticsearch holds now, by a request of its own."""
        ...

    def seen(self, found: O, s: S, there: Observed | Absent) -> S:
        """The situation with what a look brought."""
        ...

    async def inherits(self, found: O, there: Observed, server: Server) -> bool:
        """True when the object wants just what is there, so that it would adopt it as it is."""
        ...

    def plan(self, s: S) -> Verdict:
        """The next step, or the conclusion."""
        ...

    async def act(self, found: O, s: S, step: Step, cluster: Cluster) -> Answer:
        """Carry out a step in Elasticsearch."""
        ...

    def deed(self, s: S, step: Step) -> Deed:
        """What a step writes in Elasticsearch, told without a secret."""
        ...

    async def resolve(self, found: O) -> Answer:
        """Read all values that were left unread."""
        ...

    def status(self, s: S, conclusion: Conclusion, *, now: str, handled: str | None) -> ManagedStatus:
        """What to report."""
        ...

    def concluded(self, key: ObjectKey, s: S, conclusion: Conclusion, asked: str | None) -> None:
        """A pass ended so. `asked`: the value of the reconcile-now annotation while it was not acted upon."""
        ...

    def forget(self, key: ObjectKey, uid: str) -> None:
        """The object is gone, or can't be read any more."""
        ...

    async def stop(self) -> None:
        """The operator ends."""
        ...


AnyKind: TypeAlias = Kind[Any, Any]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a kind may use. `watches` tells whether the objects of a namespace are looked after."""

    kubernetes: KubernetesPort
    clusters: Clusters
    store: ObjectStore
    queue: WorkQueue[ObjectKey]
    clock: Clock
    dice: Callable[[], float]
    watches: Callable[[str], bool] = everywhere
    meter: Meter = SILENT


MakeKind: TypeAlias = Callable[[Surroundings], AnyKind]
