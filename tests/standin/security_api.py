"""`GET /_security/_authenticate` and `…/user/_has_privileges`: what a client may ask about itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from tests.standin.errors import illegal_argument
from tests.standin.messages import Action, Json, Request, Response, Step
from tests.standin.reading import json_body
from tests.standin.security import (
    CLUSTER_PRIVILEGES,
    INDEX_PRIVILEGES,
    Principal,
    authenticate,
    describe,
    may_cluster,
    may_index,
)
from tests.standin.state import State
from tests.standin.version import Version


def _caller(state: State, request: Request, now: float) -> Principal:
    """Who asks. Raises 400 when security is off (status and words are unverified; an open cluster settles them)."""
    if state.security is None:
        raise illegal_argument("Security must be explicitly enabled when using a [basic] license.")
    return authenticate(state.security, request, now)


def prepare_authenticate(request: Request, version: Version) -> Action:
    """`GET /_security/_authenticate`."""
    return lambda state, now: Step(state, Response(200, describe(_caller(state, request, now))))


def prepare_has_privileges(request: Request, version: Version) -> Action:
    """`GET` or `POST /_security/user/_has_privileges`: privileges by name, cluster and index."""
    body = json_body(request)

    def run(state: State, now: float) -> Step:
        caller = _caller(state, request, now)
        cluster = {name: _has_cluster(caller, name) for name in body.get("cluster", ())}
        index = _index_answer(caller, body.get("index", ()))
        asked = [*cluster.values(), *(held for rights in index.values() for held in rights.values())]
        answer = {"username": caller.user, "has_all_requested": all(asked), "cluster": cluster, "index": index}
        return Step(state, Response(200, answer | {"application": {}}))

    return run


def _has_cluster(caller: Principal, privilege: str) -> bool:
    """A privilege is held when all of its actions are; a pattern is tried by an action that it matches."""
    patterns = CLUSTER_PRIVILEGES.get(privilege, (privilege,))
    return all(may_cluster(caller, _example(pattern)) for pattern in patterns)


def _has_index(caller: Principal, privilege: str, index: str) -> bool:
    patterns = INDEX_PRIVILEGES.get(privilege, (privilege,))
    return all(may_index(caller, _example(pattern), index) for pattern in patterns)


def _example(pattern: str) -> str:
    return pattern.replace("*", "/any")


def _index_answer(caller: Principal, asked: Iterable[Json]) -> dict[str, Any]:
    answer: dict[str, Any] = {}
    for entry in asked:
        for name in entry["names"]:
            held = {one: _has_index(caller, one, name) for one in entry["privileges"]}
            answer[name] = answer.get(name, {}) | held
    return answer
