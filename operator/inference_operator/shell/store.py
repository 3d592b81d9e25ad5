"""What the operator knows of its objects: the latest version of each, and who shares an id or a reference with whom.

Fed by the watch and by the answers to our own writes; the later resourceVersion wins, so that an event that was under way
while we wrote does not bring an old claim back. Knows no kind, does no I/O and decides nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from inference_operator.api.invalid import InvalidObject
from inference_operator.api.managed import ManagedObject, ManagedStatus
from inference_operator.api.meta import GROUP, ApiModel, ObjectMeta
from inference_operator.api.sharing import Sharing
from inference_operator.core.values import ObjectRef
from inference_operator.shell.ports import ObjectKey

_Name = TypeVar("_Name", bound=Hashable)


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """Something in Elasticsearch, on whatever cluster: the plural of the kind that stands for it, and its id there."""

    plural: str
    external_id: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An object that does not have the form of its kind: the installed CRD is older than the operator."""

    metadata: ObjectMeta
    status: ManagedStatus
    fault: InvalidObject


Known = ManagedObject | Unreadable


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
    # Annotations of others are none of ours: a controller that writes them again and again must not keep us busy.
    annotations = sorted(item for item in meta.annotations.items() if item[0].startswith(f"{GROUP}/"))
    return (meta.uid, meta.generation, meta.deletion_timestamp, meta.finalizers, annotations)


class _Links(Generic[_Name]):
    """Which objects name what, to be asked in both directions."""

    def __init__(self) -> None:
        self._named: dict[ObjectKey, frozenset[_Name]] = {}
        self._by: defaultdict[_Name, set[ObjectKey]] = defaultdict(set)

    def set(self, key: ObjectKey, names: Collection[_Name]) -> bool:
        """Remember all that an object names. Returns whether that is news."""
        before, after = self.of(key), frozenset(names)
        for name in after - before:
            self._by[name].add(key)
        for name in before - after:
            self._by[name].discard(key)
            if not self._by[name]:
                del self._by[name]
        self._named[key] = after
        if not after:
            del self._named[key]
        return before != after

    def of(self, key: ObjectKey) -> frozenset[_Name]:
        return self._named.get(key, frozenset())

    def by(self, name: _Name) -> tuple[ObjectKey, ...]:
        return tuple(sorted(self._by.get(name, ())))


def everywhere(namespace: str) -> bool:
    """Every namespace is looked after."""
    del namespace
    return True


class ObjectStore:
    """The objects of all kinds. `watches` tells which namespaces are looked after: of others nothing is kept."""

    def __init__(self, watches: Callable[[str], bool] = everywhere) -> None:
        self._watches = watches
        self._objects: dict[ObjectKey, Known] = {}
        self._sharing = Sharing()
        self._uids: set[str] = set()
        self._leaving: dict[str, float] = {}
        self._identities: _Links[Identity] = _Links()
        self._sources: _Links[ObjectRef] = _Links()
        self._needs: _Links[Identity] = _Links()

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(tuple(self._objects))

    def get(self, key: ObjectKey) -> Known | None:
        """The latest version that was heard of."""
        return self._objects.get(key)

    def keeps(self, key: ObjectKey) -> bool:
        """True where its namespace is looked after."""
        return self._watches(key.namespace)

    def has(self, uid: str) -> bool:
        """True while an object with this uid is known."""
        return uid in self._uids

    def leaves(self, uid: str, moment: float) -> None:
        """The object with this uid is heard of as being deleted, at a moment on the clock. The first time counts."""
        self._leaving.setdefault(uid, moment)

    def leaving_since(self, uid: str) -> float | None:
        """When it was first heard that the object is being deleted. None where it never was."""
        return self._leaving.get(uid)

    def is_old(self, key: ObjectKey, metadata: Mapping[str, Any]) -> bool:
        """True when this version of an object, or a later one, was taken note of; then there is nothing in it to be read."""
        known = self._objects.get(key)
        if known is None or known.metadata.uid != metadata["uid"]:
            return False
        version = metadata["resourceVersion"]
        return known.metadata.resource_version == version or _is_greater(known.metadata.resource_version, version)

    def observe(self, key: ObjectKey, after: Known) -> Change | None:
        """Take note of a version of an object. None where a later one is known, or the namespace is not looked after."""
        if not self.keeps(key):
            return None
        before = self._objects.get(key)
        if before is not None and _is_later(before.metadata, after.metadata):
            return None
        if isinstance(after, ApiModel):
            self._sharing.share(after)
        self._objects[key] = after
        if before is not None:
            self._uids.discard(before.metadata.uid)
            if before.metadata.uid != after.metadata.uid:
                self._leaving.pop(before.metadata.uid, None)
        self._uids.add(after.metadata.uid)
        self._identities.set(key, () if isinstance(after, Unreadable) else (Identity(key.plural, after.external_id),))
        return Change(before, after)

    def remove(self, key: ObjectKey, uid: str | None = None) -> Known | None:
        """Forget an object; with `uid` only if it is still that one. Returns what was known."""
        known = self._objects.get(key)
        if known is None or (uid is not None and known.metadata.uid != uid):
            return None
        del self._objects[key]
        self._uids.discard(known.metadata.uid)
        self._leaving.pop(known.metadata.uid, None)
        for links in (self._identities, self._sources, self._needs):
            links.set(key, ())
        return known

    def refer(self, key: ObjectKey, refs: Collection[ObjectRef]) -> bool:
        """Remember what an object takes values from. Returns whether that is news."""
        return self._sources.set(key, refs)

    def referrers(self, ref: ObjectRef) -> tuple[ObjectKey, ...]:
        """The objects that take a value from this Secret or ConfigMap."""
        return self._sources.by(ref)

    def need(self, key: ObjectKey, needs: Collection[Identity]) -> bool:
        """Remember what else in Elasticsearch an object names. Returns whether that is news."""
        return self._needs.set(key, needs)

    def needs_of(self, key: ObjectKey) -> frozenset[Identity]:
        """What else in Elasticsearch an object names."""
        return self._needs.of(key)

    def dependants(self, identity: Identity) -> tuple[ObjectKey, ...]:
        """The objects that name it, on whatever cluster."""
        return self._needs.by(identity)

    def holders(self, identity: Identity) -> tuple[tuple[ObjectKey, ManagedObject], ...]:
        """The objects with this identity, on whatever cluster."""
        found = ((key, self._objects[key]) for key in self._identities.by(identity))
        return tuple((key, known) for key, known in found if not isinstance(known, Unreadable))

    def namesakes(self, key: ObjectKey, external_id: str) -> tuple[tuple[ObjectKey, ManagedObject], ...]:
        """The other objects of the same kind with this id, on whatever cluster."""
        return tuple(holder for holder in self.holders(Identity(key.plural, external_id)) if holder[0] != key)


def _is_later(one: ObjectMeta, other: ObjectMeta) -> bool:
    return one.uid == other.uid and _is_greater(one.resource_version, other.resource_version)


def _is_greater(one: str, other: str) -> bool:
    """Versions of one object can be compared as numbers (promised by Kubernetes since 1.35, and true before)."""
    try:
        return int(one) > int(other)
    except ValueError:
        return False
