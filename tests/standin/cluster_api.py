"""The cluster about itself: `GET /`, health, licence and the few cluster settings that matter here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import json_body, object_in
from tests.standin.state import State
from tests.standin.version import Version

_MINIMUM_WIRE = {8: "7.17.0", 9: "8.19.0"}
_MINIMUM_INDEX = {8: "7.0.0", 9: "8.0.0"}
_YEAR = 365 * 86400


def prepare_info(request: Request, version: Version) -> Action:
    """`GET /` and `HEAD /`."""
    return lambda state, _now: Step(state, Response(200, _info(state)))


def _info(state: State) -> Json:
    version = state.version
    build = hashlib.sha1(str(version).encode(), usedforsecurity=False).hexdigest()
    return {
        "name": state.cluster.node,
        "cluster_name": state.cluster.name,
        "cluster_uuid": state.cluster.uuid,
        "version": {
            "number": str(version),
            "build_flavor": state.cluster.flavor,
            "build_type": "docker",
            "build_hash": build,
            "build_date": "2026-01-01T00:00:00.000000000Z",
            "build_snapshot": False,
            "lucene_version": "10.3.0" if version.major > 8 else "9.12.0",
            "minimum_wire_compatibility_version": _MINIMUM_WIRE.get(version.major, "8.19.0"),
            "minimum_index_compatibility_version": _MINIMUM_INDEX.get(version.major, "8.0.0"),
        },
        "tagline": "You Know, for Search",
    }


def prepare_health(request: Request, version: Version) -> Action:
    """`GET _cluster/health`; `wait_for_status` never has to wait."""
    return lambda state, _now: Step(state, Response(200, _health(state)))


def _health(state: State) -> Json:
    shards = len(state.indices)
    return {
        "cluster_name": state.cluster.name,
        "status": state.cluster.health,
        "timed_out": False,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards,
        "active_shards": shards,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": 0,
        "unassigned_primary_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": 100.0,
    }


def prepare_license(request: Request, version: Version) -> Action:
    """`GET _license`."""
    return lambda state, now: Step(state, Response(200, {"license": _license(state, now)}))


def _license(state: State, now: float) -> Json:
    issued = now - _YEAR
    expires = now - 86400 if state.cluster.license_status == "expired" else now + _YEAR
    return {
        "status": state.cluster.license_status,
        "uid": state.cluster.uuid,
        "type": state.cluster.license_type,
        "issue_date": _iso(issued),
        "issue_date_in_millis": int(issued * 1000),
        "expiry_date": _iso(expires),
        "expiry_date_in_millis": int(expires * 1000),
        "max_nodes": 1000,
        "max_resource_units": None,
        "issued_to": state.cluster.name,
        "issuer": "elasticsearch",
        "start_date_in_millis": int(issued * 1000),
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def prepare_put_settings(request: Request, version: Version) -> Action:
    """`PUT _cluster/settings`, persistent and transient alike; the stand-in acts on a few of them only."""
    body = json_body(request)
    given = {**_flat(object_in(body, "persistent")), **_flat(object_in(body, "transient"))}

    def run(state: State, now: float) -> Step:
        kept = {key: value for key, value in {**state.cluster.settings, **given}.items() if value is not None}
        changed = replace(state, cluster=replace(state.cluster, settings=kept))
        return Step(changed, Response(200, {"acknowledged": True, "persistent": given, "transient": {}}))

    return run


def prepare_get_settings(request: Request, version: Version) -> Action:
    """`GET _cluster/settings`."""
    return lambda state, _now: Step(state, Response(200, {"persistent": dict(state.cluster.settings), "transient": {}}))


def _flat(settings: Json, prefix: str = "") -> Json:
    """Nested settings with dotted names."""
    flat: Json = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        flat |= _flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat
