"""Whose pipeline is it? The mark that the operator leaves in `_meta`, and what it means when it is found again.

Decides what counts as nobody's: no mark, or the mark of an object that is no more. A mark is only text that anybody can
write, so whatever is not understood is no mark. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from inference_operator.api.meta import GROUP
from inference_operator.core.values import Json

META = "_meta"
OWNER_KEY = f"{GROUP}/owner"
"""Where in `_meta` the mark stands."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """The object that a pipeline belongs to. `kubernetes` names its Kubernetes cluster; None where that is not known."""

    kubernetes: str | None
    namespace: str
    name: str
    uid: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def document(self) -> dict[str, Json]:
        """As it stands in `_meta`."""
        return {"kubernetes": self.kubernetes, "namespace": self.namespace, "name": self.name, "uid": self.uid}


class Ownership(Enum):
    """To whom a pipeline belongs."""

    NOBODY = "nobody"  # it may be adopted
    OURS = "ours"
    NAMESAKE = "our own name"  # an earlier object of our name, or one of another Kubernetes cluster: it can't be told
    ANOTHER_OBJECT = "another object"  # of this Kubernetes cluster
    ANOTHER_KUBERNETES = "another Kubernetes cluster"


def stamped(body: Mapping[str, Json], stamp: Stamp) -> dict[str, Json]:
    """The body with the mark in it, as it is sent."""
    meta = body.get(META)
    return {**body, META: {**(meta if isinstance(meta, Mapping) else {}), OWNER_KEY: stamp.document}}


def stamp_in(body: Mapping[str, Json]) -> Stamp | None:
    """The mark that a body carries; None where there is none that can be understood."""
    meta = body.get(META)
    mark = meta.get(OWNER_KEY) if isinstance(meta, Mapping) else None
    if not isinstance(mark, Mapping):
        return None
    namespace, name, uid = (_text(mark.get(key)) for key in ("namespace", "name", "uid"))
    if namespace is None or name is None or uid is None:
        return None
    return Stamp(_text(mark.get("kubernetes")), namespace, name, uid)


def without_stamp(body: Mapping[str, Json]) -> dict[str, Json]:
    """The body without the mark, and without `_meta` where that held nothing else."""
    meta = body.get(META)
    if not isinstance(meta, Mapping) or OWNER_KEY not in meta:
        return dict(body)
    rest = {key: value for key, value in meta.items() if key != OWNER_KEY}
    return {key: rest if key == META else value for key, value in body.items() if key != META or rest}


def ownership(stamp: Stamp | None, own: Stamp, known_uids_alive: Callable[[str], bool]) -> Ownership:
    """To whom a pipeline with this mark belongs, as seen by the object `own`.

    `known_uids_alive` tells whether an object with that uid exists; True where that can't be told. While either
    Kubernetes cluster is not known, only the mark of an object of our own name may be that of an earlier one.
    """
    if stamp is None:
        return Ownership.NOBODY
    if stamp.uid == own.uid:
        return Ownership.OURS
    told_apart = stamp.kubernetes is not None and own.kubernetes is not None
    if told_apart and stamp.kubernetes != own.kubernetes:
        return Ownership.ANOTHER_KUBERNETES
    if known_uids_alive(stamp.uid):
        return Ownership.ANOTHER_OBJECT
    if told_apart:
        return Ownership.NOBODY
    is_namesake = (stamp.namespace, stamp.name) == (own.namespace, own.name)
    return Ownership.NAMESAKE if is_namesake else Ownership.ANOTHER_KUBERNETES


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None
