"""The values that travel from `gather` over `plan` to `report`.

All are frozen and compare by value. Nothing here knows an event loop, a client or a clock. What came out of a Secret
travels inside `Sealed`, whose `repr` names the source and never the value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from inference_operator.api.status import SourceKind

Json: TypeAlias = Any
"""JSON as Python knows it: None, bool, int, float, str, list, dict."""

Tree: TypeAlias = Any
"""JSON in which a leaf may be `Sealed`."""

Path: TypeAlias = tuple[str, ...]
"""Where a setting stands, as users write it: `("serviceSettings", "rate_limit", "requests_per_minute")`."""


def dotted(path: Path) -> str:
    """`serviceSettings.rate_limit.requests_per_minute`, as shown in `status` and in messages."""
    return ".".join(path).replace(".[", "[")


@dataclass(frozen=True, slots=True, order=True)
class ObjectRef:
    """A Secret or ConfigMap, by name."""

    kind: SourceKind
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True, order=True)
class ObjectVersion:
    """Which content of an object was read, by uid and resourceVersion: tells a change without holding the content."""

    uid: str
    resource_version: str


class Unread:
    """Stands for a value that was not read, because the version of its Secret has not changed since it was written."""

    def __repr__(self) -> str:
        return "<unread>"


UNREAD: Final = Unread()


@dataclass(frozen=True, slots=True)
class Sealed:
    """A value that came out of a Secret. Shown as `<secret name/key>` everywhere but on the wire."""

    name: str
    key: str
    value: Json = field(repr=False)

    def __str__(self) -> str:
        return f"<secret {self.name}/{self.key}>"

    def __repr__(self) -> str:
        return str(self)


def reveal(tree: Tree) -> Json:
    """The tree as it goes over the wire, secrets in clear. Its result must not be stored, logged or shown."""
    if isinstance(tree, Sealed):
        if tree.value is UNREAD:
            raise ValueError(f"{tree} was not read, so it can't be sent")
        return tree.value
    if isinstance(tree, Mapping):
        return {key: reveal(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [reveal(value) for value in tree]
    return tree


def show(tree: Tree) -> Json:
    """The tree as people may see it: every sealed leaf reads `<secret name/key>`."""
    if isinstance(tree, Sealed):
        return str(tree)
    if isinstance(tree, Mapping):
        return {key: show(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [show(value) for value in tree]
    return tree


def leaves(tree: Tree, path: Path = ()) -> Iterator[tuple[Path, Tree]]:
    """Every leaf with its path. A list is a leaf: Elasticsearch replaces lists as a whole. So is an empty object."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from leaves(value, (*path, str(key)))
    else:
        yield path, tree


def sealed(tree: Tree) -> Iterator[Sealed]:
    """Every sealed value, also inside lists."""
    if isinstance(tree, Sealed):
        yield tree
    elif isinstance(tree, Mapping | list):
        for value in tree.values() if isinstance(tree, Mapping) else tree:
            yield from sealed(value)


@dataclass(frozen=True, slots=True)
class Desired:
    """What an object of whatever kind wants. The kinds add what that is."""

    @property
    def is_read(self) -> bool:
        """True when everything is at hand, so that the whole can be sent."""
        return True


@dataclass(frozen=True, slots=True)
class Observed:
    """What Elasticsearch holds under an id, of whatever kind. The kinds add what that is."""


@dataclass(frozen=True, slots=True)
class DesiredEndpoint(Desired):
    """One endpoint as its object wants it, references resolved.

    `service_settings`, `task_settings` and `chunking_settings` are trees with Elasticsearch's own key names.
    `sources` holds the version of every Secret and ConfigMap that was read for them.
    """

    inference_id: str
    task_type: str
    service: str
    service_settings: Mapping[str, Tree]
    task_settings: Mapping[str, Tree]
    chunking_settings: Mapping[str, Tree] | None
    sources: Mapping[ObjectRef, ObjectVersion]

    @property
    def tree(self) -> Mapping[str, Tree]:
        """The three blocks under the names that users write."""
        blocks: dict[str, Tree] = {"serviceSettings": self.service_settings, "taskSettings": self.task_settings}
        if self.chunking_settings is not None:
            blocks["chunkingSettings"] = self.chunking_settings
        return blocks

    @property
    def is_read(self) -> bool:
        """True when every sealed value is at hand, so that the whole can be sent."""
        return all(leaf.value is not UNREAD for leaf in sealed(self.tree))


@dataclass(frozen=True, slots=True)
class ObservedEndpoint(Observed):
    """One endpoint as Elasticsearch returned it. `chunking_settings` is None where the answer has none."""

    inference_id: str
    task_type: str
    service: str
    service_settings: Mapping[str, Json]
    task_settings: Mapping[str, Json]
    chunking_settings: Mapping[str, Json] | None

    @property
    def tree(self) -> Mapping[str, Json]:
        """The three blocks under the names that users write."""
        return {
            "serviceSettings": self.service_settings,
            "taskSettings": self.task_settings,
            "chunkingSettings": self.chunking_settings or {},
        }


@dataclass(frozen=True, slots=True)
class Absent:
    """Elasticsearch was asked, and there is nothing of that id."""


ABSENT = Absent()


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """An Elasticsearch version. Serverless counts as newer than every release."""

    major: int
    minor: int
    patch: int = 0

    @classmethod
    def parse(cls, text: str) -> Version:
        """`9.5.0-SNAPSHOT` is 9.5.0. Raises ValueError where the text does not begin with two numbers."""
        numbers = text.split("-", 1)[0].split(".")
        if len(numbers) < 2:  # noqa: PLR2004 - major and minor
            raise ValueError(f"{text!r} is not an Elasticsearch version")
        major, minor, *rest = (int(number) for number in numbers[:3])
        return cls(major, minor, rest[0] if rest else 0)


@dataclass(frozen=True, slots=True)
class Server:
    """What `GET /` said. `uuid` is None while it can't be read (403, `_na_`): unknown, never "another cluster"."""

    address: str
    uuid: str | None
    version: str | None
    serverless: bool = False

    @property
    def identity(self) -> str:
        """What names this cluster in a claim: its UUID, or its address while the UUID is unknown."""
        return self.uuid or self.address

    def is_called(self, token: str) -> bool:
        """True when a claim's cluster part means this cluster, or can't be told from it."""
        return token in (self.uuid, self.address) or self.uuid is None

    def is_same(self, other: Server) -> bool:
        """True when both are one cluster, as far as can be told: by UUID, else by address."""
        return self.address == other.address if None in (self.uuid, other.uuid) else self.uuid == other.uuid

    @property
    def parsed_version(self) -> Version | None:
        """The version to decide by, None while unknown."""
        if self.serverless:
            return Version(999, 0)
        try:
            return Version.parse(self.version) if self.version else None
        except ValueError:
            return None


@dataclass(frozen=True, slots=True)
class Usage:
    """Who refers to an endpoint, as `DELETE ?dry_run` or a refused delete told, and our own search. Both lists are sorted.

    `overlooked`: how many of them Elasticsearch does not count, so that it would delete the endpoint all the same.
    """

    pipelines: tuple[str, ...] = ()
    indices: tuple[str, ...] = ()
    message: str = ""
    overlooked: int = 0

    @property
    def total(self) -> int:
        return len(self.pipelines) + len(self.indices)

    @property
    def needs_force(self) -> bool:
        """True when Elasticsearch itself would refuse to delete the endpoint."""
        return self.total > self.overlooked


@dataclass(frozen=True, slots=True)
class Deployment:
    """The deployment of an in-cluster model, from `_ml/trained_models/…/_stats`.

    Every field but `deployment_id` may be None: Serverless hides state and allocations, which is not a failure.
    """

    deployment_id: str
    model_id: str | None = None
    state: str | None = None
    reason: str | None = None
    allocation_state: str | None = None
    allocation_count: int | None = None
    target_allocation_count: int | None = None
    adaptive: bool = False


@dataclass(frozen=True, slots=True)
class ProbeOutcome:
    """How the last probe ended. `message` is a sentence for people, secrets cut out."""

    outcome: Literal["Succeeded", "Failed"]
    message: str
