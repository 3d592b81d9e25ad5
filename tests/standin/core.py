"""The pure core: `(state, request, now) -> (state, answer)`.

Decides the order in which a request is refused before its action runs: credentials, path, method, media type, body,
query parameters, validity, privileges. No I/O, no clock, no chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from tests.standin import media_types
from tests.standin.errors import ElasticsearchError, illegal_argument
from tests.standin.messages import Action, Asking, NoReply, ProviderReply, Request, Response, Step, Waiting
from tests.standin.reading import time_value
from tests.standin.router import Route, Router
from tests.standin.routes import ROUTES
from tests.standin.security import Principal, authenticate, forbidden, may_cluster, may_index
from tests.standin.state import State
from tests.standin.version import Version

_MASTER_TIMEOUT = 30.0
_ROUTER = Router(ROUTES)


def handle(state: State, request: Request, now: float) -> Step:
    """Answer a request. Never raises for anything that a client can send."""
    try:
        return _checked(state, request, now)
    except ElasticsearchError as error:
        return Step(state, error.response())


def resume(waiting: Waiting, state: State, now: float) -> Step:
    """Go on with an answer that had to wait."""
    try:
        return waiting.resume(state, now)
    except ElasticsearchError as error:
        return Step(state, error.response())


def receive(asking: Asking, reply: ProviderReply | NoReply, state: State, now: float) -> Step:
    """Go on with an answer for which a provider was asked."""
    try:
        return asking.resume(state, now, reply)
    except ElasticsearchError as error:
        return Step(state, error.response())


def _checked(state: State, request: Request, now: float) -> Step:
    caller = authenticate(state.security, request, now) if state.security else None
    routes = list(_ROUTER.candidates(request.segments, state.version))
    route = next((one for one in routes if one.method == request.method), None)
    if route is None:
        return Step(state, _no_handler(request, routes))
    refused = media_types.refusal(request, state.version)
    if refused is not None:
        return Step(state, refused)
    _check_params(request, route, state.version)
    action = route.prepare(request, state.version)
    if caller is not None:
        _authorise(caller, route, request)
    if route.needs_master:
        return _await_master(state, now, action=action, deadline=now + _master_timeout(request))
    return action(state, now)


def _await_master(state: State, now: float, *, action: Action, deadline: float) -> Step:
    """Without a master a write waits for one, up to `master_timeout`."""
    if state.cluster.master:
        return action(state, now)
    if now >= deadline:
        # Type and status are well known from clusters without a master; the null reason, too.
        raise ElasticsearchError(503, "master_not_discovered_exception", None)
    return Step(state, Waiting(deadline, partial(_await_master, action=action, deadline=deadline), watches=True))


def _master_timeout(request: Request) -> float:
    text = request.query.get("master_timeout")
    return _MASTER_TIMEOUT if text is None else time_value(text, "master_timeout")


def _no_handler(request: Request, routes: Sequence[Route]) -> Response:
    """400 for a path that nobody knows, 405 for a method; OPTIONS lists the methods."""
    if not routes:
        return Response(400, {"error": f"no handler found for uri [{request.uri}] and method [{request.method}]"})
    # The order of the methods is that of a Java hash set: unverified, and nothing should depend on it.
    allowed = sorted({route.method for route in routes})
    if request.method == "OPTIONS":
        return Response(200, "", (("Allow", ",".join(allowed)),), "text/plain; charset=UTF-8")
    reason = f"Incorrect HTTP method for uri [{request.uri}] and method [{request.method}], allowed: [{', '.join(allowed)}]"
    return Response(405, {"error": reason, "status": 405}, (("Allow", ",".join(allowed)),))


def _check_params(request: Request, route: Route, version: Version) -> None:
    unknown = sorted(set(request.query) - route.known_params(version))
    if unknown:
        noun = "parameter" if len(unknown) == 1 else "parameters"
        names = ", ".join(f"[{name}]" for name in unknown)
        raise illegal_argument(f"request [{request.path}] contains unrecognized {noun}: {names}")
    if request.body and not route.body:
        raise illegal_argument(f"request [{request.method} {request.path}] does not support having a body")


def _authorise(caller: Principal, route: Route, request: Request) -> None:
    """An index action needs rights on each index named; everything else is a matter of cluster privileges."""
    if route.index_segment is None and not route.every_index:
        if not may_cluster(caller, route.action):
            raise forbidden(caller, route.action)
        return
    named = ["*"] if route.index_segment is None else request.segments[route.index_segment].split(",")
    for index in named:
        if not may_index(caller, route.action, index):
            raise forbidden(caller, route.action, index)
