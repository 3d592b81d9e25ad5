"""What the operator knows of its objects: the latest version of each, and who shares an id or a reference with whom.

Fed by the watch and by the answers to our own writes; the later resourceVersion wins, so that an event that was under way
while we wrote does not bring an old claim back. Does no I/O and decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from inference_operator.api.inference_endpoint import InferenceEndpoint, InferenceEndpointStatus
from inference_operator.api.invalid import InvalidObject
from inference_operator.api.meta import ObjectMeta
from inference_operator.core.values import ObjectRef
from inference_operator.shell.ports import ObjectKey

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that does not have the form of its kind: the installed CRD is older than the operator."""

    metadata: ObjectMeta
    status: InferenceEndpointStatus
    fault: InvalidObject


Known = InferenceEndpoint | Unreadable


@dataclass(frozen=True, slots=True)
class Change:
    """What an observation brought: `before` is None for an object not seen until now."""

    before: Known | None
    after: Known

    @property
    def is_news(self) -> bool:
        """True when something changed that a reconcile may act on. A change of status alone, mostly our own, is none."""
        return self.before is None or _gist(self.before) != _gist(self.after)


def _gist(known: Known) -> tuple[object, ...]:
    meta = known.metadata
    return (meta.uid, meta.generation, meta.deletion_timestamp, meta.finalizers, sorted(meta.annotations.items()))


class ObjectStore:
    """The objects of one kind."""

    def __init__(self) -> None:
        self._objects: dict[ObjectKey, Known] = {}
        self._by_id: dict[str, set[ObjectKey]] = defaultdict(set)
        self._referrers: dict[ObjectRef, set[ObjectKey]] = defaultdict(set)
        self._references: dict[ObjectKey, frozenset[ObjectRef]] = {}

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(tuple(self._objects))

    def get(self, key: ObjectKey) -> Known | None:
        """The latest version that was heard of."""
        return self._objects.get(key)

    def observe(self, key: ObjectKey, body: dict[str, Any]) -> Change | None:
        """Take note of a version of an object. None where a later one is known already."""
        after = _parsed(body)
        before = self._objects.get(key)
        if before is not None and _is_later(before.metadata, after.metadata):
            return None
        if before is not None:
            self._unlist(key, before)
        self._objects[key] = after
        if isinstance(after, InferenceEndpoint):
            self._by_id[after.resolved_inference_id].add(key)
        return Change(before, after)

    def remove(self, key: ObjectKey, uid: str | None = None) -> Known | None:
        """Forget an object; with `uid` only if it is still that one. Returns what was known."""
        known = self._objects.get(key)
        if known is None or (uid is not None and known.metadata.uid != uid):
            return None
        del self._objects[key]
        self._unlist(key, known)
        self.refer(key, ())
        return known

    def refer(self, key: ObjectKey, refs: Collection[ObjectRef]) -> bool:
        """Remember what an object takes values from. Returns whether that is news."""
        before, after = self._references.get(key, frozenset()), frozenset(refs)
        if before == after:
            return False
        _relist(self._referrers, key, before - after, after - before)
        if after:
            self._references[key] = after
        else:
            del self._references[key]
        return True

    def referrers(self, ref: ObjectRef) -> tuple[ObjectKey, ...]:
        """The objects that take a value from this Secret or ConfigMap."""
        return tuple(self._referrers.get(ref, ()))

    def namesakes(self, key: ObjectKey, inference_id: str) -> tuple[tuple[ObjectKey, InferenceEndpoint], ...]:
        """The other objects with this inference id, on whatever cluster."""
        others = ((other, self._objects[other]) for other in self._by_id.get(inference_id, ()) if other != key)
        return tuple((other, known) for other, known in others if isinstance(known, InferenceEndpoint))

    def _unlist(self, key: ObjectKey, known: Known) -> None:
        if isinstance(known, InferenceEndpoint):
            _relist(self._by_id, key, (known.resolved_inference_id,), ())


def _relist(lists: dict[_Name, set[ObjectKey]], key: ObjectKey, gone: Iterable[_Name], come: Iterable[_Name]) -> None:
    for name in come:
        lists[name].add(key)
    for name in gone:
        lists[name].discard(key)
        if not lists[name]:
            del lists[name]


def _parsed(body: dict[str, Any]) -> Known:
    try:
        return InferenceEndpoint.parse(body)
    except InvalidObject as fault:
        return Unreadable(ObjectMeta.model_validate(body.get("metadata") or {}), _status(body), fault)


def _status(body: dict[str, Any]) -> InferenceEndpointStatus:
    try:
        return InferenceEndpointStatus.model_validate(body.get("status") or {})
    except ValidationError:
        return InferenceEndpointStatus()


def _is_later(one: ObjectMeta, other: ObjectMeta) -> bool:
    """Versions of one object can be compared as numbers (promised by Kubernetes since 1.35, and true before)."""
    if one.uid != other.uid:
        return False
    try:
        return int(one.resource_version) > int(other.resource_version)
    except ValueError:
        return False
