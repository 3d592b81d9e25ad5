"""The control path's calls that change what the cluster holds: credentials, deployments, models, endpoints, backups.

Bodies are read here; what a change means is decided where the thing itself is at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any, TypeVar

from tests.standin import deployments
from tests.standin.errors import ElasticsearchError
from tests.standin.messages import Json, Request
from tests.standin.security import ApiKey, Security, User
from tests.standin.stand_in import StandIn
from tests.standin.state import State
from tests.standin.tls_faults import CERTIFICATES

_V = TypeVar("_V")


def merged(value: _V, given: Mapping[str, Any]) -> _V:
    """The dataclass with the given fields; JSON lists become what the field holds. Raises ValueError for unknown fields."""
    known = {one.name: getattr(value, one.name) for one in fields(value)}  # type: ignore[arg-type]
    unknown = set(given) - set(known)
    if unknown:
        msg = f"unknown fields {sorted(unknown)}; known are {sorted(known)}"
        raise ValueError(msg)
    converted = {
        name: type(known[name])(item) if isinstance(known[name], (frozenset, tuple)) else item for name, item in given.items()
    }
    return replace(value, **converted)  # type: ignore[type-var]


def replace_cluster(standin: StandIn, request: Request, body: Json) -> Json:
    standin.replace_cluster(body["uuid"])
    return {"uuid": standin.state.cluster.uuid}


def show_security(standin: StandIn, request: Request, body: Json) -> Json:
    """Names only."""
    security = standin.state.security
    if security is None:
        return {"enabled": False}
    return {
        "enabled": True,
        "users": sorted(security.users),
        "api_keys": sorted(security.api_keys),
        "tokens": len(security.tokens),
    }


def change_security(standin: StandIn, request: Request, body: Json) -> Json:
    """Merge users and API keys by name, null removes one; `enabled: false` opens the cluster to everybody."""
    given = dict(body)
    enabled = given.pop("enabled", True)
    unknown = set(given) - {"users", "api_keys", "tokens"}
    if unknown:
        msg = f"unknown fields {sorted(unknown)}; known are ['api_keys', 'enabled', 'tokens', 'users']"
        raise ValueError(msg)
    before = standin.state.security or Security()
    after = replace(
        before,
        users=_entries(before.users, given.get("users", {}), User("")),
        api_keys=_entries(before.api_keys, given.get("api_keys", {}), ApiKey("")),
        tokens={name: user for name, user in {**before.tokens, **given.get("tokens", {})}.items() if user is not None},
    )
    standin.change(lambda state: replace(state, security=after if enabled else None))
    return show_security(standin, request, body)


def _entries(before: Mapping[str, _V], given: Mapping[str, Any], fresh: _V) -> Mapping[str, _V]:
    changed = {name: merged(before.get(name, fresh), item) for name, item in given.items() if item is not None}
    return {name: item for name, item in {**before, **changed}.items() if given.get(name, item) is not None}


def change_deployment(standin: StandIn, request: Request, body: Json) -> Json:
    """`fail`, `lose_nodes`, `hold` and `stop_fails`: see `StandIn.fail_deployment` and `deployments.lose_nodes`."""
    name = request.segments[2]
    unknown = set(body) - {"fail", "lose_nodes", "hold", "stop_fails"}
    if unknown or not body:
        msg = f"unknown fields {sorted(unknown)}; known are ['fail', 'hold', 'lose_nodes', 'stop_fails']"
        raise ValueError(msg)
    now = standin.clock.now()

    def change(state: State) -> State:
        deployment = state.deployments[name]
        if "fail" in body:
            deployment = replace(deployment, failure=body["fail"])
        if "lose_nodes" in body:
            deployment = deployments.lose_nodes(deployment, state.pace, now, int(body["lose_nodes"]))
        if "hold" in body:
            deployment = replace(deployment, most=body["hold"])
        if "stop_fails" in body:
            deployment = replace(deployment, stop_failure=body["stop_fails"])
        return state.with_deployment(deployment)

    standin.change(change)
    return {"deployment_id": name} | body


def load_model(standin: StandIn, request: Request, body: Json) -> Json:
    standin.load_model(body["model_id"], body["task_type"])
    return {"model_id": body["model_id"]}


def change_endpoint(standin: StandIn, request: Request, body: Json) -> Json:
    """`broken`: one of the endpoint's two documents is lost, or found again."""
    name, broken = request.segments[2], bool(body["broken"])
    standin.change(lambda state: state.with_endpoint(replace(state.endpoints[name], broken=broken)))
    return {"inference_id": name, "broken": broken}


def apply_file_settings(standin: StandIn, request: Request, body: Json) -> Json:
    """`pipelines`: what file-based settings own from now on, and nothing else. Raises ValueError for an unreadable one."""
    try:
        standin.apply_file_settings(body["pipelines"])
    except ElasticsearchError as error:
        raise ValueError(error.reason) from None
    return {"pipelines": sorted(body["pipelines"])}


def show_backups(standin: StandIn, request: Request, body: Json) -> list[str]:
    return sorted(standin.backups)


def take_backup(standin: StandIn, request: Request, body: Json) -> Json:
    standin.backups[request.segments[2]] = standin.state
    return {"backup": request.segments[2]}


def restore_backup(standin: StandIn, request: Request, body: Json) -> Json:
    """The whole cluster as it was then, credentials included. Raises KeyError for a backup that was not taken."""
    standin.restore(standin.backups[request.segments[2]])
    return {"restored": request.segments[2], "uuid": standin.state.cluster.uuid}


def change_network(standin: StandIn, request: Request, body: Json) -> Json:
    """`reachable`, and the `certificate` that new connections are shown."""
    unknown = set(body) - {"reachable", "certificate"}
    if unknown or body.get("certificate", "good") not in CERTIFICATES:
        msg = f"known are reachable (true or false) and certificate (one of {', '.join(CERTIFICATES)})"
        raise ValueError(msg)
    standin.reachable = bool(body.get("reachable", standin.reachable))
    standin.certificate = body.get("certificate", standin.certificate)
    return show_network(standin, request, {})


def show_network(standin: StandIn, request: Request, body: Json) -> Json:
    return {"reachable": standin.reachable, "certificate": standin.certificate}
