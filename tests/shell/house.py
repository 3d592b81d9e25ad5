"""The parts of an operator that hear and remember, with somebody at the end of the queue who only notes who is woken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

from inference_operator.api.managed import ManagedObject
from inference_operator.core.values import ObjectRef
from inference_operator.elasticsearch.limits import Limits
from inference_operator.elasticsearch.pool import ClusterPool
from inference_operator.kinds import KINDS
from inference_operator.kubernetes.connections import ConnectionResolver
from inference_operator.kubernetes.default_connection import DefaultConnection
from inference_operator.shell.operator import Operator, Tuning
from inference_operator.shell.ports import Body, ObjectKey
from inference_operator.shell.store import Unreadable, everywhere
from tests.fake_kubernetes import FakeKubernetes
from tests.fake_kubernetes_store import PLURALS
from tests.virtual_clock import VirtualClock


class House:
    """Not started: nothing is reconciled, so what a reconcile would remember of needs and references is told by `knows`."""

    def __init__(self, watches: Callable[[str], bool] = everywhere, namespaces: Collection[str] = ()) -> None:
        self.clock = VirtualClock()
        self.kubernetes = FakeKubernetes(self.clock, namespaces)
        self.operator = Operator(
            KINDS,
            kubernetes=self.kubernetes,
            resolver=ConnectionResolver(self.kubernetes, DefaultConnection("operators", ("search",), secret="operators/default")),
            pool=ClusterPool(self.clock, limits=Limits()),
            clock=self.clock,
            dice=lambda: 0.0,
            tuning=Tuning(watches=watches),
        )
        self.store, self.intake = self.operator.store, self.operator.intake
        self._woken: list[ObjectKey] = []
        self.operator.queue.open(self._note)

    async def _note(self, key: ObjectKey) -> None:
        self._woken.append(key)

    async def woken_by(self, happens: Callable[[], Awaitable[None] | None]) -> set[str]:
        """The names of the objects that are worked on because of it."""
        await self.clock.settle()
        self._woken.clear()
        under_way = happens()
        if under_way is not None:
            await under_way
        await self.clock.settle()
        return {key.name for key in self._woken}

    def hear(self, body: Body, event: str | None = "ADDED") -> None:
        self.intake.heard(PLURALS[body["kind"]], event, body)

    def knows(self, body: Body, *refs: ObjectRef) -> None:
        """Hear of an object, and remember what a pass over it found that it names."""
        self.hear(body)
        meta = body["metadata"]
        key = ObjectKey(PLURALS[body["kind"]], meta["namespace"], meta["name"])
        self.store.refer(key, refs)
        self.store.need(key, self.operator.kinds[key.plural].needs(self.found(key)))

    def found(self, key: ObjectKey) -> ManagedObject:
        known = self.store.get(key)
        assert known is not None
        assert not isinstance(known, Unreadable)
        return known
