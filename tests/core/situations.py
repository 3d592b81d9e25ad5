"""Situations to plan for, written down in one line each: an OpenAI endpoint and an in-cluster ELSER, and their worlds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from inference_operator.api.inference_endpoint import InferenceEndpointSpec, InferenceEndpointStatus
from inference_operator.api.meta import Condition
from inference_operator.api.status import Applied, ClusterStatus, SourceKind
from inference_operator.api.status import Difference as DriftEntry
from inference_operator.core.endpoint.compare import digest, set_paths
from inference_operator.core.endpoint.references import Content, resolve
from inference_operator.core.endpoint.situation import EndpointSituation
from inference_operator.core.failure import HttpFailure, TransportFailure, TransportKind
from inference_operator.core.situation import ClaimMark
from inference_operator.core.values import (
    Deployment,
    DesiredEndpoint,
    Json,
    ObjectRef,
    ObjectVersion,
    ObservedEndpoint,
    Server,
    Usage,
    dotted,
)

UID = "uid-of-this-object"
ID = "products"
NAMESPACE = "search"
ADDRESS = "https://es.example:9200"
UUID = "uuid-of-the-cluster"
SERVER = Server(ADDRESS, UUID, "9.5.0")
CLAIM = ClaimMark(UID, UUID, ID)
CANARY = "canary-7d1e-secret"
THEN, NOW, LATER = "2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z"

SECRET = ObjectRef(SourceKind.SECRET, NAMESPACE, "openai")
VERSION = ObjectVersion("uid-of-the-secret", "1")

REFUSED = HttpFailure(400, "status_exception", "Could not complete as validation call to service threw an exception.")
TAKEN = HttpFailure(400, "resource_already_exists_exception", f"Inference endpoint [{ID}] already exists")
LOST = TransportFailure(TransportKind.TIMEOUT, ADDRESS, "no answer in 30 s")
DOWN = TransportFailure(TransportKind.CONNECT, ADDRESS, "connection refused")
USED = Usage(("p1",), ("i1",), "in use")


def secret_ref(key: str = "api-key", name: str = "openai", **more: Any) -> dict[str, Any]:
    return {"valueFrom": {"secretKeyRef": {"name": name, "key": key}, **more}}


def openai_spec(service_settings: Mapping[str, Any] | None = None, **fields: Any) -> InferenceEndpointSpec:
    """An OpenAI endpoint; `service_settings` are added to its model and key, `fields` are camelCase."""
    settings = {"model_id": "small", "api_key": secret_ref()} | dict(service_settings or {})
    return InferenceEndpointSpec.model_validate(
        {"taskType": "text_embedding", "service": "openai", "serviceSettings": settings} | fields
    )


def elser_spec(**fields: Any) -> InferenceEndpointSpec:
    settings = {"model_id": ".elser_model_2", "num_threads": 1, "num_allocations": 1}
    return InferenceEndpointSpec.model_validate(
        {"taskType": "sparse_embedding", "service": "elasticsearch", "serviceSettings": settings} | fields
    )


def desire(
    spec: InferenceEndpointSpec, *, value: str | bytes = CANARY, read: bool = True, version: ObjectVersion = VERSION
) -> DesiredEndpoint:
    """The spec resolved; every key of every Secret holds `value`, or was not read."""
    raw = value if isinstance(value, bytes) else value.encode()

    class Everything(dict[str, bytes]):
        def __contains__(self, key: object) -> bool:
            return True

        def __getitem__(self, key: str) -> bytes:
            return raw

    content = Content(version, Everything() if read else None)
    found = resolve(spec, inference_id=ID, namespace=NAMESPACE, contents={SECRET: content})
    assert isinstance(found, DesiredEndpoint), found
    return found


def stored(spec: InferenceEndpointSpec, **service_settings: Json) -> ObservedEndpoint:
    """The endpoint as Elasticsearch shows it after a create with `spec`; `service_settings` differ from it, None: not there."""
    shown = {key: value for key, value in spec.service_settings.items() if key != "api_key"} | service_settings
    return ObservedEndpoint(
        inference_id=ID,
        task_type=spec.task_type,
        service=spec.service,
        service_settings={key: value for key, value in shown.items() if value is not None},
        task_settings=spec.task_settings,
        chunking_settings=spec.chunking_settings,
    )


def applied(spec: InferenceEndpointSpec, generation: int = 1) -> Applied:
    desired = desire(spec)
    paths = tuple(dotted(path) for path in set_paths(desired))
    return Applied(generation=generation, digest=digest(desired), paths=paths)


def condition(name: str, status: str, reason: str, message: str = "as before", generation: int = 1) -> Condition:
    return Condition.model_validate(
        {
            "type": name,
            "status": status,
            "reason": reason,
            "message": message,
            "observed_generation": generation,
            "last_transition_time": THEN,
        }
    )


def written(spec: InferenceEndpointSpec, server: Server = SERVER, **fields: Any) -> InferenceEndpointStatus:
    """The status of an object that was Ready with `spec`."""
    return InferenceEndpointStatus(
        observed_generation=1,
        conditions=(condition("Ready", "True", "Available"), condition("Synced", "True", "Available")),
        cluster=ClusterStatus(uuid=server.uuid, version=server.version),
        applied=applied(spec),
    ).model_copy(update=fields)


def told(spec: InferenceEndpointSpec, reason: str, *paths: str, server: Server = SERVER) -> InferenceEndpointStatus:
    """The status that says `reason` of these paths, written for generation 1; before, the object was Ready with `spec`."""
    conditions = tuple(condition(name, "False", reason) for name in ("Ready", "Synced"))
    return written(spec, server, conditions=conditions, drift=tuple(DriftEntry(path=path) for path in paths))


def new(spec: InferenceEndpointSpec, **fields: Any) -> EndpointSituation:
    """An object that the operator sees for the first time; `fields` are those of `EndpointSituation`."""
    plain = EndpointSituation(
        uid=UID,
        generation=1,
        external_id=ID,
        spec=spec,
        previous=InferenceEndpointStatus(),
        server=SERVER,
        desired=desire(spec),
        secrets_changed=True,
    )
    return replace(plain, **fields)


def ours(spec: InferenceEndpointSpec, **fields: Any) -> EndpointSituation:
    """An object that made its endpoint with `spec` and was Ready, seen through the bulk read."""
    plain = new(
        spec,
        claim=CLAIM,
        has_finalizer=True,
        previous=written(spec),
        desired=desire(spec, read=False),
        secrets_changed=False,
        observed=stored(spec),
    )
    return replace(plain, **fields)


def edited(before: InferenceEndpointSpec, after: InferenceEndpointSpec, **fields: Any) -> EndpointSituation:
    """`ours(before)`, and then the spec was edited."""
    plain = ours(after, generation=2, previous=written(before), desired=desire(after), observed=stored(before), fresh=True)
    return replace(plain, **fields)


def going(spec: InferenceEndpointSpec, **fields: Any) -> EndpointSituation:
    """An object of ours that is being deleted."""
    return replace(ours(spec, deleting=True, desired=None, observed=None), **fields)


def deployed(**fields: Any) -> Deployment:
    """A deployment that serves; `fields` differ from it."""
    plain = Deployment(
        ID,
        model_id=".elser_model_2",
        state="started",
        allocation_state="fully_allocated",
        allocation_count=1,
        target_allocation_count=1,
    )
    return replace(plain, **fields)
