"""Objects as an API server keeps them: uid, generation, resourceVersion, finalizers, a status of its own, and a watch.

Holds custom resources only; Secrets and the like are `tests.fake_kubernetes`'s. Bodies go in and out as copies.
"""

import itertools
from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from inference_operator.shell.ports import Body, ObjectKey

Copied = TypeVar("Copied")

PLURALS = {"InferenceEndpoint": "inferenceendpoints", "IngestPipeline": "ingestpipelines"}
STATUS_DEFAULT = {"observedGeneration": -1}

OnEvent: TypeAlias = Callable[[str | None, Body], None]
"""Called with ADDED, MODIFIED or DELETED, or with None for what was there at the start (as kopf does), and the body."""


class AdmissionError(Exception):
    """The API server would refuse the object (422)."""


def copied(value: Copied) -> Copied:
    """`deepcopy` of what is JSON nearly throughout, several times as fast: copying is most of what the fake does."""
    copy: Copied = _copied(value)
    return copy


def _copied(value: Any) -> Any:
    kind = type(value)
    if kind is dict:
        return {name: item if type(item) is str else _copied(item) for name, item in value.items()}
    if kind is list:
        return [item if type(item) is str else _copied(item) for item in value]
    return value if kind in _ATOMS else deepcopy(value)


_ATOMS = frozenset({str, int, float, bool, type(None)})


def key_of(body: Body) -> ObjectKey:
    """The key that a body is kept under."""
    metadata = body["metadata"]
    return ObjectKey(PLURALS[body["kind"]], metadata["namespace"], metadata["name"])


class ObjectStore:
    """One cluster's custom resources."""

    def __init__(self, now: Callable[[], datetime], first_uid: int = 1) -> None:
        self._now = now
        self._objects: dict[ObjectKey, Body] = {}
        self._uids = itertools.count(first_uid)
        self._revisions = itertools.count(1)
        self._watchers: list[OnEvent] = []
        self._held: list[tuple[str, Body]] | None = None

    def next_uid(self) -> str:
        return f"00000000-0000-4000-8000-{next(self._uids):012x}"

    def next_revision(self) -> str:
        return str(next(self._revisions))

    def timestamp(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def __iter__(self) -> Iterator[ObjectKey]:
        return iter(sorted(self._objects))

    def get(self, key: ObjectKey) -> Body | None:
        return copied(self._objects.get(key))

    def version(self, key: ObjectKey) -> tuple[str, str]:
        """Its uid and resourceVersion. Raises KeyError."""
        metadata = self._objects[key]["metadata"]
        return metadata["uid"], metadata["resourceVersion"]

    def create(self, body: Body) -> Body:
        """Store a new object. Raises AdmissionError where one of that name is there."""
        key = key_of(body)
        if key in self._objects:
            raise AdmissionError(f'{key.plural} "{key.name}" already exists')
        new = copied(body)
        new["metadata"] |= {
            "uid": self.next_uid(),
            "generation": 1,
            "resourceVersion": self.next_revision(),
            "creationTimestamp": self.timestamp(),
        }
        new["status"] = dict(STATUS_DEFAULT)
        self._objects[key] = new
        self._announce("ADDED", new)
        return copied(new)

    def update(self, key: ObjectKey, change: Callable[[Body], None]) -> Body:
        """Change a copy, then store it. What ends equal is no change. Raises KeyError, AdmissionError."""
        old = self._objects[key]
        new = copied(old)
        change(new)
        if new == old:
            return copied(old)
        _refuse_new_finalizers(old, new)
        if _wanted(new) != _wanted(old) or _deleting(new) != _deleting(old):
            new["metadata"]["generation"] += 1
        new["metadata"]["resourceVersion"] = self.next_revision()
        if _deleting(new) and not new["metadata"].get("finalizers"):
            del self._objects[key]
            self._announce("DELETED", new)
        else:
            self._objects[key] = new
            self._announce("MODIFIED", new)
        return copied(new)

    def delete(self, key: ObjectKey) -> None:
        """Mark for deletion; the object goes with its last finalizer. Raises KeyError."""

        def mark(body: Body) -> None:
            body["metadata"].setdefault("deletionTimestamp", self.timestamp())
            body["metadata"].setdefault("deletionGracePeriodSeconds", 0)

        self.update(key, mark)

    def subscribe(self, on_event: OnEvent) -> Callable[[], None]:
        """List what is there (type None), then tell every change. Returns what ends it."""
        for key in self:
            on_event(None, copied(self._objects[key]))
        self._watchers.append(on_event)
        return lambda: self._watchers.remove(on_event)

    def hold_events(self) -> None:
        """Keep events back, as a slow watch does, until `release_events`."""
        self._held = [] if self._held is None else self._held

    def release_events(self) -> None:
        held, self._held = self._held or [], None
        for kind, body in held:
            self._announce(kind, body)

    def _announce(self, kind: str, body: Body) -> None:
        if self._held is not None:
            self._held.append((kind, copied(body)))
            return
        for watcher in tuple(self._watchers):
            watcher(kind, copied(body))


def _wanted(body: Body) -> Body:
    """What counts for the generation: all but metadata and status."""
    return {name: value for name, value in body.items() if name not in ("metadata", "status")}


def _deleting(body: Body) -> bool:
    return "deletionTimestamp" in body["metadata"]


def _refuse_new_finalizers(old: Body, new: Body) -> None:
    before, after = (set(body["metadata"].get("finalizers", ())) for body in (old, new))
    if _deleting(old) and after - before:
        raise AdmissionError(
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted,"
            f" found new finalizers {sorted(after - before)}"
        )
