"""Everything the stand-in cluster holds, as immutable values.

A change copies only the one mapping it touches, never what lies in it: an old `State` is a valid backup of the cluster.
No behaviour lives here but lookups; no I/O, no clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Literal, TypeVar

from tests.standin.security import Security
from tests.standin.version import Version

Settings = Mapping[str, Any]
Platform = Literal["linux-x86_64", "linux-aarch64", "darwin-aarch64"]
NOTHING: Mapping[str, Any] = MappingProxyType({})
_V = TypeVar("_V")


def _nothing() -> Mapping[str, Any]:
    return NOTHING


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A stored inference endpoint: the shown settings, the secrets and what the server keeps to itself.

    `deployment_id` is set when the endpoint is attached to a deployment that it did not start. `broken`: one of its two
    documents is lost, so that it can't be read.
    """

    inference_id: str
    task_type: str
    service: str
    service_settings: Settings = field(default_factory=_nothing)
    secrets: Settings = field(default_factory=_nothing, repr=False)
    task_settings: Settings = field(default_factory=_nothing)
    chunking_settings: Settings | None = None
    hidden: Settings = field(default_factory=_nothing)
    deployment_id: str | None = None
    metadata: Settings = field(default_factory=_nothing)
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Outdated:
    """What a node's cache still holds of an endpoint that was updated, and until when."""

    endpoint: Endpoint
    until: float


@dataclass(frozen=True, slots=True)
class Model:
    """A trained model that is known to the cluster; `downloaded_at` is None until something asked for it."""

    model_id: str
    task_type: str
    downloaded_at: float | None = None


@dataclass(frozen=True, slots=True)
class Deployment:
    """A running model. Counts are what they were at `changed_at`; `deployments.progress` derives what they are now.

    most: how many allocations the nodes that are left can hold; None for no bound.
    stop_failure: why it can't be stopped, when that is so.
    """

    deployment_id: str
    model_id: str
    threads: int
    started_at: float
    changed_at: float
    allocations: int
    target: int
    adaptive: Settings | None = None
    last_used: float = 0.0
    by_endpoint: bool = True
    failure: str | None = None
    most: int | None = None
    stop_failure: str | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds.

    deployment: from the start of a model deployment to its last allocation.
    download: of a model that is used for the first time.
    idle: after which adaptive allocations scale down to their minimum.
    cache: for how long inference goes on with the old settings after an update.
    """

    deployment: float = 0.0
    download: float = 0.0
    idle: float = 900.0
    cache: float = 0.0


@dataclass(frozen=True, slots=True)
class Provider:
    """How the providers behind third-party services behave.

    refused: secret values that they refuse with 401; also any secret that starts with one of `refused_prefixes`.
    unreachable: names of services whose provider does not answer at all.
    silent: names of services whose provider answers nothing usable.
    dimensions: length of the vectors of a model, where it is fixed.
    latency: seconds that a validation call takes.
    breaks_after: how many chunks of a stream come before the provider's connection breaks; None for a whole stream.
    call_local: whether an endpoint whose `url` is plain HTTP on this machine really calls it.
    """

    refused: frozenset[str] = field(default=frozenset(), repr=False)
    refused_prefixes: tuple[str, ...] = field(default=(), repr=False)
    unreachable: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    dimensions: Mapping[str, int] = field(default_factory=_nothing)
    latency: float = 0.0
    breaks_after: int | None = None
    call_local: bool = False


@dataclass(frozen=True, slots=True)
class Cluster:
    """The cluster itself: what `GET /`, health and licence tell.

    max_allocations: what the ML nodes can hold together; None for no bound, 0 for no ML node at all.
    event_bom: whether a byte-order mark stands before each event of a stream, as in some releases.
    unaware: services that some node of the cluster is too old for.
    failing_writes: whether the store of endpoints takes no update.
    master: whether there is an elected master; without one, writes wait for it and give up.
    """

    name: str = "standin"
    uuid: str = "mU3Vh7ImTbqtLjSBQ3pHFA"
    node: str = "standin-0"
    flavor: str = "default"
    health: str = "green"
    license_type: str = "trial"
    license_status: str = "active"
    platform: Platform = "linux-x86_64"
    eis: bool = False
    vendor_services: bool = True
    max_allocations: int | None = None
    event_bom: bool = False
    unaware: frozenset[str] = frozenset()
    failing_writes: bool = False
    master: bool = True
    settings: Settings = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A stored ingest pipeline: the body as it was PUT, and when. `by_file`: set by file-based settings, thus read-only."""

    body: Settings
    created: float
    modified: float
    by_file: bool = False


@dataclass(frozen=True, slots=True)
class InferenceField:
    """A `semantic_text` field of an index: what the index metadata remembers."""

    path: str
    inference_id: str
    search_inference_id: str
    model_settings: Settings | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """An index; `inference_fields` is derived from the mappings when they are written."""

    name: str
    uuid: str
    mappings: Settings
    settings: Settings
    aliases: Settings
    created: float
    inference_fields: tuple[InferenceField, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A document of an index. `meaning`: by semantic field the vectors or token weights of its texts.

    Searches see it from `searchable_at` on: infinity until a refresh.
    """

    doc_id: str
    source: Settings
    version: int
    seq_no: int
    routing: str | None = None
    meaning: Settings = field(default_factory=_nothing)
    searchable_at: float = 0.0


@dataclass(frozen=True, slots=True)
class State:
    """The whole cluster. `updating`: ids of endpoints whose update is on its way; `outdated`: what caches still hold."""

    version: Version = field(default_factory=lambda: Version(9, 5, 0))
    cluster: Cluster = field(default_factory=Cluster)
    security: Security | None = None
    provider: Provider = field(default_factory=Provider)
    pace: Pace = field(default_factory=Pace)
    endpoints: Mapping[str, Endpoint] = field(default_factory=_nothing)
    updating: frozenset[str] = frozenset()
    outdated: Mapping[str, Outdated] = field(default_factory=_nothing)
    models: Mapping[str, Model] = field(default_factory=_nothing)
    deployments: Mapping[str, Deployment] = field(default_factory=_nothing)
    pipelines: Mapping[str, Pipeline] = field(default_factory=_nothing)
    indices: Mapping[str, Index] = field(default_factory=_nothing)
    documents: Mapping[str, Mapping[str, Document]] = field(default_factory=_nothing)
    index_templates: Mapping[str, Settings] = field(default_factory=_nothing)
    component_templates: Mapping[str, Settings] = field(default_factory=_nothing)

    def with_endpoint(self, endpoint: Endpoint) -> State:
        return replace(self, endpoints=put(self.endpoints, endpoint.inference_id, endpoint))

    def with_deployment(self, deployment: Deployment) -> State:
        return replace(self, deployments=put(self.deployments, deployment.deployment_id, deployment))

    def with_model(self, model: Model) -> State:
        return replace(self, models=put(self.models, model.model_id, model))

    def with_index(self, index: Index) -> State:
        return replace(self, indices=put(self.indices, index.name, index))


def put(mapping: Mapping[str, _V], key: str, value: _V) -> Mapping[str, _V]:
    """A copy of `mapping` with `key` set."""
    return {**mapping, key: value}


def drop(mapping: Mapping[str, _V], *keys: str) -> Mapping[str, _V]:
    """A copy of `mapping` without `keys`."""
    return {key: value for key, value in mapping.items() if key not in keys}
