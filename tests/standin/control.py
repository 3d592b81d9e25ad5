"""The control path `/_standin/…`: how a test in another process looks into the stand-in and makes it misbehave.

Not part of Elasticsearch, never logged, and only there when switched on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, replace
from typing import Any

from tests.standin import control_cluster
from tests.standin.control_cluster import merged
from tests.standin.fault_kinds import parse_fault
from tests.standin.messages import Json, Request, Response
from tests.standin.stand_in import StandIn
from tests.standin.version import Version

PREFIX = "_standin"
_Handler = Callable[[StandIn, Request, Json], Any]


def answer(standin: StandIn, request: Request) -> Response:
    """Answer a control request: 404 with the list of what there is, 400 for a body that makes no sense."""
    parts = request.segments[1:]
    handler = _HANDLERS.get((request.method, parts[0] if parts else ""))
    if handler is None:
        return Response(404, {"error": "no such control path", "known": [f"{m} /{PREFIX}/{p}" for m, p in _HANDLERS]})
    try:
        body = json.loads(request.body) if request.body.strip() else {}
        return Response(200, handler(standin, request, body))
    except (IndexError, KeyError, TypeError, ValueError) as error:
        return Response(400, {"error": f"{type(error).__name__}: {error}"})


def _summary(standin: StandIn, request: Request, body: Json) -> Json:
    state = standin.state
    return {
        "version": str(state.version),
        "now": standin.clock.now(),
        "reads": len(standin.log.reads),
        "writes": len(standin.log.writes),
        "endpoints": sorted(state.endpoints),
        "deployments": sorted(state.deployments),
        "pipelines": sorted(state.pipelines),
        "indices": sorted(state.indices),
    }


def _log(standin: StandIn, request: Request, body: Json) -> list[Json]:
    with_bodies = request.query.get("bodies", "false") != "false"
    return [
        {
            "method": one.method,
            "path": one.path,
            "params": dict(one.query),
            "status": one.status,
            "write": one.is_write,
            "at": one.at,
        }
        | ({"body": one.body.decode(errors="replace")} if with_bodies and one.body is not None else {})
        for one in standin.log
    ]


def _set_log(standin: StandIn, request: Request, body: Json) -> Json:
    standin.log.keep_bodies = bool(body["keep_bodies"])
    return {"keep_bodies": standin.log.keep_bodies}


def _clear_log(standin: StandIn, request: Request, body: Json) -> Json:
    standin.log.clear()
    return {}


def _faults(standin: StandIn, request: Request, body: Json) -> list[Json]:
    return [asdict(fault) for fault in standin.faults.active()]


def _add_fault(standin: StandIn, request: Request, body: Json) -> Json:
    return asdict(standin.faults.add(parse_fault(body)))


def _clear_faults(standin: StandIn, request: Request, body: Json) -> Json:
    standin.faults.clear()
    return {}


def _shown(value: Any) -> Json:
    """The fields of a dataclass, without those that its repr hides."""
    return {
        one.name: sorted(item) if isinstance(item := getattr(value, one.name), frozenset) else item
        for one in fields(value)
        if one.repr
    }


def _part(name: str) -> _Handler:
    """A handler that sets fields of one part of the state."""

    def put(standin: StandIn, request: Request, body: Json) -> Json:
        part = merged(getattr(standin.state, name), body)
        standin.change(lambda state: replace(state, **{name: part}))
        return _shown(part)

    return put


def _read_part(name: str) -> _Handler:
    def get(standin: StandIn, request: Request, body: Json) -> Json:
        return _shown(getattr(standin.state, name))

    return get


def _version(standin: StandIn, request: Request, body: Json) -> Json:
    version = Version.parse(body["version"])
    standin.change(lambda state: replace(state, version=version))
    return {"version": str(version)}


def _clock(standin: StandIn, request: Request, body: Json) -> Json:
    standin.clock.advance(float(body.get("advance", 0)))
    return {"now": standin.clock.now()}


_HANDLERS: Mapping[tuple[str, str], _Handler] = {
    ("GET", ""): _summary,
    ("GET", "log"): _log,
    ("PUT", "log"): _set_log,
    ("DELETE", "log"): _clear_log,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("GET", "provider"): _read_part("provider"),
    ("PUT", "provider"): _part("provider"),
    ("GET", "cluster"): _read_part("cluster"),
    ("PUT", "cluster"): _part("cluster"),
    ("POST", "cluster"): control_cluster.replace_cluster,
    ("GET", "pace"): _read_part("pace"),
    ("PUT", "pace"): _part("pace"),
    ("PUT", "version"): _version,
    ("POST", "clock"): _clock,
    ("GET", "security"): control_cluster.show_security,
    ("PUT", "security"): control_cluster.change_security,
    ("GET", "network"): control_cluster.show_network,
    ("PUT", "network"): control_cluster.change_network,
    ("POST", "deployments"): control_cluster.change_deployment,
    ("POST", "models"): control_cluster.load_model,
    ("PUT", "file_settings"): control_cluster.apply_file_settings,
    ("POST", "endpoints"): control_cluster.change_endpoint,
    ("GET", "backups"): control_cluster.show_backups,
    ("PUT", "backups"): control_cluster.take_backup,
    ("POST", "backups"): control_cluster.restore_backup,
}


def known_paths() -> list[tuple[str, str]]:
    """Method and first part of every control path."""
    return list(_HANDLERS)
